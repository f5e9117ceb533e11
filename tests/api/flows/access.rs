//! What the owner decides about access, as people, apps and MCP servers meet it.

use mcp_oauthd::accounts::{Username, invitation};
use mcp_oauthd::authorization::{admission, pause};
use mcp_oauthd::revocation::ending;
use mcp_oauthd::storage::{Audience, DbConnection, Event, StorageError, events, resources, users};

use crate::support::{Answer, Browser, OAuthClient, RESOURCE, TestServer, USER};

async fn write<T: Send + 'static>(
    server: &TestServer,
    work: impl Fn(&mut DbConnection) -> Result<T, mcp_oauthd::error::Error> + Send + 'static,
) -> T {
    server.storage.write(work).await.map_err(|error| format!("{error:?}")).unwrap()
}

/// For people who are named; nobody is yet.
async fn close_to_all(server: &TestServer) {
    let now = server.clock.now();
    write(server, move |conn| {
        let resource = resources::find_by_uri(conn, &RESOURCE.parse().unwrap())?.unwrap();
        admission::open_to(conn, &resource, (Audience::Named, None), now)
    })
    .await;
}

async fn pause_all(server: &TestServer, closes: bool) {
    let now = server.clock.now();
    let change = if closes { pause::pause } else { pause::resume };
    write(server, move |conn| Ok(change(conn, None, now)?)).await;
}

async fn ask_gate(server: &TestServer, token: &str) -> Answer {
    let request = reqwest::Client::new().get(format!("{}/gate/wiki", server.url));
    Answer::of(request.bearer_auth(token)).await
}

#[tokio::test]
async fn a_person_for_whom_it_is_not_gets_a_page_and_the_app_no_code() {
    let server = TestServer::spawn().await;
    let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
    let question = browser.question(&client.request()).await;
    close_to_all(&server).await;
    let refused = browser.decide(&question, "allow").await;
    assert_eq!((refused.status, refused.header("location")), (403, ""), "a page in another tab");

    let sent = browser.authorize(&client.request()).await;
    let page = browser.get(sent.header("location")).await;
    assert_eq!(page.status, 403);
    assert!(page.text.contains("not for your account") && page.text.contains(USER), "{page:?}");
    assert!(!page.text.contains("127.0.0.1/callback"), "nothing leads to the app by itself");
    assert!(!page.text.contains("value=\"allow\""));
    let forced = browser.decide(&page, "allow").await;
    assert_eq!(forced.status, 403, "by its own form");
    let told = browser.decide(&page, "deny").await.redirect_query();
    assert_eq!(told["error"], "access_denied");
    assert!(!told.contains_key("code"));
}

#[tokio::test]
async fn a_person_is_asked_only_for_what_can_be_had() {
    let server = TestServer::spawn_with(&[("scopes", "wiki:read wiki:write")]).await;
    let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
    let now = server.clock.now();
    write(&server, move |conn| {
        let resource = resources::find_by_uri(conn, &RESOURCE.parse().unwrap())?.unwrap();
        let ada = users::find_by_name(conn, USER)?.unwrap();
        let read = "wiki:read".parse().unwrap();
        admission::allow(conn, &resource, &ada.id, Some(&read), now)
    })
    .await;
    let question = browser.question(&client.request()).await;
    assert!(question.text.contains("wiki:read") && !question.text.contains("wiki:write"));
    let code = browser.decide(&question, "allow").await.redirect_query()["code"].clone();
    let tokens = client.exchange(&code).await;
    assert_eq!(tokens.text("scope"), "wiki:read");
    // More cannot be had: the gate sends nobody to ask for it.
    let address = format!("{}/gate/wiki/wiki:write", server.url);
    let bearer = tokens.text("access_token");
    let refused = Answer::of(reqwest::Client::new().get(address).bearer_auth(bearer)).await;
    assert_eq!(refused.error(), (403, "access_denied"));
    assert!(!refused.header("www-authenticate").contains("scope="), "{refused:?}");
}

#[tokio::test]
async fn a_pause_is_seen_at_the_next_request_and_costs_no_login() {
    let server = TestServer::spawn().await;
    let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
    let tokens = client.connect(&browser).await;
    let token = tokens.text("access_token");
    assert!(client.is_active(&token).await);
    assert_eq!(ask_gate(&server, &token).await.status, 200);

    pause_all(&server, true).await;
    let told = client.introspect(&token).await;
    assert_eq!(told.body, serde_json::json!({ "active": false }));
    for bearer in [token.as_str(), "none"] {
        let denied = ask_gate(&server, bearer).await;
        assert_eq!(denied.error(), (503, "temporarily_unavailable"));
        assert_eq!(denied.header("retry-after"), "60");
        assert_eq!(denied.header("www-authenticate"), "", "no client is told to sign in again");
    }
    let sent = browser.authorize(&client.request()).await;
    let page = browser.get(sent.header("location")).await;
    assert!(page.status == 403 && page.text.contains("paused"), "{page:?}");
    let refreshed = client.refresh(&tokens.text("refresh_token")).await;
    assert_eq!(refreshed.status, 200);

    pause_all(&server, false).await;
    let token = refreshed.text("access_token");
    assert!(client.is_active(&token).await);
    assert_eq!(ask_gate(&server, &token).await.status, 200);
}

