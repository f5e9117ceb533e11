//! Why did it fail? Every failure of a real sequence of requests is told with its cause and its mend.

use mcp_oauthd::attempts::{State, Told};
use mcp_oauthd::storage::attempts;
use serde_json::json;

use super::account::{add, signed_in};
use super::owner::confirm;
use crate::support::{
    Answer, Browser, DocumentHost, INTROSPECTION, OAuthClient, RESOURCE, TestServer, USER, page,
};

const CALLBACK: &str = "http://127.0.0.1:49152/callback";

/// What is told, the newest first, after the owner has looked: his page is never behind.
pub(super) async fn told(server: &TestServer) -> Vec<Told> {
    let owner = signed_in(server, USER).await;
    let list = owner.get("/owner/attempts").await;
    assert_eq!(list.status, 200, "{list:?}");
    let now = server.clock.now();
    let all = server.storage.read(|conn| {
        let all = attempts::list(conn, None, i64::MAX, 1000)?;
        all.into_iter().map(|one| Told::of(conn, one, now)).collect::<Result<Vec<_>, _>>()
    });
    let all: Result<Vec<Told>, mcp_oauthd::storage::StorageError> = all.await;
    let all = all.unwrap();
    if let Some(newest) = all.first() {
        let one = owner.get(&format!("/owner/attempts/one?id={}", newest.attempt.id)).await;
        assert_eq!(one.status, 200, "{one:?}");
        let words = newest.diagnosis.cause.words.split("{}").next().unwrap();
        assert!(one.text.contains(&words.replace('\'', "&#39;")), "{words}: {}", one.text);
        assert!(
            newest.diagnosis.mend.is_some()
                || newest.diagnosis.state != State::Failed
                || words == "The person said no.",
            "{newest:?}"
        );
    }
    all
}

/// The only story: how it stands, and why.
pub(super) async fn only(server: &TestServer) -> (State, String) {
    let all = told(server).await;
    assert_eq!(all.len(), 1, "{all:#?}");
    (all[0].diagnosis.state, all[0].diagnosis.cause.to_string())
}

pub(super) fn steps(told: &Told) -> Vec<&'static str> {
    told.steps().iter().map(|step| step.words).collect()
}

