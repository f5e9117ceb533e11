//! Why did it fail? Where a person is in the way, or only seems to be: who it was, what mends it, and
//! into whose story nobody else writes.

use mcp_oauthd::attempts::{DOCTOR, State, Told};
use mcp_oauthd::authorization::{admission, pause};
use mcp_oauthd::clients::{self, connecting};
use mcp_oauthd::error::Error;
use mcp_oauthd::oauth::ClientId;
use mcp_oauthd::revocation;
use mcp_oauthd::storage::{Audience, DbConnection, resources};
use reqwest::header::{ACCEPT_LANGUAGE, USER_AGENT};

use super::account::{add, signed_in};
use super::attempts::{only, steps, told};
use crate::support::{Browser, OAuthClient, PASSWORD, Page, RESOURCE, TestServer, USER, page};

async fn change(
    server: &TestServer,
    work: impl Fn(&mut DbConnection) -> Result<(), Error> + Send + 'static,
) {
    server.storage.write(work).await.map_err(|error| format!("{error:?}")).unwrap();
}

/// For people who are named; nobody is yet.
async fn close_to_all(server: &TestServer) {
    let now = server.clock.now();
    change(server, move |conn| {
        let resource = resources::find_by_uri(conn, &RESOURCE.parse().unwrap())?.unwrap();
        admission::open_to(conn, &resource, (Audience::Named, None), now)
    })
    .await;
}

/// Bob signs in for the client; the place of the question.
async fn come(browser: &Browser, client: &OAuthClient) -> String {
    let sent = browser.authorize(&client.request()).await;
    let place = sent.header("location").to_owned();
    if !place.starts_with("/sign-in?") {
        return place;
    }
    let form = browser.get(&place).await;
    browser.send_password(&form, "bob", PASSWORD).await.header("location").to_owned()
}

/// The newest story: what it is of a person's, its cause and its mend.
async fn newest(server: &TestServer) -> (Told, String, &'static str) {
    let newest = told(server).await.remove(0);
    let (cause, mend) = (newest.diagnosis.cause.to_string(), newest.diagnosis.mend);
    (newest, cause, mend.unwrap_or_default())
}

#[tokio::test]
async fn each_obstacle_has_its_mend_and_its_person_and_stays_the_cause_when_she_goes_back() {
    let server = TestServer::spawn().await;
    add(&server, "bob").await;
    for (obstacle, cause, mend) in [
        ("disabled", "This app has been switched off here", "`client enable`"),
        ("paused", "This MCP server is paused", "`access resume`"),
        ("named", "This MCP server is not for your account", "`resource allow`"),
    ] {
        server.advance(1000);
        let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
        let place = come(&browser, &client).await;
        let (id, now): (ClientId, _) = (client.id.parse().unwrap(), server.clock.now());
        match obstacle {
            "disabled" => {
                let end = move |conn: &mut _| {
                    revocation::disable_client(conn, &id, now)?;
                    Ok(())
                };
                change(&server, end).await;
            }
            "paused" => {
                change(&server, move |conn| Ok(pause::pause(conn, None, now).map(drop)?)).await;
            }
            _ => close_to_all(&server).await,
        }
        let page = browser.get(&place).await;
        assert_eq!(page.status, 403, "{page:?}");
        for went_back in [false, true] {
            if went_back {
                browser.decide(&page, "deny").await;
            }
            let (told, said, mends) = newest(&server).await;
            assert!(said.contains(cause) && mends.contains(mend), "{obstacle}: {said} {mends}");
            assert_eq!(told.username.as_deref(), Some("bob"), "{obstacle}");
            assert_eq!(told.diagnosis.state, State::Failed);
            assert_eq!(steps(&told).contains(&"The person said no"), went_back);
        }
        change(&server, move |conn| Ok(pause::resume(conn, None, now).map(drop)?)).await;
    }
}

#[tokio::test]
async fn a_yes_that_comes_too_late_is_told_with_what_was_in_its_way() {
    let server = TestServer::spawn().await;
    add(&server, "bob").await;
    let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
    let question = browser.get(&come(&browser, &client).await).await;
    close_to_all(&server).await;
    assert_eq!(browser.decide(&question, "allow").await.status, 403);
    let (told, cause, mend) = newest(&server).await;
    assert!(cause.contains("not for your account") && mend.contains("`resource allow`"), "{cause}");
    assert_eq!(told.username.as_deref(), Some("bob"));
}

