//! What the tests of the in-process provider asked for, which this service replaces, as a client
//! sees it over HTTP; and its defects, which this service does not have.

use crate::support::{Answer, Browser, OAuthClient, RESOURCE, TestServer, VERIFIER};

async fn connected(server: &TestServer) -> (OAuthClient, Answer) {
    let client = OAuthClient::register(server).await;
    let tokens = client.connect(&Browser::new(server)).await;
    (client, tokens)
}

#[tokio::test]
async fn register_and_get() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    assert_eq!(Browser::new(&server).authorize(&client.request()).await.status, 303);
}

#[tokio::test]
async fn get_unknown_client() {
    let server = TestServer::spawn().await;
    let mut client = OAuthClient::register(&server).await;
    client.id = "nobody".to_owned();
    assert_eq!(Browser::new(&server).authorize(&client.request()).await.status, 400);
    assert_eq!(client.refresh("x").await.error(), (401, "invalid_client"));
}

/// A second registration leaves the first alive.
#[tokio::test]
async fn register_overwrites() {
    let server = TestServer::spawn().await;
    let (first, second) =
        (OAuthClient::register(&server).await, OAuthClient::register(&server).await);
    assert_ne!(first.id, second.id);
    let browser = Browser::new(&server);
    for client in [first, second] {
        client.connect(&browser).await;
    }
}

/// We issue it.
#[tokio::test]
async fn register_requires_client_id() {
    let server = TestServer::spawn().await;
    assert!(OAuthClient::register(&server).await.id.starts_with("mcpc"));
}

#[tokio::test]
async fn persistence_across_instances() {
    let mut server = TestServer::spawn().await;
    let (client, tokens) = connected(&server).await;
    server.restart().await;
    assert!(client.is_active(&tokens.text("access_token")).await);
    assert_eq!(client.refresh(&tokens.text("refresh_token")).await.status, 200);
}

#[tokio::test]
async fn full_flow() {
    let server = TestServer::spawn().await;
    let (client, tokens) = connected(&server).await;
    assert_eq!(client.introspect(&tokens.text("access_token")).await.body["client_id"], client.id);
}

#[tokio::test]
async fn code_consumed_on_exchange() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let code = client.code(&Browser::new(&server)).await;
    assert_eq!(client.exchange(&code).await.status, 200);
    assert_eq!(client.exchange(&code).await.error(), (400, "invalid_grant"));
}

#[tokio::test]
async fn expired_code_rejected() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let code = client.code(&Browser::new(&server)).await;
    server.advance(600);
    assert_eq!(client.exchange(&code).await.error(), (400, "invalid_grant"));
}

#[tokio::test]
async fn code_wrong_client_rejected() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let other = OAuthClient::register(&server).await;
    let code = client.code(&Browser::new(&server)).await;
    assert_eq!(other.exchange(&code).await.error(), (400, "invalid_grant"));
}

#[tokio::test]
async fn unregistered_client_cannot_authorize() {
    let server = TestServer::spawn().await;
    let page = Browser::new(&server).get("/authorize?client_id=nobody&response_type=code").await;
    assert_eq!((page.status, page.header("location")), (400, ""));
}

#[tokio::test]
async fn verify_token_delegates() {
    let server = TestServer::spawn().await;
    let (client, tokens) = connected(&server).await;
    assert!(client.is_active(&tokens.text("access_token")).await);
}

#[tokio::test]
async fn expired_access_token_rejected() {
    let server = TestServer::spawn().await;
    let (client, tokens) = connected(&server).await;
    server.advance(3600);
    assert!(!client.is_active(&tokens.text("access_token")).await);
}

#[tokio::test]
async fn unknown_token_returns_none() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    assert!(!client.is_active("unknown").await);
}

#[tokio::test]
async fn refresh_flow() {
    let server = TestServer::spawn().await;
    let (client, tokens) = connected(&server).await;
    let fresh = client.refresh(&tokens.text("refresh_token")).await;
    assert_ne!(fresh.text("access_token"), tokens.text("access_token"));
    assert!(client.is_active(&fresh.text("access_token")).await);
}