async fn discover(server: &TestServer) {
    let http = reqwest::Client::new();
    for path in ["oauth-protected-resource/mcp", "oauth-authorization-server"] {
        let answer = http.get(format!("{}/.well-known/{path}", server.url)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
    }
}

async fn gate(server: &TestServer, token: Option<&str>) -> u16 {
    let request = reqwest::Client::new().get(format!("{}/gate/wiki", server.url));
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_connection_that_works_is_one_story_from_discovery_to_the_first_use() {
    let server = TestServer::spawn().await;
    assert_eq!(gate(&server, None).await, 401);
    discover(&server).await;
    let client = OAuthClient::register(&server).await;
    discover(&server).await;
    let tokens = client.connect(&Browser::new(&server)).await;
    assert_eq!(gate(&server, Some(&tokens.text("access_token"))).await, 200);
    confirmed(&server).await;
    server.advance(100);
    assert_eq!(gate(&server, None).await, 401);
    let all = told(&server).await;
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!(
        steps(&all[0]),
        [
            "The MCP server was asked without a token",
            "The metadata of the MCP server was fetched",
            "The metadata of this service was fetched",
            "The app registered",
            "The metadata of the MCP server was fetched",
            "The metadata of this service was fetched",
            "A browser came from the app",
            "The person was asked to sign in",
            "The person had signed in and was asked",
            "The person said yes",
            "The app fetched its tokens",
            "A token was seen at work at the MCP server",
            "The MCP server was asked without a token",
        ]
    );
    assert_eq!(all[0].diagnosis.state, State::Connected);
    assert_eq!(all[0].called().as_deref(), Some("Test"));
    assert_eq!(all[0].username.as_deref(), Some(USER));
    assert_eq!(all[0].attempt.resource.as_ref().unwrap().as_str(), RESOURCE);
}

/// Waits until the first use has been noted, which nobody waits for.
async fn confirmed(server: &TestServer) {
    for _ in 0..200 {
        if told(server).await[0].diagnosis.state == State::Connected {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the first use was never noted");
}

#[tokio::test]
async fn whoever_stops_on_the_way_is_told_where() {
    let server = TestServer::spawn().await;
    discover(&server).await;
    let never_registered = "Its metadata was fetched, and the app never registered.";
    assert_eq!(only(&server).await, (State::Unfinished, never_registered.to_owned()));
    let client = OAuthClient::register(&server).await;
    let never_came = "The app has registered, and its browser never came.";
    assert_eq!(only(&server).await, (State::Unfinished, never_came.to_owned()));
    let browser = Browser::new(&server);
    browser.sign_in_form(&client.request()).await;
    let no_sign_in = "The sign-in was begun and never finished.";
    assert_eq!(only(&server).await, (State::Unfinished, no_sign_in.to_owned()));
    let question = browser.question(&client.request()).await;
    let no_answer = "The person was asked and has not answered.";
    assert_eq!(only(&server).await, (State::Unfinished, no_answer.to_owned()));
    browser.decide(&question, "allow").await;
    let soon = "The person said yes, and the app has yet to fetch its token.";
    assert_eq!(only(&server).await, (State::Unfinished, soon.to_owned()));
    server.advance(121);
    let never = "The person said yes, and the app never fetched its token.";
    assert_eq!(only(&server).await, (State::Failed, never.to_owned()));
}

#[tokio::test]
async fn a_redirect_uri_that_is_not_registered_stands_beside_those_that_are() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let mut request = client.request();
    request.insert("redirect_uri".into(), "http://localhost:1234/x?secret=hush".into());
    assert_eq!(Browser::new(&server).authorize(&request).await.status, 400);
    let cause = "redirect_uri http://localhost:1234/x is not among the registered: \
                 http://127.0.0.1/callback";
    assert_eq!(only(&server).await, (State::Failed, cause.to_owned()));
}

#[tokio::test]
async fn a_document_that_cannot_be_used_is_told_apart_from_an_app_that_is_not_wanted() {
    let host = DocumentHost::start();
    let settings = [("client_documents", "development"), ("outgoing_ca", host.ca.as_str())];
    let mut server = TestServer::spawn_with(&settings).await;
    let request = OAuthClient::known_as(&server, &host.at("/none.json"), CALLBACK).request();
    assert_eq!(Browser::new(&server).authorize(&request).await.status, 400);
    let refused = told(&server).await.remove(0).diagnosis;
    assert!(refused.cause.to_string().contains("describes itself could not be used"));
    assert!(refused.mend.unwrap().contains("client document add"));

    server.restart_with(&[("clients", "known")]).await;
    server.advance(1000);
    assert_eq!(Browser::new(&server).authorize(&request).await.status, 400);
    let refused = told(&server).await.remove(0).diagnosis;
    assert!(refused.cause.to_string().contains("Only apps that the operator"), "{refused:?}");
    assert!(refused.mend.unwrap().contains("MCP_OAUTH_KNOWN_CLIENTS"));
}

#[tokio::test]
async fn what_is_refused_on_the_way_in_is_told_with_what_mends_it() {
    let server = TestServer::spawn().await;
    let browser = Browser::new(&server);
    let mut request = OAuthClient::register(&server).await.request();
    server.advance(1000);
    request.insert("client_id".into(), "mcpcGone".into());
    browser.authorize(&request).await;
    let newest = told(&server).await.remove(0);
    assert!(newest.diagnosis.cause.to_string().contains("invalid_client"), "{newest:?}");
    assert!(newest.diagnosis.mend.unwrap().contains("registers anew"));
    assert_eq!(newest.attempt.client_id.unwrap().as_str(), "mcpcGone");

    let client = OAuthClient::register(&server).await;
    let mut request = client.request();
    request.insert("resource".into(), "https://else.example/mcp".into());
    browser.authorize(&request).await;
    let newest = told(&server).await.remove(0);
    assert!(newest.diagnosis.cause.to_string().contains("invalid_target"), "{newest:?}");
    assert!(newest.diagnosis.mend.unwrap().contains("letter by letter"));

    server.advance(1000);
    let register = reqwest::Client::new().post(format!("{}/register", server.url));
    let sent = json!({ "redirect_uris": ["javascript:alert(1)"] });
    assert_eq!(Answer::of(register.json(&sent)).await.status, 400);
    let newest = told(&server).await.remove(0);
    assert!(newest.diagnosis.cause.to_string().contains("invalid_redirect_uri"), "{newest:?}");
    assert_eq!(newest.diagnosis.state, State::Failed);
}

#[tokio::test]
async fn a_person_who_says_no_or_may_not_say_yes_is_the_cause() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let question = browser.question(&client.request()).await;
    browser.decide(&question, "deny").await;
    assert_eq!(only(&server).await, (State::Failed, "The person said no.".to_owned()));
    server.advance(1000);
    let owner = signed_in(&server, USER).await;
    confirm(&owner, "/owner/resources/pause", INTROSPECTION.0).await;
    let other = OAuthClient::register(&server).await;
    let sent = browser.authorize(&other.request()).await;
    assert_eq!(browser.get(sent.header("location")).await.status, 403);
    let newest = told(&server).await.remove(0);
    let cause = newest.diagnosis.cause.to_string();
    assert!(cause.contains("This MCP server is paused"), "{cause}");
}

#[tokio::test]
async fn a_refused_request_for_tokens_is_told_in_its_story() {
    let server = TestServer::spawn().await;
    let browser = Browser::new(&server);
    let wrong = "wrongwrongwrongwrongwrongwrongwrongwrongwrong-";
    for (members, words) in [
        (&[("code_verifier", wrong)][..], "code_verifier does not match"),
        (&[("resource", "https://else.example/mcp")], "resource is not the one that was granted"),
        (&[("redirect_uri", "http://127.0.0.1/other")], "redirect_uri is not the one"),
        (&[("client_id", "mcpcGone")], "the client is unknown or not authenticated"),
        (&[("late", "")], "the code has expired"),
    ] {
        let client = OAuthClient::register(&server).await;
        let code = client.code(&browser).await;
        if members[0].0 == "late" {
            server.advance(601);
        }
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("client_id", client.id.as_str()),
            ("code_verifier", crate::support::VERIFIER),
        ];
        form.retain(|(name, _)| *name != members[0].0);
        form.extend(members);
        let refused = page(browser.http.post(format!("{}/token", server.url)).form(&form)).await;
        assert!(matches!(refused.status, 400 | 401), "{refused:?}");
        let newest = told(&server).await.remove(0);
        let cause = newest.diagnosis.cause.to_string();
        assert!(cause.contains(words), "{cause}");
        assert_eq!(newest.attempt.client_id.as_ref().unwrap().as_str(), client.id);
        assert!(steps(&newest).contains(&"The person said yes"), "{newest:?}");
        server.advance(1000);
    }
}

#[tokio::test]
async fn a_token_that_nobody_uses_is_told_with_the_likely_reason() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let tokens = client.connect(&Browser::new(&server)).await;
    assert_eq!(only(&server).await.0, State::Unfinished);
    server.advance(121);
    let never = "A token was issued, and never used.";
    assert_eq!(only(&server).await, (State::Failed, never.to_owned()));
    assert_eq!(gate(&server, None).await, 401);
    let stripped = "A token was issued, and the MCP server was still asked without one.";
    assert_eq!(only(&server).await, (State::Failed, stripped.to_owned()));
    let elsewhere = reqwest::Client::new().get(format!("{}/gate/notes", server.url));
    let elsewhere = elsewhere.bearer_auth(tokens.text("access_token")).send().await.unwrap();
    assert_eq!(elsewhere.status(), 401);
    let cause = only(&server).await.1;
    assert!(cause.contains("not good there"), "{cause}");
    assert!(client.is_active(&tokens.text("access_token")).await);
    confirmed(&server).await;
}

