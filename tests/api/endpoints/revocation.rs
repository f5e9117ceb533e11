//! `POST /revoke`: RFC 7009.

use serde_json::json;

use crate::support::{Answer, Browser, OAuthClient, TestServer};

#[tokio::test]
async fn either_token_ends_both_at_once() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    for member in ["access_token", "refresh_token"] {
        let tokens = client.connect(&browser).await;
        let answer = client.revoke(&tokens.text(member)).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
        assert!(!client.is_active(&tokens.text("access_token")).await, "{member}");
        let refresh = client.refresh(&tokens.text("refresh_token")).await;
        assert_eq!(refresh.error(), (400, "invalid_grant"), "{member}");
        assert_eq!(client.revoke(&tokens.text(member)).await.status, 200, "again");
    }
}

#[tokio::test]
async fn one_login_ends_and_another_of_the_same_client_goes_on() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let (one, other) = (client.connect(&browser).await, client.connect(&browser).await);
    client.revoke(&one.text("refresh_token")).await;
    assert!(!client.is_active(&one.text("access_token")).await);
    assert!(client.is_active(&other.text("access_token")).await);
}

#[tokio::test]
async fn an_expired_token_is_still_a_way_to_sign_out() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let tokens = client.connect(&Browser::new(&server)).await;
    server.advance(3601);
    assert_eq!(client.revoke(&tokens.text("access_token")).await.status, 200);
    let refresh = client.refresh(&tokens.text("refresh_token")).await;
    assert_eq!(refresh.error(), (400, "invalid_grant"));
}

#[tokio::test]
async fn other_clients_and_strangers_revoke_nothing() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let other = OAuthClient::register(&server).await;
    let tokens = client.connect(&Browser::new(&server)).await;
    let access = tokens.text("access_token");
    assert_eq!(other.revoke(&access).await.error(), (400, "invalid_grant"));
    let http = reqwest::Client::new();
    let url = format!("{}/revoke", server.url);
    for form in [&[("token", &*access)][..], &[("token", &access), ("client_id", "nobody")]] {
        let answer = Answer::of(http.post(&url).form(form)).await;
        assert_eq!(answer.error(), (401, "invalid_client"), "{form:?}");
    }
    assert!(client.is_active(&access).await);
}

#[tokio::test]
async fn a_confidential_client_authenticates() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register_with(&server, json!({})).await;
    let tokens = client.connect(&Browser::new(&server)).await;
    let access = tokens.text("access_token");
    assert_eq!(client.revoke(&access).await.error(), (401, "invalid_client"), "without its secret");
    assert!(client.is_active(&access).await);
    let request = reqwest::Client::new().post(format!("{}/revoke", server.url));
    let request = request.basic_auth(&client.id, client.secret.as_ref());
    assert_eq!(Answer::of(request.form(&[("token", &*access)])).await.status, 200);
    assert!(!client.is_active(&access).await);
}

#[tokio::test]
async fn unknown_tokens_are_as_good_as_revoked_and_hints_do_not_matter() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let tokens = client.connect(&Browser::new(&server)).await;
    for token in ["garbage", "mat_", &tokens.text("access_token").replace("mat_", "mrt_")] {
        assert_eq!(client.revoke(token).await.status, 200, "{token}");
    }
    assert!(client.is_active(&tokens.text("access_token")).await, "a forged token ended nothing");
    assert_eq!(client.revoke("").await.error(), (400, "invalid_request"));
    let access = tokens.text("access_token");
    let form =
        [("token", &*access), ("client_id", &*client.id), ("token_type_hint", "refresh_token")];
    let request = reqwest::Client::new().post(format!("{}/revoke", server.url)).form(&form);
    assert_eq!(Answer::of(request).await.status, 200);
    assert!(!client.is_active(&access).await);
}
