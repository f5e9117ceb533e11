//! `POST /token`: RFC 6749 section 3.2, with each of its refusals.

use data_encoding::BASE64;
use serde_json::json;

use crate::support::{
    Answer, Browser, OAuthClient, OTHER_RESOURCE, RESOURCE, TestServer, VERIFIER,
};

async fn post(server: &TestServer, authorization: Option<&str>, form: &[(&str, &str)]) -> Answer {
    let mut request = reqwest::Client::new().post(format!("{}/token", server.url)).form(form);
    if let Some(authorization) = authorization {
        request = request.header("Authorization", authorization);
    }
    Answer::of(request).await
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{id}:{secret}").as_bytes()))
}

#[tokio::test]
async fn a_code_becomes_a_pair_of_tokens() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let answer = client.connect(&Browser::new(&server)).await;
    assert_eq!(
        (answer.header("cache-control"), answer.header("content-type")),
        ("no-store", "application/json")
    );
    assert_eq!(
        (&answer.body["token_type"], &answer.body["expires_in"]),
        (&json!("Bearer"), &json!(3600))
    );
    assert_eq!(answer.body["scope"], "mcp");
    assert!(answer.text("access_token").starts_with("mat_"));
    assert!(answer.text("refresh_token").starts_with("mrt_"));
}

#[tokio::test]
async fn a_client_without_the_refresh_grant_gets_no_refresh_token() {
    let server = TestServer::spawn().await;
    let metadata =
        json!({"token_endpoint_auth_method": "none", "grant_types": ["authorization_code"]});
    let client = OAuthClient::register_with(&server, metadata).await;
    let answer = client.connect(&Browser::new(&server)).await;
    assert!(answer.body.get("refresh_token").is_none(), "{answer:?}");
    assert!(client.is_active(&answer.text("access_token")).await);
}

#[tokio::test]
async fn a_refused_exchange_does_not_burn_the_code() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let other = OAuthClient::register(&server).await;
    let code = client.code(&Browser::new(&server)).await;
    let good =
        [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
    let challenge = crate::support::challenge(VERIFIER);
    let with = |name: &'static str, value: &str| {
        let mut form: Vec<(String, String)> = good.map(|(n, v)| (n.into(), v.into())).into();
        form.retain(|(known, _)| known != name);
        form.push((name.to_owned(), value.to_owned()));
        form
    };
    for (form, error) in [
        (with("code_verifier", &"a".repeat(43)), "invalid_grant"),
        (with("code_verifier", &challenge), "invalid_grant"),
        (with("code_verifier", "short"), "invalid_grant"),
        (with("code_verifier", ""), "invalid_grant"),
        (with("redirect_uri", "http://127.0.0.1/other"), "invalid_grant"),
        (with("resource", OTHER_RESOURCE), "invalid_target"),
        (with("resource", "not a url"), "invalid_target"),
        (with("code", &code.replace("mac_", "mat_")), "invalid_grant"),
        (with("code", &code[..code.len() - 1]), "invalid_grant"),
        (with("code", ""), "invalid_request"),
        (with("grant_type", "password"), "unsupported_grant_type"),
        (with("grant_type", ""), "invalid_request"),
    ] {
        let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(client.token(&form).await.error(), (400, error), "{form:?}");
    }
    assert_eq!(other.exchange(&code).await.error(), (400, "invalid_grant"), "another client's");
    let mut form = good.to_vec();
    form.extend([("redirect_uri", client.redirect_uri.as_str()), ("resource", RESOURCE)]);
    assert_eq!(client.token(&form).await.status, 200);
}

#[tokio::test]
async fn a_code_that_is_redeemed_twice_ends_what_it_gave() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let code = client.code(&Browser::new(&server)).await;
    let tokens = client.exchange(&code).await;
    let wrong = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("code_verifier", &*"a".repeat(43)),
    ];
    assert_eq!(client.token(&wrong).await.error(), (400, "invalid_grant"));
    assert!(client.is_active(&tokens.text("access_token")).await, "an invalid replay ends nothing");
    assert_eq!(client.exchange(&code).await.error(), (400, "invalid_grant"));
    assert!(!client.is_active(&tokens.text("access_token")).await);
    let refresh = client.refresh(&tokens.text("refresh_token")).await;
    assert_eq!(refresh.error(), (400, "invalid_grant"));
}

