//! Refresh as a client sees it: rotation with one live branch, safe to retry.

use std::sync::Arc;

use crate::support::{Browser, OAuthClient, TestServer};

async fn connected(server: &TestServer) -> (OAuthClient, String, String) {
    let client = OAuthClient::register(server).await;
    let tokens = client.connect(&Browser::new(server)).await;
    let pair = (tokens.text("access_token"), tokens.text("refresh_token"));
    (client, pair.0, pair.1)
}

#[tokio::test]
async fn each_refresh_gives_a_new_pair_and_the_old_access_token_lives_on() {
    let server = TestServer::spawn().await;
    let (client, access, mut token) = connected(&server).await;
    let mut seen = vec![token.clone()];
    for _ in 0..5 {
        server.advance(60);
        let answer = client.refresh(&token).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        token = answer.text("refresh_token");
        assert!(!seen.contains(&token));
        seen.push(token.clone());
    }
    assert!(client.is_active(&access).await, "until its own expiry");
}

#[tokio::test]
async fn a_lost_response_costs_nothing() {
    let server = TestServer::spawn().await;
    let (client, _, token) = connected(&server).await;
    let lost = client.refresh(&token).await;
    let again = client.refresh(&token).await;
    for member in ["access_token", "refresh_token"] {
        assert_eq!(lost.text(member), again.text(member), "{member}");
    }
    server.advance(5 * 86_400);
    let days_later = client.refresh(&token).await;
    assert_eq!(days_later.text("refresh_token"), lost.text("refresh_token"));
    assert_ne!(days_later.text("access_token"), lost.text("access_token"), "that one has expired");
    assert!(client.is_active(&days_later.text("access_token")).await);
}

#[tokio::test]
async fn a_replay_by_a_second_holder_ends_the_login() {
    let server = TestServer::spawn().await;
    let (client, _, token) = connected(&server).await;
    let honest = client.refresh(&token).await;
    let next = client.refresh(&honest.text("refresh_token")).await;
    server.advance(121);
    let thief = client.refresh(&token).await;
    assert_eq!(thief.error(), (400, "invalid_grant"));
    assert!(!client.is_active(&next.text("access_token")).await);
    assert_eq!(client.refresh(&next.text("refresh_token")).await.error(), (400, "invalid_grant"));
}

#[tokio::test]
async fn a_pair_that_was_seen_at_work_cannot_be_had_again_later() {
    let server = TestServer::spawn().await;
    let (client, _, token) = connected(&server).await;
    let answer = client.refresh(&token).await;
    assert!(client.is_active(&answer.text("access_token")).await);
    // The confirmation is on its way to the writer: a write behind it says that it is there.
    OAuthClient::register(&server).await;
    server.advance(121);
    assert_eq!(client.refresh(&token).await.error(), (400, "invalid_grant"));
    assert!(!client.is_active(&answer.text("access_token")).await);
}

#[tokio::test]
async fn racers_all_get_the_same_usable_answer() {
    let server = TestServer::spawn().await;
    let (client, _, token) = connected(&server).await;
    let client = Arc::new(client);
    let racers: Vec<_> = (0..20)
        .map(|_| {
            let (client, token) = (client.clone(), token.clone());
            tokio::spawn(async move { client.refresh(&token).await })
        })
        .collect();
    let mut answers = vec![];
    for racer in racers {
        let answer = racer.await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        answers.push((answer.text("access_token"), answer.text("refresh_token")));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "one live branch");
    assert_eq!(client.refresh(&answers[0].1).await.status, 200);
}

#[tokio::test]
async fn an_expired_access_token_that_is_presented_changes_nothing() {
    let server = TestServer::spawn().await;
    let (client, access, token) = connected(&server).await;
    server.advance(3601);
    assert!(!client.is_active(&access).await);
    assert_eq!(client.refresh(&token).await.status, 200);
}

#[tokio::test]
async fn an_expired_refresh_token_is_refused_and_ends_nothing() {
    let server = TestServer::spawn_with(&[("access_token_lifetime", "60d")]).await;
    let (client, access, token) = connected(&server).await;
    server.advance(30 * 86_400);
    assert_eq!(client.refresh(&token).await.error(), (400, "invalid_grant"));
    assert!(client.is_active(&access).await);
}

#[tokio::test]
async fn a_request_that_is_refused_consumes_nothing() {
    let server = TestServer::spawn().await;
    let (client, _, token) = connected(&server).await;
    let other = OAuthClient::register(&server).await;
    assert_eq!(other.refresh(&token).await.error(), (400, "invalid_grant"));
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &*token),
        ("resource", "https://x.example"),
    ];
    assert_eq!(client.token(&form).await.error(), (400, "invalid_target"));
    server.advance(300);
    assert_eq!(client.refresh(&token).await.status, 200, "it was unused all the while");
}

#[tokio::test]
async fn the_scope_shrinks_for_one_token_and_never_grows() {
    let server = TestServer::spawn_with(&[("scopes", "read write")]).await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let code = client.code_for(&browser, &[("scope", "read write")]).await;
    let mut token = client.exchange(&code).await.text("refresh_token");
    for (asked, granted) in
        [("read", "read"), ("read admin", "read"), ("admin", "read write"), ("", "read write")]
    {
        let form = [("grant_type", "refresh_token"), ("refresh_token", &*token), ("scope", asked)];
        let answer = client.token(&form).await;
        assert_eq!(answer.text("scope"), granted, "{asked:?}");
        token = answer.text("refresh_token");
    }
}

#[tokio::test]
async fn a_login_ends_at_its_absolute_end() {
    let server = TestServer::spawn_with(&[("grant_lifetime", "40d")]).await;
    let (client, _, token) = connected(&server).await;
    server.advance(20 * 86_400);
    let token = client.refresh(&token).await.text("refresh_token");
    server.advance(20 * 86_400 - 60);
    let last = client.refresh(&token).await;
    assert_eq!(last.body["expires_in"], 60, "clipped");
    server.advance(60);
    let refused = client.refresh(&last.text("refresh_token")).await;
    assert_eq!(refused.error(), (400, "invalid_grant"));
}

#[tokio::test]
async fn a_restart_costs_nobody_a_login() {
    let mut server = TestServer::spawn().await;
    let (client, access, token) = connected(&server).await;
    server.restart().await;
    assert!(client.is_active(&access).await);
    let lost = client.refresh(&token).await;
    server.restart().await;
    assert_eq!(client.refresh(&token).await.text("refresh_token"), lost.text("refresh_token"));
}
