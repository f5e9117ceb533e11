//! What the clean-up job takes, and what it leaves.

use mcp_oauthd::clock::Seconds;
use mcp_oauthd::config::{Config, Lifetimes, Sources};
use mcp_oauthd::sweeper;

use crate::support::{Browser, OAuthClient, TestServer};

const DAY: i64 = 86_400;

async fn sweep(server: &TestServer) -> u64 {
    let config = Config::from_sources(&Sources::gather(&[], None, []).unwrap()).unwrap();
    // How attempts went is recorded beside the requests, so that nobody can count it here.
    let lifetimes = Lifetimes { attempt: Seconds(3650 * DAY), ..config.lifetimes };
    sweeper::sweep(&server.storage, &lifetimes, server.clock.now()).await.unwrap()
}

#[tokio::test]
async fn a_login_in_use_is_left_alone_and_its_replays_are_still_known() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let mut tokens = client.connect(&Browser::new(&server)).await;
    let mut used = vec![];
    for _ in 0..20 {
        server.advance(10 * DAY);
        used.push(tokens.text("refresh_token"));
        tokens = client.refresh(&tokens.text("refresh_token")).await;
        assert_eq!(tokens.status, 200, "{tokens:?}");
        assert!(client.is_active(&tokens.text("access_token")).await);
        sweep(&server).await;
    }
    assert_eq!(sweep(&server).await, 0, "nothing is left to do");
    let forgotten = client.refresh(&used[0]).await;
    assert_eq!(forgotten.error(), (400, "invalid_grant"));
    assert!(
        client.is_active(&tokens.text("access_token")).await,
        "too old to be known, ends nothing"
    );
    let replayed = client.refresh(&used[18]).await;
    assert_eq!(replayed.error(), (400, "invalid_grant"));
    assert!(
        !client.is_active(&tokens.text("access_token")).await,
        "a replay of the last month does"
    );
}

#[tokio::test]
async fn what_nobody_can_use_any_more_goes_in_batches() {
    let server = TestServer::spawn().await;
    let browser = Browser::new(&server);
    let client = OAuthClient::register(&server).await;
    client.connect(&browser).await;
    client.code(&browser).await;
    for _ in 0..600 {
        browser.authorize(&client.request()).await;
    }
    assert_eq!(sweep(&server).await, 0, "everything is young");
    server.advance(2 * 3600);
    assert!(sweep(&server).await >= 600, "started sign-ins that nobody finished, in two batches");
    server.advance(33 * DAY);
    // Two codes, an access token, a refresh token, a grant, a session.
    assert_eq!(sweep(&server).await, 6);
    assert_eq!(browser.authorize(&client.request()).await.status, 303, "a used client stays");
}

#[tokio::test]
async fn registrations_that_nobody_used_are_forgotten_after_a_month() {
    let server = TestServer::spawn().await;
    let browser = Browser::new(&server);
    let client = OAuthClient::register(&server).await;
    server.advance(30 * DAY);
    sweep(&server).await;
    assert_eq!(browser.authorize(&client.request()).await.status, 303);
    server.advance(3601);
    sweep(&server).await;
    assert_eq!(browser.authorize(&client.request()).await.status, 400);
}
