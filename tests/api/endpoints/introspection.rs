//! `POST /introspect`: RFC 7662.

use data_encoding::BASE64;
use serde_json::json;

use crate::support::{Answer, Browser, INTROSPECTION, OAuthClient, RESOURCE, TestServer, USER};

async fn ask(server: &TestServer, authorization: Option<&str>, form: &[(&str, &str)]) -> Answer {
    let mut request = reqwest::Client::new().post(format!("{}/introspect", server.url)).form(form);
    if let Some(authorization) = authorization {
        request = request.header("Authorization", authorization);
    }
    Answer::of(request).await
}

fn basic(credentials: &str) -> String {
    format!("Basic {}", BASE64.encode(credentials.as_bytes()))
}

#[tokio::test]
async fn a_live_token_is_described_in_full() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let tokens = client.connect(&Browser::new(&server)).await;
    let answer = client.introspect(&tokens.text("access_token")).await;
    let now = server.clock.now().0;
    let expected = json!({
        "active": true,
        "client_id": client.id,
        "sub": answer.body["sub"],
        "username": USER,
        "scope": "mcp",
        "iss": server.url,
        "aud": RESOURCE,
        "exp": now + 3600,
        "iat": now,
        "token_type": "Bearer",
    });
    assert_eq!(answer.body, expected);
    assert!(answer.text("sub").starts_with("mcpu"));
    assert_eq!(answer.header("cache-control"), "no-store");
    let refreshed = client.refresh(&tokens.text("refresh_token")).await;
    let later = client.introspect(&refreshed.text("access_token")).await;
    for member in ["client_id", "sub", "iss", "aud"] {
        assert_eq!(later.body[member], answer.body[member], "{member} is stable over refreshes");
    }
}

#[tokio::test]
async fn the_audience_is_the_resource_as_it_is_spelt_now() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let token = client.connect(&Browser::new(&server)).await.text("access_token");
    let respelt = format!("{RESOURCE}/");
    let uri = respelt.parse().unwrap();
    let id = INTROSPECTION.0.parse().unwrap();
    let correct = move |conn: &mut _| mcp_oauthd::storage::resources::respell(conn, &id, &uri);
    server.storage.write(correct).await.unwrap();
    assert_eq!(client.introspect(&token).await.body["aud"], respelt);
}

#[tokio::test]
async fn everything_else_is_exactly_inactive() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let code = client.code(&browser).await;
    let tokens = client.connect(&browser).await;
    let access = tokens.text("access_token");
    let swapped = access.replace("mat_", "mrt_");
    let upper = access.to_uppercase();
    let cut = &access[..access.len() - 1];
    let long = "x".repeat(5000);
    for token in
        [&*code, &*tokens.text("refresh_token"), &swapped, &upper, cut, "garbage", "mat_", &long]
    {
        assert_eq!(client.introspect(token).await.body, json!({"active": false}), "{token}");
    }
    let notes = basic(&format!("notes:{}", INTROSPECTION.1));
    let other = ask(&server, Some(&notes), &[("token", &access)]).await;
    assert_eq!((other.status, other.body), (200, json!({"active": false})), "another resource's");
    server.advance(3600);
    assert_eq!(client.introspect(&access).await.body, json!({"active": false}), "to the second");
}

#[tokio::test]
async fn only_resources_may_ask() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register_with(&server, json!({})).await;
    let secret = client.secret.clone().unwrap();
    let own = basic(&format!("{}:{secret}", client.id));
    let (wrong, empty, unknown) = (basic("wiki:wrong"), basic("wiki:"), basic("nobody:x"));
    for authorization in [&*own, &wrong, &empty, &unknown, "Bearer mat_x", "Basic", "Basic ???"] {
        let answer = ask(&server, Some(authorization), &[("token", "x")]).await;
        assert_eq!(answer.error(), (401, "invalid_client"), "{authorization}");
        assert!(answer.header("www-authenticate").starts_with("Basic "), "{authorization}");
    }
    for form in [
        &[("token", "x")][..],
        &[("token", "x"), ("client_id", "wiki")],
        &[("token", "x"), ("client_id", "wiki"), ("client_secret", "wrong")],
    ] {
        assert_eq!(ask(&server, None, form).await.error(), (401, "invalid_client"), "{form:?}");
    }
}

#[tokio::test]
async fn credentials_are_taken_in_every_way_that_real_resources_send_them() {
    let server = TestServer::spawn().await;
    let (id, secret) = INTROSPECTION;
    let post = [
        ("token", "x"),
        ("client_id", id),
        ("client_secret", secret),
        ("token_type_hint", "access_token"),
    ];
    assert_eq!(ask(&server, None, &post).await.status, 200, "post");
    let raw = basic(&format!("{id}:{secret}"));
    assert_eq!(ask(&server, Some(&raw), &post).await.status, 200, "both at once, when they agree");
    let over = basic(&format!("{id}:{}", secret.replace('-', "%2D")));
    assert_eq!(ask(&server, Some(&over), &[("token", "x")]).await.status, 200, "over-encoded");
    let contradicting = [("token", "x"), ("client_id", id), ("client_secret", "another")];
    assert_eq!(ask(&server, Some(&raw), &contradicting).await.error(), (400, "invalid_request"));
}

#[tokio::test]
async fn a_request_without_a_token_or_with_another_method_is_refused() {
    let server = TestServer::spawn().await;
    let raw = basic(&format!("{}:{}", INTROSPECTION.0, INTROSPECTION.1));
    assert_eq!(ask(&server, Some(&raw), &[]).await.error(), (400, "invalid_request"));
    let url = format!("{}/introspect?token=x", server.url);
    let get = reqwest::Client::new().get(url).header("Authorization", raw);
    assert_eq!(Answer::of(get).await.status, 405);
}

#[tokio::test]
async fn wrong_credentials_are_held_up_and_right_ones_never() {
    let server = TestServer::spawn().await;
    let right = basic(&format!("{}:{}", INTROSPECTION.0, INTROSPECTION.1));
    for _ in 0..100 {
        let without_token = ask(&server, Some(&right), &[]).await;
        assert_eq!(without_token.error(), (400, "invalid_request"), "and is not counted");
    }
    let wrong = basic("wiki:wrong");
    for _ in 0..60 {
        assert_eq!(ask(&server, Some(&wrong), &[("token", "x")]).await.status, 401);
    }
    let held = ask(&server, Some(&wrong), &[("token", "x")]).await;
    assert_eq!(held.error(), (429, "temporarily_unavailable"));
    // Behind one proxy, or in one container network, the right caller has the same address.
    assert_eq!(ask(&server, Some(&right), &[("token", "x")]).await.status, 200);
    assert_eq!(ask(&server, Some(&right), &[]).await.error(), (400, "invalid_request"));
    server.advance(held.header("retry-after").parse().unwrap());
    assert_eq!(ask(&server, Some(&wrong), &[("token", "x")]).await.status, 401);
}
