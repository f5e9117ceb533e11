//! `notify test`: whether those who are told can be reached, without a service.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

use crate::support::Place;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Answers one request with this status; its URL, and what was asked.
fn receiver(status: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = String::new();
        while !asked.trim_end().ends_with('}') {
            let mut bytes = [0; 4096];
            let read = stream.read(&mut bytes).unwrap();
            asked.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
        }
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).unwrap();
        asked
    });
    (url, asked)
}

fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/hook", listener.local_addr().unwrap())
}

#[test]
fn a_test_message_is_sent_over_every_channel_and_each_says_what_happened() {
    let (webhook, asked) = receiver("204 No Content");
    let (ntfy, published) = receiver("200 OK");
    let mut place = Place::new();
    place.set("NOTIFY_WEBHOOK", &webhook).set("NOTIFY_WEBHOOK_SECRET", SECRET);
    place.set("NOTIFY_NTFY", &ntfy);
    let said = place.run(&["notify", "test"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    assert_eq!(said.out, "webhook: told (204 No Content)\nntfy: told (200 OK)\n");
    let asked = asked.join().unwrap();
    assert!(
        asked.contains("webhook-signature: v1,") && asked.contains(r#""type":"test""#),
        "{asked}"
    );
    assert!(published.join().unwrap().contains(r#""topic":"hook""#));
    assert_eq!(std::fs::read_dir(place.folder()).unwrap().count(), 0, "no database is made");
}

#[test]
fn one_channel_can_be_tried_alone_and_programs_can_read_it() {
    let (ntfy, _published) = receiver("200 OK");
    let mut place = Place::new();
    place.set("NOTIFY_WEBHOOK", &nobody()).set("NOTIFY_WEBHOOK_SECRET", SECRET);
    place.set("NOTIFY_NTFY", &ntfy);
    let sent = place.run(&["notify", "test", "--channel", "ntfy", "--json"]).json();
    let expected = serde_json::json!([
        { "channel": "ntfy", "told": true, "reached": true, "answer": "200 OK" }
    ]);
    assert_eq!(sent, expected);
}

#[test]
fn who_does_not_take_it_is_1_and_who_is_not_there_is_69() {
    let (webhook, _asked) = receiver("401 Unauthorized");
    let mut place = Place::new();
    place.set("NOTIFY_WEBHOOK", &webhook).set("NOTIFY_WEBHOOK_SECRET", SECRET);
    place.set("NOTIFY_NTFY", &nobody());
    let said = place.run(&["notify", "test"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("webhook: not told (it answered 401 Unauthorized)"), "{said:?}");
    assert!(said.out.contains("ntfy: not told (") && said.out.contains("refused"), "{said:?}");
    assert!(!said.out.contains("/hook"), "addresses may be secrets: {said:?}");
    let gone = place.run(&["notify", "test", "--channel", "ntfy"]);
    assert_eq!((gone.code, gone.err.lines().count()), (69, 1), "{gone:?}");
}

#[test]
fn a_mail_server_that_is_not_there_is_69() {
    let mut place = Place::new();
    let server = nobody().replace("http://", "smtp://").replace("/hook", "");
    place.set("NOTIFY_MAIL_TO", "a@h.example").set("NOTIFY_MAIL_FROM", "b@h.example");
    let said = place.set("NOTIFY_SMTP", &server).run(&["notify", "test"]);
    assert_eq!(said.code, 69, "{said:?}");
    assert!(said.out.starts_with("mail: not told ("), "{said:?}");
}

#[test]
fn nobody_to_tell_is_78_with_a_hint() {
    let mut place = Place::new();
    let said = place.run(&["notify", "test"]);
    assert_eq!((said.code, said.out.as_str()), (78, ""), "{said:?}");
    assert!(said.err.contains("hint: set MCP_OAUTH_NOTIFY_WEBHOOK"), "{said:?}");
    place.set("NOTIFY_NTFY", "https://ntfy.sh/topic");
    let said = place.run(&["notify", "test", "--channel", "mail"]);
    assert_eq!(said.code, 78, "{said:?}");
    assert!(said.err.contains("MCP_OAUTH_NOTIFY_MAIL_TO is not set"), "{said:?}");
    assert_eq!(place.run(&["notify", "test", "--channel", "pigeon"]).code, 2);
}

#[test]
fn wrong_settings_are_78_at_the_start_and_nothing_is_made() {
    for (name, value) in [
        ("NOTIFY_WEBHOOK", "http://h.example/"),
        ("NOTIFY_NTFY", "https://ntfy.sh"),
        ("NOTIFY_SMTP", "m.example"),
        ("NOTIFY_EVENTS", "everything"),
        ("NOTIFY_LOW_DISK", "lots"),
        ("OUTGOING_CA", "no PEM"),
    ] {
        let mut place = Place::new();
        place.set("NOTIFY_MAIL_TO", "a@h.example").set("NOTIFY_MAIL_FROM", "b@h.example");
        if name != "NOTIFY_SMTP" {
            place.set("NOTIFY_SMTP", "smtp://localhost");
        }
        let said = place.set(name, value).run(&["serve"]);
        assert_eq!((said.code, said.err.lines().count()), (78, 1), "{said:?}");
        assert!(said.err.starts_with(&format!("error: MCP_OAUTH_{name} ")), "{said:?}");
        assert_eq!(std::fs::read_dir(place.folder()).unwrap().count(), 0);
    }
}

#[test]
fn secrets_are_masked_and_no_arguments() {
    let mut place = Place::new();
    place.set("NOTIFY_WEBHOOK", "https://h.example/a-secret-path");
    place.set("NOTIFY_WEBHOOK_SECRET", SECRET).set("NOTIFY_NTFY", "https://ntfy.sh/a-secret-topic");
    let shown = place.run(&["config", "show"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(!shown.out.contains("a-secret") && !shown.out.contains(SECRET), "{shown:?}");
    let help = place.run(&["serve", "--help"]).out;
    assert!(help.contains("--notify-events") && !help.contains("--notify-webhook"), "{help}");
}
