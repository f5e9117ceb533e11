//! How many documents are fetched, for whom, and what those who wait are told: Client ID Metadata
//! Document draft -01, sections 4.4, 6.5 and 6.6.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use mcp_oauthd::app::App;
use mcp_oauthd::app::fetcher::Unpublished;
use mcp_oauthd::clock::{Clock, Seconds};
use mcp_oauthd::config::{Config, Sources};
use mcp_oauthd::oauth::ClientIdUrl;
use mcp_oauthd::storage::{Limits, Missing, Storage};
use tokio::time::Instant;

use crate::support::{DocumentHost, Sends, answer, json};

/// The deadline of a fetch: no failure is told before it.
const DEADLINE: Duration = Duration::from_secs(5);

fn app(host: &DocumentHost, client_documents: &str, settings: &[(&str, &str)]) -> Arc<App> {
    let of_host = [
        ("db", ":memory:"),
        ("client_documents", client_documents),
        ("outgoing_ca", host.ca.as_str()),
    ];
    let said = of_host.iter().chain(settings);
    let said = said
        .map(|(key, text)| (format!("MCP_OAUTH_{}", key.to_ascii_uppercase()), (*text).to_owned()));
    let config = Config::from_sources(&Sources::gather(&[], None, said).unwrap()).unwrap();
    let (queue, clock) = (Limits::default(), Clock::manual());
    let storage = Storage::open(&config.database, Missing::Create, queue, clock.clone()).unwrap();
    Arc::new(App::new(config, storage, clock).ok().unwrap())
}

fn from(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn url(text: &str) -> ClientIdUrl {
    text.parse().unwrap()
}

/// Is published once it was asked for, and a while after.
fn after_a_while(body: &str) -> Sends {
    let bytes = answer("200 OK", "Content-Type: application/json\r\n", body);
    Sends::Slowly(vec![], bytes, Duration::from_millis(10))
}

#[tokio::test]
async fn many_who_wait_have_one_fetch() {
    let host = DocumentHost::start();
    host.publish("/c", after_a_while("{}"));
    let app = app(&host, "development", &[("limit_document_fetches_per_address", "1")]);
    let ask = |app: Arc<App>| {
        let url = url(&host.at("/c"));
        tokio::spawn(async move { app.document(&url, from("192.0.2.1")).await })
    };
    let all: Vec<_> = (0..50).map(|_| ask(app.clone())).collect();
    for one in all {
        assert_eq!(one.await.unwrap().unwrap().body, b"{}");
    }
    assert_eq!((host.connections(), host.requests().len()), (1, 1));
}

#[tokio::test]
async fn who_stops_waiting_stops_nobody_else() {
    let host = DocumentHost::start();
    host.publish("/c", after_a_while("{}"));
    let app = app(&host, "development", &[]);
    let ask = |app: Arc<App>| {
        let url = url(&host.at("/c"));
        tokio::spawn(async move { app.document(&url, from("192.0.2.1")).await })
    };
    let first = ask(app.clone());
    while host.connections() == 0 {
        tokio::task::yield_now().await;
    }
    let second = ask(app.clone());
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(second.await.unwrap().unwrap().body, b"{}");
    assert_eq!(host.connections(), 1);
}

#[tokio::test]
async fn every_failure_is_the_same_and_takes_as_long() {
    let host = DocumentHost::start();
    host.publish("/type", Sends::All(answer("200 OK", "", "{}")));
    host.publish("/slow", Sends::All(vec![]));
    let development = app(&host, "development", &[]);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("https://{}/c", closed.local_addr().unwrap());
    let on = app(&host, "on", &[]);
    let mut asked = vec![];
    for (app, text) in [
        (&development, host.at("/missing")),
        (&development, host.at("/type")),
        (&development, host.at("/slow")),
        (&development, closed),
        (&development, "https://10.0.0.1/c".to_owned()),
        (&on, host.at("/missing")),
        (&on, "https://does-not-exist.invalid/c".to_owned()),
        (&on, "https://localhost/c".to_owned()),
    ] {
        let app = app.clone();
        asked.push(tokio::spawn(async move {
            let begun = Instant::now();
            let refused = app.document(&url(&text), from("192.0.2.1")).await.unwrap_err();
            (text, refused, begun.elapsed())
        }));
    }
    for one in asked {
        let (text, refused, took) = one.await.unwrap();
        assert_eq!(refused, Unpublished::Refused, "{text}");
        assert!(took > DEADLINE, "{text}: {took:?}");
    }
    let published = {
        host.publish("/c", json("no JSON"));
        development.document(&url(&host.at("/c")), from("192.0.2.1")).await.unwrap()
    };
    let begun = published.begun;
    assert_eq!(published.unusable().await, Unpublished::Refused);
    assert!(begun.elapsed() > DEADLINE);
}

#[tokio::test]
async fn a_failure_is_not_kept() {
    let host = DocumentHost::start();
    let app = app(&host, "development", &[]);
    let url = url(&host.at("/c"));
    assert!(app.document(&url, from("192.0.2.1")).await.is_err());
    host.publish("/c", json("{}"));
    assert!(app.document(&url, from("192.0.2.1")).await.is_ok());
}

#[tokio::test]
async fn a_network_has_its_share_and_all_have_theirs() {
    let host = DocumentHost::start();
    host.publish("/c", json("{}"));
    let limits = [("limit_document_fetches", "3"), ("limit_document_fetches_per_address", "2")];
    let app = app(&host, "development", &limits);
    let url = url(&host.at("/c"));
    for _ in 0..2 {
        app.document(&url, from("2001:db8::1")).await.unwrap();
    }
    let refused = app.document(&url, from("2001:db8::2")).await.unwrap_err();
    assert_eq!(refused, Unpublished::Busy(Seconds(1801)));
    app.document(&url, from("192.0.2.1")).await.unwrap();
    let refused = app.document(&url, from("192.0.2.1")).await.unwrap_err();
    assert_eq!(refused, Unpublished::Busy(Seconds(1201)), "all of them");
    assert_eq!(host.connections(), 3);
    let counted = app.metrics.render();
    for line in ["{outcome=\"published\"} 3", "{outcome=\"busy\"} 2"] {
        assert!(counted.contains(&format!("document_requests_total{line}")), "{counted}");
    }
    app.clock.advance(Seconds(1201));
    app.document(&url, from("192.0.2.1")).await.unwrap();
}

#[tokio::test]
async fn connections_at_once_are_bounded_and_places_become_free() {
    let host = DocumentHost::start();
    host.publish("/c", json("{}"));
    let app = app(&host, "development", &[("limits", "off")]);
    let mut asked = vec![];
    for index in 0..40 {
        let path = format!("/slow/{index}");
        host.publish(&path, Sends::All(vec![]));
        let (app, url) = (app.clone(), url(&host.at(&path)));
        asked.push(tokio::spawn(async move { app.document(&url, from("192.0.2.1")).await }));
    }
    let mut answers = vec![];
    for one in asked {
        answers.push(one.await.unwrap().unwrap_err());
    }
    let busy = answers.iter().filter(|answer| matches!(answer, Unpublished::Busy(_))).count();
    assert_eq!((busy, host.connections()), (8, 32));
    app.document(&url(&host.at("/c")), from("192.0.2.1")).await.unwrap();
}