#[tokio::test]
async fn an_app_that_was_disabled_or_removed_is_told_so_and_not_that_nobody_knows_it() {
    let server = TestServer::spawn().await;
    let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
    let tokens = client.connect(&browser).await;
    let (id, now): (ClientId, _) = (client.id.parse().unwrap(), server.clock.now());
    change(&server, move |conn| Ok(revocation::disable_client(conn, &id, now).map(drop)?)).await;
    assert_eq!(
        client.refresh(&tokens.text("refresh_token")).await.error(),
        (401, "invalid_client")
    );
    let (told, cause, mend) = newest(&server).await;
    assert!(steps(&told).contains(&"A refresh of the tokens was refused"), "{told:#?}");
    assert_eq!(cause, "The owner has disabled this app, and so it was refused.");
    assert!(mend.contains("`client enable`"), "{mend}");

    server.advance(1000);
    let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
    let sent = browser.authorize(&client.request()).await;
    let (id, now): (ClientId, _) = (client.id.parse().unwrap(), server.clock.now());
    change(&server, move |conn| Ok(revocation::remove_client(conn, &id, now).map(drop)?)).await;
    let place = sent.header("location").replace("/sign-in?", "/consent?");
    assert_eq!(browser.get(&place).await.status, 403);
    let (told, cause, mend) = newest(&server).await;
    assert!(
        cause.contains("no longer registered here") && mend.contains("registers anew"),
        "{cause}"
    );
    assert!(!told.attempt.known, "nobody has signed in");
}

#[tokio::test]
async fn who_said_no_and_who_waits_is_told_and_what_the_owner_has_decided_since() {
    let mut server = TestServer::spawn().await;
    add(&server, "bob").await;
    let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
    let question = browser.get(&come(&browser, &client).await).await;
    assert_eq!(newest(&server).await.0.username.as_deref(), Some("bob"), "who was asked");
    browser.decide(&question, "deny").await;
    assert_eq!(only(&server).await, (State::Failed, "The person said no.".to_owned()));
    assert_eq!(newest(&server).await.0.username.as_deref(), Some("bob"));

    server.restart_with(&[("clients", "ask")]).await;
    server.advance(1000);
    let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
    assert_eq!(browser.get(&come(&browser, &client).await).await.status, 202);
    let (told, cause, mend) = newest(&server).await;
    assert_eq!((told.username.as_deref(), told.diagnosis.state), (Some("bob"), State::Unfinished));
    assert!(cause.contains("waits for the owner") && mend.contains("`client approve`"), "{cause}");
    let (id, now): (ClientId, _) = (client.id.parse().unwrap(), server.clock.now());
    let approved = id.clone();
    change(&server, move |conn| Ok(connecting::approve(conn, (&approved, None), now).map(drop)?))
        .await;
    let (_, cause, mend) = newest(&server).await;
    assert!(cause.contains("has let it in since") && mend.contains("once more"), "{cause}");
    let disabled = id.clone();
    change(&server, move |conn| Ok(revocation::disable_client(conn, &disabled, now).map(drop)?))
        .await;
    let (_, cause, mend) = newest(&server).await;
    assert!(cause.contains("has not let it in") && mend.contains("`client enable`"), "{cause}");
    change(&server, move |conn| Ok(clients::enable(conn, &id, now).map(drop)?)).await;
}