#[tokio::test]
async fn when_everything_is_ended_no_token_of_any_kind_is_good() {
    let server = TestServer::spawn().await;
    let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
    let tokens = client.connect(&browser).await;
    let code = client.code(&browser).await;
    let now = server.clock.now();
    write(&server, move |conn| Ok(ending::of_resource(conn, None, now)?)).await;
    assert!(!client.is_active(&tokens.text("access_token")).await);
    assert_eq!(ask_gate(&server, &tokens.text("access_token")).await.status, 401);
    let refreshed = client.refresh(&tokens.text("refresh_token")).await;
    assert_eq!(refreshed.error(), (400, "invalid_grant"));
    assert_eq!(client.exchange(&code).await.error(), (400, "invalid_grant"));
    let again = client.connect(&browser).await;
    assert!(client.is_active(&again.text("access_token")).await);
}

async fn invite(server: &TestServer, name: &'static str) -> String {
    let now = server.clock.now();
    let link = write(server, move |conn| {
        Ok(invitation::invite(conn, &Username::parse(name).unwrap(), None, now)?.1.reveal())
    });
    format!("/welcome?token={}", link.await)
}

#[tokio::test]
async fn an_invited_person_sets_a_password_and_is_signed_in() {
    let server = TestServer::spawn().await;
    let link = invite(&server, "bob").await;
    let browser = Browser::new(&server);
    let page = browser.get(&link).await;
    assert_eq!((page.status, page.header("referrer-policy")), (200, "strict-origin"));
    assert!(page.text.contains("bob"));
    let token = page.field("token");
    let send = |password: &'static str| {
        let fields = [("token", token.clone()), ("password", password.to_owned())];
        let browser = &browser;
        async move {
            let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
            browser.post("/welcome", &fields).await
        }
    };
    for wrong in ["short", "password", ""] {
        let again = send(wrong).await;
        assert_eq!(again.status, 422, "{wrong}");
        assert!(again.text.contains("aria-invalid=\"true\"") && again.field("token") == token);
    }
    let done = send("correct horse battery").await;
    assert_eq!((done.status, done.header("location")), (303, "/account"));
    assert!(done.header("set-cookie").contains("session="), "{done:?}");
    assert_eq!(send("another long password").await.status, 403, "the link works once");
    assert_eq!(Browser::new(&server).get(&link).await.status, 403);
    let signed_in = Browser::new(&server);
    let client = OAuthClient::register(&server).await;
    let form = signed_in.sign_in_form(&client.request()).await;
    let passed = signed_in.send_password(&form, "bob", "correct horse battery").await;
    assert_eq!(passed.status, 303, "{passed:?}");
}

#[tokio::test]
async fn nobody_comes_in_without_a_link_that_is_good() {
    let server = TestServer::spawn().await;
    let link = invite(&server, "bob").await;
    let browser = Browser::new(&server);
    for bad in ["", "?token=", "?token=mln_x", &format!("?token={}x", &link[15..])] {
        assert_eq!(browser.get(&format!("/welcome{bad}")).await.status, 403, "{bad}");
        let token = bad.strip_prefix("?token=").unwrap_or_default();
        let fields = [("token", token), ("password", "correct horse battery")];
        assert_eq!(browser.post("/welcome", &fields).await.status, 403, "{bad}");
    }
    let token = link.strip_prefix("/welcome?token=").unwrap();
    let fields = [("token", token), ("password", "correct horse battery")];
    let elsewhere = browser.http.post(format!("{}/welcome", server.url)).form(&fields);
    let elsewhere = elsewhere.header("Origin", "https://evil.example").send().await.unwrap();
    assert_eq!(elsewhere.status().as_u16(), 403, "a form of another site");
    // The account has no password: none is the right one.
    let client = OAuthClient::register(&server).await;
    let form = browser.sign_in_form(&client.request()).await;
    assert_eq!(browser.send_password(&form, "bob", "").await.status, 401);
    server.advance(7 * 86_400);
    assert_eq!(browser.get(&link).await.status, 403, "a week is over");
    let recorded = server.storage.read(|conn| events::list(conn, 100)).await;
    let recorded: Result<_, StorageError> = recorded;
    assert!(recorded.unwrap().iter().all(|event| event.kind != Event::LinkUsed));
}