#[tokio::test]
async fn the_end_of_a_connection_is_told_and_whose_it_was() {
    let server = TestServer::spawn().await;
    let browser = Browser::new(&server);
    let mut client = OAuthClient::register(&server).await;
    let tokens = client.connect(&browser).await;
    assert!(client.is_active(&tokens.text("access_token")).await);
    confirmed(&server).await;
    server.advance(3601);
    let next = client.refresh(&tokens.text("refresh_token")).await;
    let last = client.refresh(&next.text("refresh_token")).await;
    assert!(client.is_active(&last.text("access_token")).await);
    server.advance(1000);
    client.refresh(&tokens.text("refresh_token")).await;
    let replayed = "A refresh token was presented again after its successor was used, and so the \
                    login was ended.";
    assert_eq!(only(&server).await, (State::Failed, replayed.to_owned()));

    server.advance(1000);
    client = OAuthClient::register(&server).await;
    let tokens = client.connect(&browser).await;
    client.revoke(&tokens.text("access_token")).await;
    let newest = told(&server).await.remove(0);
    assert_eq!(newest.diagnosis.cause.to_string(), "The app has signed out.");
    assert_eq!(newest.diagnosis.state, State::Ended);

    server.advance(1000);
    client = OAuthClient::register(&server).await;
    let tokens = client.connect(&browser).await;
    assert!(client.is_active(&tokens.text("access_token")).await);
    server.advance(31 * 86_400);
    client.refresh(&tokens.text("refresh_token")).await;
    let newest = told(&server).await.remove(0);
    let cause = newest.diagnosis.cause.to_string();
    assert!(cause.ends_with("invalid_grant: the refresh token has expired"), "{cause}");
}

