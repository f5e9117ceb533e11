//! A resource gets a new introspection secret while it serves.

use mcp_oauthd::accounts::setup::rotate_secret;
use mcp_oauthd::clock::Seconds;
use mcp_oauthd::oauth::TokenHash;
use mcp_oauthd::storage::{StorageError, resources};

use crate::support::{Answer, INTROSPECTION, TestServer};

/// What the operator's command does.
async fn rotate(server: &TestServer, secret: &str, overlap: i64) {
    let (hash, now) = (TokenHash::of(secret), server.clock.now());
    let rotate = move |conn: &mut _| {
        let resource = resources::find(conn, &INTROSPECTION.0.parse().unwrap())?.unwrap();
        rotate_secret(conn, &resource, &hash, Seconds(overlap), now)
    };
    let done: Result<bool, StorageError> = server.storage.write(rotate).await;
    assert!(done.unwrap());
}

async fn status(server: &TestServer, secret: &str) -> u16 {
    let request = reqwest::Client::new().post(format!("{}/introspect", server.url));
    let request = request.basic_auth(INTROSPECTION.0, Some(secret)).form(&[("token", "x")]);
    Answer::of(request).await.status
}

#[tokio::test]
async fn the_secret_before_goes_on_working_until_the_overlap_ends() {
    let mut server = TestServer::spawn().await;
    rotate(&server, "the-second-secret", 3600).await;
    for restarted in [false, true] {
        assert_eq!(status(&server, INTROSPECTION.1).await, 200, "{restarted}");
        assert_eq!(status(&server, "the-second-secret").await, 200, "{restarted}");
        server.restart().await;
    }
    server.advance(3600);
    assert_eq!(status(&server, INTROSPECTION.1).await, 401);
    assert_eq!(status(&server, "the-second-secret").await, 200);
}

#[tokio::test]
async fn without_an_overlap_a_leaked_secret_ends_at_once() {
    let server = TestServer::spawn().await;
    rotate(&server, "the-second-secret", 0).await;
    assert_eq!(status(&server, INTROSPECTION.1).await, 401);
    assert_eq!(status(&server, "the-second-secret").await, 200);
}

#[tokio::test]
async fn of_three_secrets_two_work() {
    let server = TestServer::spawn().await;
    rotate(&server, "the-second-secret", 3600).await;
    rotate(&server, "the-third-secret", 3600).await;
    assert_eq!(status(&server, INTROSPECTION.1).await, 401);
    assert_eq!(status(&server, "the-second-secret").await, 200);
    assert_eq!(status(&server, "the-third-secret").await, 200);
}
