//! The service moves to another URL, and clients of the former one go on.

use mcp_oauthd::clock::Seconds;
use mcp_oauthd::moving::issuer::{self, Move};
use mcp_oauthd::storage::StorageError;
use reqwest::header::{HOST, LOCATION};
use serde_json::{Value, json};

use crate::support::{Answer, Browser, INTROSPECTION, OAuthClient, TestServer};

const METADATA: &str = "/.well-known/oauth-authorization-server";
const KEPT: Seconds = Seconds(90 * 86_400);

/// Records a move, and starts as the new issuer.
async fn relocate(server: &mut TestServer, from: &str, to: &str) {
    let now = server.clock.now();
    let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
    let planned = Move { from, to, until: now + KEPT };
    let new = planned.to.to_string();
    let record = move |conn: &mut _| planned.record(conn, now);
    server.storage.write::<_, StorageError>(record).await.unwrap();
    server.restart_with(&[("issuer", &new)]).await;
}

/// The same socket, by another name.
fn by_name(server: &TestServer) -> String {
    server.url.replace("127.0.0.1", "localhost")
}

async fn text(url: &str) -> String {
    reqwest::get(url).await.unwrap().text().await.unwrap()
}

async fn issuer_at(url: &str) -> Value {
    Answer::of(reqwest::Client::new().get(url)).await.body["issuer"].clone()
}

async fn introspected(url: &str, token: &str) -> Answer {
    let (id, secret) = INTROSPECTION;
    let request = reqwest::Client::new().post(url).basic_auth(id, Some(secret));
    Answer::of(request.form(&[("token", token)])).await
}

#[tokio::test]
async fn the_former_issuer_goes_on_beside_the_new_one() {
    let mut server = TestServer::spawn().await;
    let (old, new) = (server.url.clone(), by_name(&server));
    let published = text(&format!("{old}{METADATA}")).await;
    let client = OAuthClient::register(&server).await;
    let before = client.connect(&Browser::new(&server)).await;
    relocate(&mut server, &old, &new).await;

    assert_eq!(text(&format!("{old}{METADATA}")).await, published, "byte for byte");
    let moved = text(&format!("{new}{METADATA}")).await;
    assert_eq!(moved, published.replace(&old, &new));
    assert_eq!(text(&format!("{old}{METADATA}/")).await, published);

    let refreshed = client.refresh(&before.text("refresh_token")).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    let answer = Browser::new(&server).approve(&client.request()).await;
    assert_eq!(answer["iss"], old, "the browser was sent to the former one");
    let tokens = client.exchange(&answer["code"]).await;
    let tokens = client.refresh(&tokens.text("refresh_token")).await;
    let token = tokens.text("access_token");
    for issuer in [&old, &new] {
        let live = introspected(&format!("{issuer}/introspect"), &token).await;
        assert_eq!((&live.body["active"], &live.body["iss"]), (&json!(true), &json!(issuer)));
    }

    let browser = Browser { url: new.clone(), ..Browser::new(&server) };
    assert_eq!(browser.approve(&client.request()).await["iss"], new);
    let body = json!({ "redirect_uris": ["http://127.0.0.1/callback"] });
    let register = reqwest::Client::new().post(format!("{old}/register")).json(&body);
    let registered = Answer::of(register).await;
    assert!(registered.text("registration_client_uri").starts_with(&format!("{old}/register/")));
}

#[tokio::test]
async fn errors_come_from_the_issuer_that_was_asked() {
    let mut server = TestServer::spawn().await;
    let (old, new) = (server.url.clone(), by_name(&server));
    let client = OAuthClient::register(&server).await;
    relocate(&mut server, &old, &new).await;
    for issuer in [&old, &new] {
        let browser = Browser { url: issuer.clone(), ..Browser::new(&server) };
        let denied = browser.decide(&browser.question(&client.request()).await, "deny").await;
        let query = denied.redirect_query();
        assert_eq!((&*query["error"], &query["iss"]), ("access_denied", issuer));
        let mut wrong = client.request();
        wrong.insert("response_type".to_owned(), "token".to_owned());
        let query = browser.authorize(&wrong).await.redirect_query();
        assert_eq!((&*query["error"], &query["iss"]), ("unsupported_response_type", issuer));
    }
}

#[tokio::test]
async fn a_request_that_began_before_the_move_is_answered_by_the_issuer_it_came_to() {
    let mut server = TestServer::spawn().await;
    let (old, new) = (server.url.clone(), by_name(&server));
    let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
    let question = browser.question(&client.request()).await;
    // Not even a recorded move: only the setting is another one.
    server.restart_with(&[("issuer", &new)]).await;
    let fields =
        ["request", "csrf", "shown"].map(|name| (name.to_owned(), question.own_field(name)));
    let form = fields.into_iter().chain([("decision".to_owned(), "allow".to_owned())]);
    let sent = browser.http.post(format!("{old}/consent")).form(&form.collect::<Vec<_>>());
    let answer = sent.send().await.unwrap();
    let to = answer.headers()[LOCATION].to_str().unwrap();
    let iss = url::Url::parse(to).unwrap();
    let iss = iss.query_pairs().find(|(name, _)| name == "iss").unwrap();
    assert_eq!(iss.1, old);
}