#[tokio::test]
async fn a_code_that_is_sent_twice_ends_what_it_made_and_is_told() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let code = client.code(&Browser::new(&server)).await;
    assert_eq!(client.exchange(&code).await.status, 200);
    assert_eq!(client.exchange(&code).await.status, 400);
    let twice = "The code was presented twice, and so the login was ended.";
    assert_eq!(only(&server).await, (State::Failed, twice.to_owned()));
}

#[tokio::test]
async fn a_client_that_tries_again_has_a_story_for_each_try() {
    let server = TestServer::spawn().await;
    for _ in 0..2 {
        discover(&server).await;
        let client = OAuthClient::register(&server).await;
        let question = Browser::new(&server).question(&client.request()).await;
        Browser::new(&server).decide(&question, "deny").await;
    }
    let all = told(&server).await;
    assert_eq!(all.len(), 2, "{all:#?}");
    assert_eq!(steps(&all[0])[..3], steps(&all[1])[..3], "each begins with its own discovery");
}

#[tokio::test]
async fn the_list_is_for_owners_and_leads_from_page_to_page() {
    let server = TestServer::spawn().await;
    add(&server, "bob").await;
    let bob = signed_in(&server, "bob").await;
    assert_eq!(bob.get("/owner/attempts").await.status, 403);
    assert_eq!(bob.get("/owner/attempts/one?id=1").await.status, 403);
    let owner = signed_in(&server, USER).await;
    assert!(owner.get("/owner/attempts").await.text.contains("Nothing has tried to connect yet"));
    for number in 0..101 {
        let agent = format!("<b>agent {number}</b>");
        Browser::with_agent(&server, &agent).get("/.well-known/oauth-authorization-server").await;
        if number % 40 == 0 {
            owner.get("/owner/attempts").await;
        }
    }
    let first = owner.get("/owner/attempts").await;
    assert_eq!(first.text.matches("<th scope=\"row\"").count(), 100);
    assert!(first.text.contains("&#60;b&#62;agent 100"), "{}", first.text);
    let (_, rest) = first.text.split_once("href=\"/owner/attempts?before=").unwrap();
    let next = rest.split('"').next().unwrap();
    let second = owner.get(&format!("/owner/attempts?before={next}")).await;
    assert_eq!(second.text.matches("<th scope=\"row\"").count(), 1);
    for nonsense in ["one", "one?id=", "one?id=x", "one?id=-1"] {
        assert_eq!(owner.get(&format!("/owner/attempts/{nonsense}")).await.status, 404);
    }
}

