//! What the operator is told, in which words, over which channel.

use mcp_oauthd::storage::{Event, StorageError, events, users};
use reqwest::header::ORIGIN;

use super::notifications::{CHOSEN, KEY, connect, counted, cursor, spawn};
use super::several::add_user;
use crate::support::{
    Browser, Mailbox, OAuthClient, PASSWORD, RESOURCE, Receiver, Reply, TestServer, USER, page,
};

/// Signs [`USER`] in, or tries to, from an address.
async fn sign_in_from(server: &TestServer, address: &str, username: &str, password: &str) -> u16 {
    let client = OAuthClient::register(server).await;
    let browser = Browser::new(server);
    let form = browser.sign_in_form(&client.request()).await;
    let (request, csrf) = (form.field("request"), form.field("csrf"));
    let fields =
        [("request", &*request), ("csrf", &*csrf), ("username", username), ("password", password)];
    let request = browser.http.post(format!("{}/sign-in", server.url)).header(ORIGIN, &server.url);
    page(request.header("X-Forwarded-For", address).form(&fields)).await.status
}

#[tokio::test]
async fn a_webhook_is_told_once_and_signed() {
    let mut receiver = Receiver::start();
    let server = spawn(&receiver, &[]).await;
    let (client, _) = connect(&server, "Claude\u{202e}").await;
    let told = receiver.next().await;
    assert_eq!(told.headers["content-type"], "application/json");
    assert!(told.is_signed_with(KEY) && !told.is_signed_with("another secret of it"));
    let message = told.json();
    assert_eq!(message["id"], told.id());
    assert_eq!(message["type"], "grant.created");
    assert_eq!(message["at"], server.clock.now().to_string());
    assert_eq!(message["issuer"], server.url.as_str());
    assert_eq!(message["url"], format!("{}/account", server.url));
    assert_eq!(message["client_id"], client.id.as_str());
    assert_eq!(message["client_name"], "Claude", "nothing in it that hides");
    assert_eq!((&message["username"], &message["scope"]), (&USER.into(), &"mcp".into()));
    assert_eq!(
        (&message["resource"], &message["resource_name"]),
        (&RESOURCE.into(), &"wiki".into())
    );
    assert!(message["grant_id"].is_string());
    let text = message["text"].as_str().unwrap();
    assert!(text.contains(USER) && text.contains("\u{201c}Claude\u{201d}"), "{text}");
    assert!(!told.body.contains("mat_") && !told.body.contains("mrt_"), "no token: {}", told.body);
    connect(&server, "Another").await;
    assert_eq!(receiver.next().await.json()["client_name"], "Another", "the first was told once");
    counted(&server, "webhook", "told", 2).await;
}

#[tokio::test]
async fn a_telephone_is_told_by_ntfy() {
    let mut ntfy = Receiver::start();
    let topic = format!("{}/push/my-topic", ntfy.url);
    let settings =
        [("notify_ntfy", topic.as_str()), ("notify_ntfy_token", "tk_of_the_topic"), CHOSEN];
    let server = TestServer::spawn_with(&settings).await;
    connect(&server, "Cl\u{e4}ude").await;
    let told = ntfy.next().await;
    assert_eq!(
        (told.path.as_str(), &*told.headers["authorization"]),
        ("/push/", "Bearer tk_of_the_topic")
    );
    let message = told.json();
    assert_eq!(message["topic"], "my-topic");
    assert_eq!(
        (&message["title"], &message["priority"]),
        (&"A new app is connected".into(), &3.into())
    );
    assert_eq!(message["tags"], serde_json::json!(["electric_plug"]));
    assert_eq!(message["click"], format!("{}/account", server.url));
    assert!(message["message"].as_str().unwrap().contains("\u{201c}Cl\u{e4}ude\u{201d}"));
}

#[tokio::test]
async fn a_mailbox_is_told_by_smtp_and_a_mail_that_is_put_off_comes_later() {
    let mut mailbox = Mailbox::start();
    mailbox.will_refuse("451 come back later");
    let settings = [
        ("notify_mail_to", "ada@h.example, Ops <ops@h.example>"),
        ("notify_mail_from", "mcp@h.example"),
        ("notify_smtp", mailbox.url.as_str()),
        CHOSEN,
    ];
    let server = TestServer::spawn_with(&settings).await;
    connect(&server, "x. Bcc: eve@h.example").await;
    counted(&server, "mail", "failed", 1).await;
    server.advance(10);
    let mail = mailbox.next().await;
    assert_eq!(mail.from, "mcp@h.example");
    assert_eq!(mail.to, ["ada@h.example", "ops@h.example"]);
    let (head, body) = mail.text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Subject: A new app is connected (127.0.0.1)"), "{head}");
    assert!(head.contains("Auto-Submitted: auto-generated") && !head.contains("eve"), "{head}");
    assert!(body.contains(USER), "{body}");
}

