//! The operator is told what happens: once, in order, and nothing is lost or held up.

use mcp_oauthd::storage::notification_channels::{self, Cursor};
use mcp_oauthd::storage::{StorageError, events};

use crate::support::{Browser, OAuthClient, Receiver, Reply, TestServer};

pub(super) const KEY: &str = "a secret of the webhook";

/// Everything but the account that every test begins with.
pub(super) const CHOSEN: (&str, &str) =
    ("notify_events", "app_connected new_place replay lock_out low_disk update emergency");

/// With this receiver as its webhook; [`CHOSEN`] unless a setting says otherwise.
pub(super) async fn spawn(receiver: &Receiver, settings: &[(&str, &str)]) -> TestServer {
    let webhook = [("notify_webhook", receiver.url.as_str()), ("notify_webhook_secret", KEY)];
    let chosen = settings.iter().all(|(key, _)| *key != CHOSEN.0).then_some(CHOSEN);
    let all: Vec<_> = webhook.into_iter().chain(chosen).chain(settings.iter().copied()).collect();
    TestServer::spawn_with(&all).await
}

/// An app of this name, connected; with its refresh token.
pub(super) async fn connect(server: &TestServer, name: &str) -> (OAuthClient, String) {
    let metadata = serde_json::json!({ "token_endpoint_auth_method": "none", "client_name": name });
    let client = OAuthClient::register_with(server, metadata).await;
    let tokens = client.connect(&Browser::new(server)).await;
    let refresh = tokens.text("refresh_token");
    (client, refresh)
}