#[tokio::test]
async fn a_name_that_nobody_has_laid_down_is_the_present_issuers() {
    let mut server = TestServer::spawn().await;
    let (old, new) = (server.url.clone(), by_name(&server));
    relocate(&mut server, &old, &new).await;
    let http = reqwest::Client::new();
    let old_host = old.strip_prefix("http://").unwrap();
    for (host, forwarded) in
        [("evil.example", "evil.example"), ("evil.example", old_host), ("", old_host)]
    {
        let request = http.get(format!("{old}{METADATA}")).header(HOST, host);
        let answer = Answer::of(request.header("X-Forwarded-Host", forwarded)).await;
        assert_eq!(answer.body["issuer"], new, "{host} {forwarded}");
        assert!(!answer.body.to_string().contains("evil"), "{answer:?}");
    }
    let request = http.get(format!("{old}{METADATA}")).header("X-Forwarded-Host", "evil.example");
    assert_eq!(Answer::of(request).await.body["issuer"], old);
}

#[tokio::test]
async fn the_former_issuer_ends_at_its_time_or_when_it_is_forgotten() {
    for forgotten in [false, true] {
        let mut server = TestServer::spawn().await;
        let (old, new) = (server.url.clone(), by_name(&server));
        let token = {
            let client = OAuthClient::register(&server).await;
            client.connect(&Browser::new(&server)).await.text("access_token")
        };
        relocate(&mut server, &old, &new).await;
        server.advance(60);
        assert_eq!(issuer_at(&format!("{old}{METADATA}")).await, old);
        if forgotten {
            let (former, now) = (old.parse().unwrap(), server.clock.now());
            let forget = move |conn: &mut _| issuer::forget(conn, &former, now);
            assert!(server.storage.write::<_, StorageError>(forget).await.unwrap());
            server.restart().await;
            let live = introspected(&format!("{old}/introspect"), &token).await;
            assert_eq!(live.body["iss"], new);
        } else {
            server.advance(KEPT.0 - 61);
            assert_eq!(issuer_at(&format!("{old}{METADATA}")).await, old);
            server.advance(1);
        }
        assert_eq!(issuer_at(&format!("{old}{METADATA}")).await, new);
    }
}

#[tokio::test]
async fn issuers_on_one_host_are_told_apart_by_their_paths() {
    let mut server = TestServer::spawn().await;
    let root = server.url.clone();
    let old = format!("{root}/as");
    server.restart_with(&[("issuer", &old)]).await;
    let client = register_at(&server, &old).await;
    let inserted = format!("{root}{METADATA}/as");
    let published = text(&inserted).await;
    relocate(&mut server, &old, &root).await;
    for place in [&inserted, &format!("{inserted}/"), &format!("{old}{METADATA}")] {
        assert_eq!(text(place).await, published, "{place}");
    }
    assert_eq!(issuer_at(&format!("{root}{METADATA}")).await, root);
    for (base, issuer) in [("/as", &old), ("", &root)] {
        let browser = Browser { url: issuer.clone(), ..Browser::new(&server) };
        let sent = browser.authorize(&client.request()).await;
        let place = sent.header("location").to_owned();
        assert!(place.starts_with(&format!("{base}/sign-in?")), "{place}");
        let form = Browser { url: root.clone(), http: browser.http }.get(&place).await;
        assert_eq!(form.status, 200, "{form:?}");
        assert!(form.text.contains(&format!("action=\"{base}/sign-in\"")), "{form:?}");
        assert_eq!(introspected(&format!("{issuer}/introspect"), "x").await.status, 200);
        let token = reqwest::Client::new().post(format!("{issuer}/token")).send().await.unwrap();
        assert_eq!(token.status(), 400);
    }
    server.advance(KEPT.0);
    for place in [&inserted, &format!("{old}{METADATA}"), &format!("{old}/authorize")] {
        assert_eq!(reqwest::get(place).await.unwrap().status(), 404, "{place}");
    }
    assert_eq!(introspected(&format!("{old}/introspect"), "x").await.status, 404);
    assert_eq!(issuer_at(&format!("{root}{METADATA}")).await, root);
}

async fn register_at(server: &TestServer, issuer: &str) -> OAuthClient {
    let body = json!({ "redirect_uris": ["http://127.0.0.1/callback"],
        "token_endpoint_auth_method": "none" });
    let request = reqwest::Client::new().post(format!("{issuer}/register")).json(&body);
    OAuthClient::of(server, &Answer::of(request).await)
}