#[tokio::test]
async fn of_many_parallel_redemptions_one_gets_tokens() {
    let server = TestServer::spawn().await;
    let client = std::sync::Arc::new(OAuthClient::register(&server).await);
    let code = client.code(&Browser::new(&server)).await;
    let attempts = (0..20).map(|_| {
        let (client, code) = (client.clone(), code.clone());
        tokio::spawn(async move { client.exchange(&code).await.status })
    });
    let mut statuses = vec![];
    for attempt in attempts.collect::<Vec<_>>() {
        statuses.push(attempt.await.unwrap());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 400].contains(status)), "{statuses:?}");
}

#[tokio::test]
async fn a_code_lives_for_ten_minutes() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let (late, in_time) = (client.code(&browser).await, client.code(&browser).await);
    server.advance(599);
    assert_eq!(client.exchange(&in_time).await.status, 200);
    server.advance(1);
    assert_eq!(client.exchange(&late).await.error(), (400, "invalid_grant"));
}

#[tokio::test]
async fn a_confidential_client_authenticates_on_every_grant() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register_with(&server, json!({})).await;
    let secret = client.secret.clone().unwrap();
    let code = client.code(&Browser::new(&server)).await;
    let form =
        [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
    let mut bare = form.to_vec();
    bare.push(("client_id", &client.id));
    assert_eq!(post(&server, None, &bare).await.error(), (401, "invalid_client"));
    let wrong = post(&server, Some(&basic(&client.id, "wrong")), &form).await;
    assert_eq!(wrong.error(), (401, "invalid_client"));
    assert!(wrong.header("www-authenticate").starts_with("Basic "));
    let right = basic(&client.id, &secret);
    let mut twice = form.to_vec();
    twice.push(("client_secret", &secret));
    assert_eq!(post(&server, Some(&right), &twice).await.error(), (400, "invalid_request"));
    let mut foreign = form.to_vec();
    foreign.push(("client_id", "another"));
    assert_eq!(post(&server, Some(&right), &foreign).await.error(), (400, "invalid_request"));
    let lower = right.replace("Basic", "basic");
    let tokens = post(&server, Some(&lower), &bare).await;
    assert_eq!(tokens.status, 200, "Basic, with the same client_id in the body: {tokens:?}");
    let token = tokens.text("refresh_token");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", &*token)];
    let mut bare = refresh.to_vec();
    bare.push(("client_id", &client.id));
    assert_eq!(post(&server, None, &bare).await.error(), (401, "invalid_client"));
    let over_encoded = basic(&client.id.replace('m', "%6D"), &secret);
    assert_eq!(post(&server, Some(&over_encoded), &refresh).await.status, 200);
}

#[tokio::test]
async fn malformed_requests_are_refused_and_never_fail() {
    let server = TestServer::spawn().await;
    let url = format!("{}/token", server.url);
    let http = reqwest::Client::new();
    let raw = |media_type: &'static str, body: &[u8]| {
        Answer::of(http.post(&url).header("Content-Type", media_type).body(body.to_vec()))
    };
    let form = "application/x-www-form-urlencoded";
    for body in
        [&b"grant_type=%zz"[..], b"grant_type=%ff", b"\xff\xfe", b"a=1&a=2", b"grant_type=a%00"]
    {
        assert_eq!(raw(form, body).await.error(), (400, "invalid_request"), "{body:?}");
    }
    for media_type in ["application/json", "text/plain", "x", "application/x-www-form-urlencodedx"]
    {
        assert_eq!(raw(media_type, b"grant_type=x").await.error(), (400, "invalid_request"));
    }
    assert_eq!(
        raw("application/x-www-form-urlencoded; charset=UTF-8", b"client_id=x").await.error().0,
        401
    );
    assert_eq!(raw(form, &vec![b'a'; 70_000]).await.error(), (413, "invalid_request"));
    assert_eq!(Answer::of(http.get(&url).query(&[("grant_type", "x")])).await.status, 405);
    let in_query = http.post(format!("{url}?client_id=x&grant_type=refresh_token"));
    assert_eq!(Answer::of(in_query.form(&[("a", "b")])).await.error(), (401, "invalid_client"));
    let unknown =
        post(&server, None, &[("grant_type", "refresh_token"), ("client_id", "nobody")]).await;
    assert_eq!(unknown.error(), (401, "invalid_client"), "which makes clients register again");
    assert_eq!(unknown.header("www-authenticate"), "");
}

#[tokio::test]
async fn two_authorization_headers_are_refused() {
    let server = TestServer::spawn().await;
    let request = reqwest::Client::new()
        .post(format!("{}/token", server.url))
        .header("Authorization", basic("a", "b"))
        .header("Authorization", basic("c", "d"))
        .form(&[("grant_type", "refresh_token")]);
    assert_eq!(Answer::of(request).await.error(), (400, "invalid_request"));
}
