//! What is exported here and imported there goes on there.

use mcp_oauthd::moving::archive;

use crate::support::{Browser, OAuthClient, PASSWORD, TestServer, USER};

async fn export(server: &TestServer) -> Vec<u8> {
    let mut out = vec![];
    archive::write(&server.storage, &server.url, &mut out).await.unwrap();
    out
}

#[tokio::test]
async fn tokens_logins_and_passwords_go_on_in_the_other_database() {
    let here = TestServer::spawn().await;
    let client = OAuthClient::register(&here).await;
    let browser = Browser::new(&here);
    let first = client.connect(&browser).await;
    let second = client.refresh(&first.text("refresh_token")).await;
    let ended = client.connect(&browser).await;
    assert_eq!(client.revoke(&ended.text("access_token")).await.status, 200);
    let code = client.code(&browser).await;
    let lines = export(&here).await;

    let there = TestServer::spawn_empty(&[]);
    let now = there.clock.now();
    let outcome = archive::read(&there.storage, lines.as_slice(), false, now).await.unwrap();
    assert_eq!(
        (outcome.rows.taken, outcome.rows.already_here),
        (lines.split(|b| *b == b'\n').count() - 2, 0)
    );
    let moved = OAuthClient::known_as(&there, &client.id, &client.redirect_uri);
    assert!(moved.is_active(&second.text("access_token")).await);
    assert!(!moved.is_active(&ended.text("access_token")).await);
    let again = moved.refresh(&first.text("refresh_token")).await;
    assert_eq!(again.text("refresh_token"), second.text("refresh_token"), "an answer was lost");
    let third = moved.refresh(&second.text("refresh_token")).await;
    assert!(moved.is_active(&third.text("access_token")).await);
    assert_eq!(moved.exchange(&code).await.status, 200);
    assert_eq!(moved.exchange(&code).await.error(), (400, "invalid_grant"));
    let new = Browser::new(&there);
    let form = new.sign_in_form(&moved.request()).await;
    assert_eq!(new.send_password(&form, USER, PASSWORD).await.status, 303);
    there.advance(1000);
    assert_eq!(moved.refresh(&first.text("refresh_token")).await.status, 400, "two holders");
    assert!(!moved.is_active(&third.text("access_token")).await);
    assert!(client.is_active(&second.text("access_token")).await, "nothing has changed here");
}

#[tokio::test]
async fn an_export_of_what_was_imported_is_the_same_again() {
    let here = TestServer::spawn().await;
    let client = OAuthClient::register(&here).await;
    client.connect(&Browser::new(&here)).await;
    let lines = export(&here).await;
    let there = TestServer::spawn_empty(&[]);
    let now = there.clock.now();
    for taken in [true, false] {
        let outcome = archive::read(&there.storage, lines.as_slice(), false, now).await.unwrap();
        assert_eq!(outcome.rows.taken > 0, taken, "once");
        let mut again = vec![];
        archive::write(&there.storage, &here.url, &mut again).await.unwrap();
        assert_eq!(String::from_utf8(again), String::from_utf8(lines.clone()));
    }
}
