//! `POST /register` where not everybody may: RFC 7591 section 3.

use mcp_oauthd::clients::initial_access;
use serde_json::{Value, json};

use crate::support::{Answer, OAuthClient, TestServer};

async fn token(server: &TestServer, uses: Option<i64>) -> String {
    let now = server.clock.now();
    let add = move |conn: &mut _| initial_access::add(conn, "a token", (uses, None), now);
    server.storage.write(add).await.unwrap().reveal()
}

fn post(server: &TestServer, body: &Value) -> reqwest::RequestBuilder {
    reqwest::Client::new().post(format!("{}/register", server.url)).json(body)
}

fn good() -> Value {
    json!({"redirect_uris": ["https://h.example/cb"]})
}

async fn metadata(server: &TestServer) -> Value {
    let place = format!("{}/.well-known/oauth-authorization-server", server.url);
    Answer::of(reqwest::Client::new().get(place)).await.body
}

#[tokio::test]
async fn without_a_token_nobody_registers_and_nobody_is_told_more() {
    let server = TestServer::spawn_with(&[("registration", "token")]).await;
    let token = token(&server, None).await;
    let wrong = json!({"redirect_uris": []});
    let (none, not_good) = ("", r#", error="invalid_token""#);
    for (request, error) in [
        (post(&server, &good()), none),
        (post(&server, &wrong), none),
        (post(&server, &good()).basic_auth(&token, Some("")), none),
        (post(&server, &good()).query(&[("access_token", &token)]), none),
        (post(&server, &good()).bearer_auth("mia_x"), not_good),
        (post(&server, &wrong).bearer_auth(format!("{token}x")), not_good),
    ] {
        let answer = Answer::of(request).await;
        assert_eq!(answer.error(), (401, "invalid_token"));
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge, format!(r#"Bearer realm="mcp-oauthd"{error}"#));
    }
    assert_eq!(Answer::of(post(&server, &good()).bearer_auth(&token)).await.status, 201);
    assert_eq!(
        metadata(&server).await["registration_endpoint"],
        format!("{}/register", server.url)
    );
}

#[tokio::test]
async fn what_is_refused_uses_nothing_up() {
    let server = TestServer::spawn_with(&[("registration", "token")]).await;
    let token = token(&server, Some(1)).await;
    for body in [json!({}), json!({"redirect_uris": ["javascript:alert(1)"]}), json!([])] {
        let answer = Answer::of(post(&server, &body).bearer_auth(&token)).await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    assert_eq!(Answer::of(post(&server, &good()).bearer_auth(&token)).await.status, 201);
    let second = Answer::of(post(&server, &good()).bearer_auth(&token)).await;
    assert_eq!(second.error(), (401, "invalid_token"));
}

#[tokio::test]
async fn of_many_who_use_a_token_for_the_last_time_one_registers() {
    let server = TestServer::spawn_with(&[("registration", "token")]).await;
    let token = token(&server, Some(1)).await;
    let ask = || Answer::of(post(&server, &good()).bearer_auth(&token));
    let (a, b, c, d) = tokio::join!(ask(), ask(), ask(), ask());
    let mut statuses = [a, b, c, d].map(|answer| answer.status);
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 401, 401, 401]);
}

#[tokio::test]
async fn a_token_that_nobody_needs_is_ignored() {
    let server = TestServer::spawn().await;
    assert_eq!(Answer::of(post(&server, &good()).bearer_auth("mia_x")).await.status, 201);
}

#[tokio::test]
async fn switched_off_it_is_not_there() {
    let mut server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    server.restart_with(&[("registration", "off")]).await;
    assert!(metadata(&server).await.get("registration_endpoint").is_none());
    let answer = Answer::of(post(&server, &good())).await;
    assert_eq!(answer.error(), (404, "not_found"));
    let own = format!("{}/register/{}", server.url, client.id);
    assert_eq!(Answer::of(reqwest::Client::new().get(own)).await.status, 404);
    let known = client.refresh("mrt_x").await;
    assert_eq!(known.error(), (400, "invalid_grant"), "who is registered stays so");
}