#[tokio::test]
async fn a_cause_is_told_in_the_language_of_the_page_and_what_an_app_says_as_it_is() {
    let server = TestServer::spawn().await;
    let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
    let code = client.code(&browser).await;
    server.advance(601);
    client.exchange(&code).await;
    let (late, ..) = newest(&server).await;
    let mut request = client.request();
    request.insert("redirect_uri".into(), "the code has expired".into());
    server.advance(1000);
    browser.authorize(&request).await;
    let (odd, ..) = newest(&server).await;
    let owner = signed_in(&server, USER).await;
    let german = async |told: &Told| -> Page {
        let one = format!("{}/owner/attempts/one?id={}", server.url, told.attempt.id);
        page(owner.http.get(one).header(ACCEPT_LANGUAGE, "de")).await
    };
    let text = german(&late).await.text;
    assert_eq!(text.matches("invalid_grant: der Code ist abgelaufen").count(), 2, "{text}");
    assert!(!text.contains("the code has expired"), "{text}");
    let text = german(&odd).await.text;
    assert!(text.contains("<code>the code has expired</code>"), "{text}");
}

#[tokio::test]
async fn a_forged_token_with_the_right_key_writes_into_nobodys_story() {
    let server = TestServer::spawn().await;
    let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
    let code = client.code(&browser).await;
    let tokens = client.exchange(&code).await;
    let refresh = tokens.text("refresh_token");
    let before = steps(&newest(&server).await.0);
    let thief = reqwest::Client::builder().user_agent("thief").build().unwrap();
    let (end, start) = ("A".repeat(40), |token: &str| token[..token.len() - 40].to_owned());
    let forged = (start(&code) + &end, start(&refresh) + &end);
    for form in [
        [("grant_type", "authorization_code"), ("code", &*forged.0), ("client_id", &client.id)],
        [("grant_type", "refresh_token"), ("refresh_token", &forged.1), ("client_id", &client.id)],
    ] {
        let refused = thief.post(format!("{}/token", server.url)).form(&form).send().await.unwrap();
        assert_eq!(refused.status(), 400);
    }
    let all = told(&server).await;
    assert_eq!(steps(all.last().unwrap()), before, "{all:#?}");
    assert!(all[..all.len() - 1].iter().all(|one| one.attempt.agent == "thief"), "{all:#?}");
    let causes = all.iter().map(|one| one.diagnosis.cause.to_string());
    assert_eq!(causes.filter(|cause| cause.contains("is not known")).count(), 1, "{all:#?}");
    assert!(all[0].username.is_none() && all[0].attempt.grant_id.is_none(), "{all:#?}");
    server.advance(31 * 86_400);
    assert_eq!(client.refresh(&refresh).await.status, 400);
    let all = told(&server).await;
    let refused = "A refresh of the tokens was refused";
    assert!(steps(all.last().unwrap()).contains(&refused), "the whole token is proof: {all:#?}");
}

#[tokio::test]
async fn whoever_says_that_it_is_doctor_gathers_in_one_story_and_hides_nobody() {
    let server = TestServer::spawn().await;
    let http = reqwest::Client::new();
    let doctor = |request: reqwest::RequestBuilder| request.header(DOCTOR, "1").send();
    let metadata = format!("{}/.well-known/oauth-authorization-server", server.url);
    for agent in ["Claude-User", "node", "mcp-oauthd-doctor/9"] {
        doctor(http.get(&metadata).header(USER_AGENT, agent)).await.unwrap();
    }
    let unknown = [("response_type", "code"), ("client_id", "doctor")];
    doctor(http.get(format!("{}/authorize", server.url)).query(&unknown)).await.unwrap();
    let form = [("grant_type", "doctor"), ("client_id", "doctor")];
    doctor(http.post(format!("{}/token", server.url)).form(&form)).await.unwrap();
    let (state, cause) = only(&server).await;
    assert!(state == State::Ended && cause.contains("`doctor`"), "{cause}");

    // Nothing of others goes into it: neither what has a name from before, nor who only says so.
    let client = OAuthClient::register(&server).await;
    server.advance(500);
    doctor(http.get(&metadata)).await.unwrap();
    Browser::new(&server).sign_in_form(&client.request()).await;
    assert_eq!(told(&server).await.len(), 2);
    let register = format!("{}/register", server.url);
    let metadata = serde_json::json!({"redirect_uris": ["http://127.0.0.1/callback"]});
    server.advance(1000);
    doctor(http.post(register).json(&metadata)).await.unwrap();
    let (told, cause, _) = newest(&server).await;
    assert_eq!(told.attempt.agent, DOCTOR);
    assert!(cause.contains("its browser never came"), "{cause}");
}
