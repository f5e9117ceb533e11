//! What is understood, and what is refused.

use secrecy::ExposeSecret as _;

use super::*;
use crate::config::{Config, Sources};

const SECRET: (&str, &str) = ("WEBHOOK_SECRET", "sixteen letters!");

fn read(settings: &[(&str, &str)]) -> Result<Notify, String> {
    let named =
        |(name, text): &(&str, &str)| (format!("MCP_OAUTH_NOTIFY_{name}"), (*text).to_owned());
    let sources = Sources::gather(&[], None, settings.iter().map(named)).unwrap();
    Config::from_sources(&sources).map(|config| config.notify).map_err(|error| error.to_string())
}

#[test]
fn nobody_is_told_anything_at_first() {
    let notify = read(&[]).unwrap();
    assert!(notify.webhook.is_none() && notify.ntfy.is_none() && notify.mail.is_none());
    assert_eq!((notify.topics.len(), notify.low_disk), (TOPICS.len(), 256 * 1024 * 1024));
}

#[test]
fn a_webhook_is_signed() {
    let key = |secret| {
        let read = read(&[("WEBHOOK", "https://h.example/x?y"), ("WEBHOOK_SECRET", secret)]);
        read.map(|notify| notify.webhook.unwrap().key.expose_secret().to_vec())
    };
    assert_eq!(key("sixteen letters!").unwrap(), b"sixteen letters!");
    assert_eq!(key("whsec_c2l4dGVlbiBsZXR0ZXJzIQ==").unwrap(), b"sixteen letters!");
    for secret in ["fifteen letters", "whsec_c2hvcnQ=", "whsec_no base64, but long"] {
        let problem = key(secret).unwrap_err();
        assert!(problem.starts_with("MCP_OAUTH_NOTIFY_WEBHOOK_SECRET "), "{problem}");
        assert!(!problem.contains(secret), "{problem}");
    }
}

#[test]
fn addresses_are_https_or_on_this_machine() {
    for url in ["https://h.example/", "http://localhost:1/x", "http://127.0.0.2/", "http://[::1]/"]
    {
        assert!(read(&[("WEBHOOK", url), SECRET]).is_ok(), "{url}");
    }
    for url in [
        "http://h.example/",
        "ftp://localhost/",
        "h.example",
        "https://a:b@h.example/",
        "https://h.example/#x",
    ] {
        let problem = read(&[("WEBHOOK", url), SECRET]).unwrap_err();
        assert!(problem.starts_with("MCP_OAUTH_NOTIFY_WEBHOOK "), "{problem}");
        assert!(!problem.contains(url), "it may be a secret: {problem}");
    }
}

#[test]
fn a_topic_of_ntfy_is_split_from_its_server() {
    for (url, server, topic) in [
        ("https://ntfy.sh/my-topic", "https://ntfy.sh/", "my-topic"),
        ("https://h.example/push/t_1", "https://h.example/push/", "t_1"),
    ] {
        let ntfy = read(&[("NTFY", url)]).unwrap().ntfy.unwrap();
        assert_eq!((ntfy.url.as_str(), ntfy.topic.as_str()), (server, topic));
    }
    for url in ["https://ntfy.sh", "https://ntfy.sh/", "https://ntfy.sh/a b", "https://ntfy.sh/a?b"]
    {
        assert!(read(&[("NTFY", url)]).unwrap_err().contains("of a topic"), "{url}");
    }
}

#[test]
fn a_mail_server_is_encrypted_unless_it_is_here() {
    let server = |url| {
        let mail = [("MAIL_TO", "a@h.example, B <b@h.example>"), ("MAIL_FROM", "c@h.example")];
        let password = ("SMTP_PASSWORD", "secret");
        let with_user = [&mail[..], &[("SMTP", url), password]].concat();
        let without = [&mail[..], &[("SMTP", url)]].concat();
        let mail = read(if str::contains(url, '@') { &with_user } else { &without })?.mail.unwrap();
        assert_eq!(mail.to.len(), 2);
        let user = mail.server.credentials.map(|(user, _)| user);
        Ok::<_, String>((mail.server.host, mail.server.port, mail.server.security, user))
    };
    for (url, host, port, security, user) in [
        ("smtps://m.example", "m.example", 465, SmtpSecurity::Tls, None),
        ("smtp://m.example", "m.example", 587, SmtpSecurity::StartTls, None),
        ("smtp://u%40h@m.example:25", "m.example", 25, SmtpSecurity::StartTls, Some("u@h")),
        ("smtp://localhost", "localhost", 25, SmtpSecurity::Plain, None),
        ("smtp://[::1]:2525", "::1", 2525, SmtpSecurity::Plain, None),
        ("smtp://localhost?tls=required", "localhost", 587, SmtpSecurity::StartTls, None),
    ] {
        let expected = (host.to_owned(), port, security, user.map(str::to_owned));
        assert_eq!(server(url), Ok(expected), "{url}");
    }
    for url in ["m.example", "http://m.example", "smtps://m.example/x", "smtp://m.example?tls=none"]
    {
        assert!(server(url).unwrap_err().starts_with("MCP_OAUTH_NOTIFY_SMTP "), "{url}");
    }
    let leaked = server("smtps://user:hunter2@m.example").unwrap_err();
    assert!(leaked.contains("SMTP_PASSWORD") && !leaked.contains("hunter2"), "{leaked}");
}

#[test]
fn every_refusal_names_its_setting() {
    for (settings, name) in [
        (&[("WEBHOOK", "https://h.example/")][..], "WEBHOOK needs"),
        (&[SECRET], "WEBHOOK_SECRET needs"),
        (&[("NTFY_TOKEN", "tk_x")], "NTFY_TOKEN needs"),
        (&[("NTFY", "https://ntfy.sh/x"), ("NTFY_TOKEN", "a\nb")], "NTFY_TOKEN is no"),
        (&[("MAIL_TO", "a@h.example")], "MAIL_FROM is missing"),
        (&[("SMTP_PASSWORD", "x")], "MAIL_TO is missing"),
        (&[("MAIL_TO", "a"), ("MAIL_FROM", "b@h.example"), ("SMTP", "smtp://h")], "MAIL_TO (a)"),
        (&[("EVENTS", "replay nonsense")], "EVENTS (nonsense)"),
        (&[("LOW_DISK", "lots")], "LOW_DISK (lots)"),
        (&[("LOW_DISK", "99999999999G")], "LOW_DISK (99999999999G)"),
    ] {
        let problem = read(settings).unwrap_err();
        assert!(problem.starts_with(&format!("MCP_OAUTH_NOTIFY_{name}")), "{problem}");
        assert_eq!(problem.lines().count(), 1, "{problem}");
    }
}

#[test]
fn what_is_told_can_be_chosen() {
    let notify = read(&[("EVENTS", "replay, low_disk"), ("LOW_DISK", "2G")]).unwrap();
    assert_eq!(notify.topics, [Topic::Replay, Topic::LowDisk]);
    assert_eq!(notify.low_disk, 2 * 1024 * 1024 * 1024);
}