#[tokio::test]
async fn a_sign_in_is_told_from_the_second_place_on() {
    let mut receiver = Receiver::start();
    let server = spawn(&receiver, &[("notify_events", "new_place")]).await;
    for address in ["198.51.100.7", "198.51.100.7", "2001:db8:0:1::1", "2001:db8:0:1::2"] {
        assert_eq!(sign_in_from(&server, address, USER, PASSWORD).await, 303);
    }
    assert_eq!(sign_in_from(&server, "192.0.2.9", USER, "wrong password").await, 401);
    connect(&server, "Not chosen").await;
    let told = receiver.next().await.json();
    assert_eq!(
        (&told["type"], &told["address"]),
        (&"session.new_place".into(), &"2001:db8:0:1::1".into())
    );
    assert_eq!((&told["username"], &told["detail"]), (&USER.into(), &"password".into()));
    let last = receiver.next().await.json();
    assert_eq!(
        (&last["type"], &last["address"]),
        (&"session.new_place".into(), &"127.0.0.1".into())
    );
    assert!(receiver.rest().is_empty());
}

#[tokio::test]
async fn a_replay_is_told_and_a_disconnection_is_not() {
    let mut receiver = Receiver::start();
    let server = spawn(&receiver, &[("notify_events", "replay")]).await;
    let (client, refresh) = connect(&server, "Ended by the app").await;
    assert_eq!(client.revoke(&refresh).await.status, 200);
    let (client, stolen) = connect(&server, "Claude").await;
    let mut refresh = stolen.clone();
    for _ in 0..3 {
        server.advance(1000);
        refresh = client.refresh(&refresh).await.text("refresh_token");
    }
    assert_eq!(client.refresh(&stolen).await.status, 400);
    let told = receiver.next().await.json();
    assert_eq!(
        (&told["type"], &told["detail"]),
        (&"grant.replayed".into(), &"refresh_replayed".into())
    );
    assert_eq!(told["client_name"], "Claude");
}

#[tokio::test]
async fn a_lock_out_is_told_once_and_made_up_names_leave_nothing() {
    let mut receiver = Receiver::start();
    let server = spawn(&receiver, &[("limit_sign_in_per_account", "2")]).await;
    for username in ["nobody", USER] {
        let attempts = [401, 401, 429, 429, 429];
        for status in attempts {
            assert_eq!(sign_in_from(&server, "192.0.2.1", username, "a guess").await, status);
        }
    }
    let told = receiver.next().await.json();
    assert_eq!((&told["type"], &told["username"]), (&"user.locked_out".into(), &USER.into()));
    assert_eq!(told["address"], "192.0.2.1");
    for _ in 0..3 {
        assert_eq!(sign_in_from(&server, "192.0.2.1", USER, PASSWORD).await, 429);
    }
    let recorded = server.storage.read(|conn| events::list(conn, 1000)).await;
    let recorded: Result<_, StorageError> = recorded;
    let lock_outs = recorded.unwrap().into_iter().filter(|event| event.kind == Event::LockedOut);
    assert_eq!(lock_outs.count(), 1);
    server.advance(15 * 60);
    for status in [401, 401, 429] {
        assert_eq!(sign_in_from(&server, "192.0.2.1", USER, "a guess").await, status);
    }
    assert_eq!(receiver.next().await.json()["type"], "user.locked_out", "again");
}

#[tokio::test]
async fn a_disk_that_fills_up_is_told_once_and_so_is_its_end() {
    let mut receiver = Receiver::start();
    let mut server = spawn(&receiver, &[("notify_low_disk", "16000000G")]).await;
    let told = receiver.next().await.json();
    assert_eq!(told["type"], "disk.low");
    assert!(told["detail"].as_str().unwrap().parse::<u64>().unwrap() > 0);
    cursor(&server, "webhook", |cursor| cursor.event_id > 0 && cursor.attempts == 0).await;
    server.restart().await;
    server.restart_with(&[("notify_low_disk", "1")]).await;
    assert_eq!(receiver.next().await.json()["type"], "disk.enough", "and not low once more");
}

#[tokio::test]
async fn a_person_who_is_gone_has_no_name_any_more() {
    let mut receiver = Receiver::start();
    receiver.will(&[Reply::Status(500, None)]);
    let server = spawn(&receiver, &[]).await;
    connect(&server, "Claude").await;
    receiver.next().await;
    counted(&server, "webhook", "failed", 1).await;
    let remove = |conn: &mut _| {
        let user = users::find_by_name(conn, USER)?.unwrap();
        users::remove(conn, &user.id)
    };
    let removed: Result<bool, StorageError> = server.storage.write(remove).await;
    assert!(removed.unwrap());
    server.advance(10);
    let told = receiver.next().await.json();
    assert!(told["username"].is_null() && told["user_id"].is_string(), "{told}");
    assert!(told["text"].as_str().unwrap().contains("whose account is gone"), "{told}");
}

#[tokio::test]
async fn a_new_account_is_told() {
    let mut receiver = Receiver::start();
    let server = spawn(&receiver, &[("notify_events", "people")]).await;
    // The first account may have come before the channel began.
    cursor(&server, "webhook", |_| true).await;
    add_user(&server, "grace", "a very long password").await;
    let mut told = receiver.next().await.json();
    if told["username"] == USER {
        told = receiver.next().await.json();
    }
    assert_eq!((&told["type"], &told["username"]), (&"user.added".into(), &"grace".into()));
}