#[tokio::test]
async fn a_flood_has_an_end_and_leaves_the_stories_of_others_alone() {
    let settings = [("limit_attempts", "100"), ("trusted_proxies", "127.0.0.0/8")];
    let server = TestServer::spawn_with(&settings).await;
    let client = OAuthClient::register(&server).await;
    client.code(&Browser::new(&server)).await;
    told(&server).await;
    let http = reqwest::Client::new();
    let look = |from: String, agent: String| {
        http.get(format!("{}/.well-known/oauth-authorization-server", server.url))
            .header("X-Forwarded-For", from)
            .header("User-Agent", agent)
    };
    look("198.51.100.7".into(), "honest".into()).send().await.unwrap();
    for number in 0..300 {
        look("203.0.113.9".into(), format!("flood {number}")).send().await.unwrap();
        if number % 60 == 0 {
            told(&server).await;
        }
    }
    let all = told(&server).await;
    let of = |network| all.iter().filter(|one| one.attempt.network == network).count();
    assert_eq!((of("203.0.113.9"), of("198.51.100.7"), of("127.0.0.1")), (6, 1, 1));
    for number in 0..200 {
        look(format!("192.0.2.{number}"), "botnet".into()).send().await.unwrap();
    }
    let all = told(&server).await;
    assert!(all.len() <= 51, "{}", all.len());
    assert!(all.iter().any(|one| one.attempt.known), "what a person has come to stays");
}

#[tokio::test]
async fn no_secret_of_a_connection_is_in_its_story() {
    let server = TestServer::spawn().await;
    let secrets = json!({ "token_endpoint_auth_method": "client_secret_post" });
    let client = OAuthClient::register_with(&server, secrets).await;
    let browser = Browser::new(&server);
    let mut request = client.request();
    request.insert("state".into(), "a-state-of-the-app".into());
    let code = browser.approve(&request).await["code"].clone();
    let mut refused = client.request();
    refused.insert("redirect_uri".into(), format!("https://x:{code}@h.example/?code={code}"));
    browser.authorize(&refused).await;
    client
        .token(&[
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("code_verifier", &"w".repeat(43)),
        ])
        .await;
    let tokens = client.exchange(&code).await;
    let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
    let other = if &refresh[50..51] == "A" { "B" } else { "A" };
    client.refresh(&format!("{}{other}{}", &refresh[..50], &refresh[51..])).await;
    client.refresh(&refresh).await;
    gate(&server, Some(&format!("{access}x"))).await;
    let rows =
        format!("{:?}", told(&server).await.iter().map(|one| &one.attempt).collect::<Vec<_>>());
    assert!(rows.contains("TokenIssued") && rows.contains("RefreshRefused"), "{rows}");
    let verifier = crate::support::VERIFIER;
    let words = ["a-state-of-the-app", verifier, "hush", crate::support::PASSWORD];
    let secrets = [&code, &access, &refresh, client.secret.as_ref().unwrap()];
    for secret in secrets.into_iter().map(String::as_str).chain(words) {
        assert!(!rows.contains(secret), "{secret} in {rows}");
        // The key of a row is no secret, and the rest of a token is.
        let tail = &secret[secret.len() - 12.min(secret.len())..];
        assert!(!rows.contains(tail), "{tail} in {rows}");
    }
}

#[tokio::test]
async fn what_was_seen_last_is_kept_at_a_stop() {
    let mut server = TestServer::spawn().await;
    discover(&server).await;
    server.restart().await;
    let kept = server.storage.read(|conn| attempts::list(conn, None, i64::MAX, 10)).await;
    let kept: Result<Vec<_>, mcp_oauthd::storage::StorageError> = kept;
    assert_eq!(kept.unwrap().len(), 1);
}