#[tokio::test]
async fn refresh_wrong_client() {
    let server = TestServer::spawn().await;
    let (_, tokens) = connected(&server).await;
    let other = OAuthClient::register(&server).await;
    assert_eq!(other.refresh(&tokens.text("refresh_token")).await.error(), (400, "invalid_grant"));
}

/// Never more than the grant.
#[tokio::test]
async fn refresh_scope_escalation_rejected() {
    let server = TestServer::spawn_with(&[("scopes", "read write")]).await;
    let client = OAuthClient::register(&server).await;
    let code = client.code_for(&Browser::new(&server), &[("scope", "read")]).await;
    let token = client.exchange(&code).await.text("refresh_token");
    let form =
        [("grant_type", "refresh_token"), ("refresh_token", &*token), ("scope", "read write")];
    let answer = client.token(&form).await;
    assert_eq!(answer.body["scope"], "read");
    assert_eq!(client.introspect(&answer.text("access_token")).await.body["scope"], "read");
}

#[tokio::test]
async fn expired_refresh_token_rejected() {
    let server = TestServer::spawn().await;
    let (client, tokens) = connected(&server).await;
    server.advance(30 * 86_400);
    assert_eq!(client.refresh(&tokens.text("refresh_token")).await.error(), (400, "invalid_grant"));
}

#[tokio::test]
async fn revoke_access_token() {
    let server = TestServer::spawn().await;
    let (client, tokens) = connected(&server).await;
    assert_eq!(client.revoke(&tokens.text("access_token")).await.status, 200);
    assert!(!client.is_active(&tokens.text("access_token")).await);
    assert_eq!(client.refresh(&tokens.text("refresh_token")).await.status, 400);
}

#[tokio::test]
async fn revoke_refresh_token() {
    let server = TestServer::spawn().await;
    let (client, tokens) = connected(&server).await;
    assert_eq!(client.revoke(&tokens.text("refresh_token")).await.status, 200);
    assert!(!client.is_active(&tokens.text("access_token")).await);
}

#[tokio::test]
async fn revoke_nonexistent_is_noop() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    assert_eq!(client.revoke("nothing").await.status, 200);
}

#[tokio::test]
async fn defect_an_expired_access_token_took_the_refresh_token_with_it() {
    let server = TestServer::spawn().await;
    let (client, tokens) = connected(&server).await;
    server.advance(3601);
    assert!(!client.is_active(&tokens.text("access_token")).await);
    assert_eq!(client.refresh(&tokens.text("access_token")).await.error(), (400, "invalid_grant"));
    assert_eq!(client.refresh(&tokens.text("refresh_token")).await.status, 200);
}

#[tokio::test]
async fn defect_the_resource_was_lost_on_refresh() {
    let server = TestServer::spawn().await;
    let (client, tokens) = connected(&server).await;
    let fresh = client.refresh(&tokens.text("refresh_token")).await;
    assert_eq!(client.introspect(&fresh.text("access_token")).await.body["aud"], RESOURCE);
}

#[tokio::test]
async fn defect_one_refresh_token_made_two_live_pairs() {
    let server = TestServer::spawn().await;
    let (client, tokens) = connected(&server).await;
    let token = tokens.text("refresh_token");
    let (one, other) = tokio::join!(client.refresh(&token), client.refresh(&token));
    assert_eq!(one.text("refresh_token"), other.text("refresh_token"));
    assert_eq!(one.text("access_token"), other.text("access_token"));
}

#[tokio::test]
async fn defect_anybody_got_a_token_without_a_human_being_asked() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let sent = Browser::new(&server).authorize(&client.request()).await;
    assert!(sent.header("location").starts_with("/sign-in?"), "{sent:?}");
    let form = [("grant_type", "authorization_code"), ("code", "x"), ("code_verifier", VERIFIER)];
    assert_eq!(client.token(&form).await.error(), (400, "invalid_grant"));
}