/// The cursor of a channel, as soon as it is as it should be.
pub(super) async fn cursor(
    server: &TestServer,
    channel: &str,
    is: impl Fn(&Cursor) -> bool,
) -> Cursor {
    for _ in 0..400 {
        let read = server.storage.read(|conn| notification_channels::find(conn, channel)).await;
        let found: Option<Cursor> = read.unwrap();
        if let Some(found) = found.filter(&is) {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the cursor of {channel} never got there");
}

/// Returns when the running process has counted so many attempts of this outcome.
pub(super) async fn counted(server: &TestServer, channel: &str, outcome: &str, times: usize) {
    let line = format!(r#"notifications_total{{channel="{channel}",outcome="{outcome}"}} {times}"#);
    for _ in 0..400 {
        if metrics(server).await.contains(&line) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("never counted: {line}");
}

async fn metrics(server: &TestServer) -> String {
    reqwest::get(format!("{}/metrics", server.url)).await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn what_is_not_taken_is_told_later_in_its_order_and_after_a_restart_too() {
    let mut receiver = Receiver::start();
    receiver.will(&[Reply::Status(500, None), Reply::HangUp, Reply::Status(302, None)]);
    let mut server = spawn(&receiver, &[]).await;
    connect(&server, "First").await;
    connect(&server, "Second").await;
    let first = receiver.next().await;
    counted(&server, "webhook", "failed", 1).await;
    server.advance(10);
    let again = receiver.next().await;
    assert_eq!((again.id(), &again.body), (first.id(), &first.body), "to be known by its id");
    assert_ne!(again.headers["webhook-timestamp"], first.headers["webhook-timestamp"]);
    assert!(again.is_signed_with(KEY), "anew, because receivers refuse what is old");
    counted(&server, "webhook", "failed", 2).await;
    server.restart().await;
    server.advance(20);
    assert_eq!(receiver.next().await.id(), first.id());
    counted(&server, "webhook", "failed", 1).await;
    server.advance(40);
    assert_eq!(receiver.next().await.id(), first.id());
    assert_eq!(receiver.next().await.json()["client_name"], "Second");
    cursor(&server, "webhook", |cursor| cursor.attempts == 0).await;
    counted(&server, "webhook", "told", 2).await;
    assert!(receiver.rest().is_empty());
}

#[tokio::test]
async fn a_receiver_says_when_it_wants_to_be_asked_again() {
    let mut receiver = Receiver::start();
    receiver.will(&[Reply::Status(429, Some(5000))]);
    let server = spawn(&receiver, &[]).await;
    connect(&server, "Claude").await;
    receiver.next().await;
    let until = server.clock.now().0 + 5000;
    cursor(&server, "webhook", |cursor| cursor.next_attempt_at.0 == until).await;
    server.advance(5000);
    receiver.next().await;
}

#[tokio::test]
async fn what_nobody_takes_for_a_day_is_given_up_and_the_next_is_told() {
    let mut receiver = Receiver::start();
    receiver.will(&[Reply::Status(500, None); 9]);
    let server = spawn(&receiver, &[]).await;
    connect(&server, "First").await;
    for attempt in 1..9 {
        receiver.next().await;
        counted(&server, "webhook", "failed", attempt).await;
        server.advance(900);
    }
    server.advance(86_400);
    let last = receiver.next().await;
    let event = last.id().split('_').nth(1).unwrap().parse::<i64>().unwrap();
    cursor(&server, "webhook", |cursor| cursor.event_id == event).await;
    counted(&server, "webhook", "given_up", 1).await;
    connect(&server, "Second").await;
    server.advance(2 * 3600);
    assert_eq!(receiver.next().await.json()["client_name"], "Second");
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_nobody_and_no_stop() {
    let (mut receiver, mut ntfy) = (Receiver::start(), Receiver::start());
    receiver.will(&[Reply::Hang]);
    let topic = format!("{}/alerts", ntfy.url);
    let mut server = spawn(&receiver, &[("notify_ntfy", &topic)]).await;
    connect(&server, "First").await;
    let hanging = receiver.next().await;
    connect(&server, "Second").await;
    for name in ["First", "Second"] {
        let told = ntfy.next().await.json();
        assert!(told["message"].as_str().unwrap().contains(name), "{told}");
    }
    assert!(receiver.rest().is_empty(), "it still hangs, and the others were not held up");
    // Less than what an answer may take.
    let patience = std::time::Duration::from_secs(8);
    tokio::time::timeout(patience, server.restart()).await.unwrap();
    assert_eq!(receiver.next().await.id(), hanging.id(), "and nothing was lost");
    assert_eq!(receiver.next().await.json()["client_name"], "Second");
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_a_failure() {
    let mut receiver = Receiver::start();
    receiver.will(&[Reply::Hang]);
    let server = spawn(&receiver, &[]).await;
    connect(&server, "Claude").await;
    let first = receiver.next().await;
    counted(&server, "webhook", "failed", 1).await;
    server.advance(10);
    assert_eq!(receiver.next().await.id(), first.id());
}

#[tokio::test]
async fn a_channel_that_is_new_begins_with_what_is_new() {
    let mut receiver = Receiver::start();
    let mut server = TestServer::spawn().await;
    connect(&server, "Before").await;
    let url = receiver.url.clone();
    let settings = [("notify_webhook", url.as_str()), ("notify_webhook_secret", KEY)];
    server.restart_with(&settings).await;
    connect(&server, "After").await;
    assert_eq!(receiver.next().await.json()["client_name"], "After");
    server.restart_with(&[("notify_webhook", ""), ("notify_webhook_secret", "")]).await;
    connect(&server, "Meanwhile").await;
    server.restart_with(&settings).await;
    connect(&server, "Again").await;
    assert_eq!(receiver.next().await.json()["client_name"], "Again");
}

#[tokio::test]
async fn two_processes_on_one_database_tell_everything_once() {
    let mut receiver = Receiver::start();
    let server = spawn(&receiver, &[]).await;
    let beside = server.spawn_beside();
    for n in 0..6 {
        connect(if n % 2 == 0 { &server } else { &beside }, &format!("App {n}")).await;
    }
    let newest = server.storage.read(events::newest).await;
    let newest: Result<i64, StorageError> = newest;
    cursor(&server, "webhook", |cursor| cursor.event_id == newest.clone().unwrap()).await;
    let mut names: Vec<String> = receiver
        .rest()
        .iter()
        .map(|told| told.json()["client_name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["App 0", "App 1", "App 2", "App 3", "App 4", "App 5"]);
}
