//! From "403, this takes another scope" to 200: what the gate asks for, what the page says, what a
//! yes gives.

use std::collections::BTreeMap;

use mcp_oauthd::authorization::limits;
use mcp_oauthd::error::Error;
use mcp_oauthd::oauth::Scope;
use mcp_oauthd::revocation::ending;
use mcp_oauthd::storage::{DbConnection, resources};

use crate::support::{Answer, Browser, INTROSPECTION, OAuthClient, Page, RESOURCE, TestServer};

const SETTINGS: [(&str, &str); 3] = [
    ("scopes", "read write admin notes"),
    ("scope_includes", "write=read; admin=write"),
    ("scope_words", "read=Read your pages; write=Change your pages"),
];

async fn gate(server: &TestServer, scopes: &str, token: Option<&str>) -> Answer {
    let mut request = reqwest::Client::new().get(format!("{}/gate/wiki/{scopes}", server.url));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    Answer::of(request).await
}

/// The value of a parameter of the challenge.
fn challenged(answer: &Answer, name: &str) -> Option<String> {
    let (_, rest) = answer.header("www-authenticate").split_once(&format!("{name}=\""))?;
    rest.split('"').next().map(str::to_owned)
}

fn asking(client: &OAuthClient, scope: &str) -> BTreeMap<String, String> {
    let mut request = client.request();
    request.insert("scope".to_owned(), scope.to_owned());
    request.insert("resource".to_owned(), RESOURCE.to_owned());
    request
}

/// The code of a yes to a page that was looked at.
async fn allow(browser: &Browser, question: &Page) -> String {
    browser.decide(question, "allow").await.redirect_query()["code"].clone()
}

async fn offer(server: &TestServer, scopes: &'static str) {
    let change = move |conn: &mut DbConnection| {
        let wiki = resources::find(conn, &INTROSPECTION.0.parse().unwrap())?.unwrap();
        let (scopes, now) = (Scope::requested(scopes), mcp_oauthd::clock::UnixTime(0));
        limits::of_resource(conn, &wiki, Some(&scopes), now)
    };
    ending::settle(&server.storage, server.clock.now()).await.unwrap();
    server.storage.write::<_, Error>(change).await.unwrap();
}

#[tokio::test]
async fn a_client_asks_for_what_is_new_and_ends_with_all_of_it() {
    let server = TestServer::spawn_with(&SETTINGS).await;
    let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
    let first = browser.question(&asking(&client, "read")).await;
    assert!(first.text.contains("Read your pages") && !first.text.contains("also wants"));
    let tokens = client.exchange(&allow(&browser, &first).await).await;
    let old = tokens.text("access_token");
    assert_eq!(tokens.text("scope"), "read");
    assert_eq!(gate(&server, "read", Some(&old)).await.status, 200);

    let refused = gate(&server, "notes", Some(&old)).await;
    assert_eq!(refused.status, 403);
    assert_eq!(challenged(&refused, "error").as_deref(), Some("insufficient_scope"));
    let wanted = challenged(&refused, "scope").unwrap();
    assert_eq!(wanted, "notes");

    let question = browser.question(&asking(&client, &wanted)).await;
    assert!(question.text.contains("What it also wants to do there"), "{}", question.text);
    assert!(question.text.contains("and it keeps"), "{}", question.text);
    let tokens = client.exchange(&allow(&browser, &question).await).await;
    let new = tokens.text("access_token");
    assert_eq!(tokens.text("scope"), "notes read");
    for scopes in ["read", "notes", "read+notes"] {
        assert_eq!(gate(&server, scopes, Some(&new)).await.status, 200, "{scopes}");
    }
    assert_eq!(client.introspect(&new).await.text("scope"), "notes read");
    let refreshed = client.refresh(&tokens.text("refresh_token")).await;
    assert_eq!(refreshed.text("scope"), "notes read");
    assert_eq!(gate(&server, "read", Some(&old)).await.status, 200, "it is left alone");
    let again = browser.question(&asking(&client, "notes")).await;
    assert!(again.text.contains("Nothing of it is new"), "{}", again.text);
}

#[tokio::test]
async fn whoever_may_write_may_read() {
    let server = TestServer::spawn_with(&SETTINGS).await;
    let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
    let question = browser.question(&asking(&client, "write")).await;
    assert!(question.text.contains("That includes"), "{}", question.text);
    let tokens = client.exchange(&allow(&browser, &question).await).await;
    assert_eq!(tokens.text("scope"), "read write", "for servers that compare strings");
    let token = tokens.text("access_token");
    assert_eq!(gate(&server, "read+write", Some(&token)).await.status, 200);
    assert_eq!(gate(&server, "admin", Some(&token)).await.status, 403);
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &*tokens.text("refresh_token")),
        ("scope", "write"),
    ];
    assert_eq!(client.token(&form).await.text("scope"), "read write");
    let account = browser.get("/account").await;
    assert!(account.text.contains("Change your pages"), "{}", account.text);
    assert!(!account.text.contains("Read your pages"), "it goes without saying");
}

#[tokio::test]
async fn every_resource_has_its_own_scopes() {
    let server = TestServer::spawn_with(&SETTINGS).await;
    let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
    let everything = client.exchange(&client.code_for(&browser, &[]).await).await;
    offer(&server, "read write").await;
    let token = everything.text("access_token");
    assert!(!client.is_active(&token).await, "it has more than there is");

    let documents = [
        ("/.well-known/oauth-protected-resource/mcp", "wiki.example.org", 2),
        ("/.well-known/oauth-protected-resource/mcp", "notes.example.org", 4),
        ("/.well-known/oauth-authorization-server", "wiki.example.org", 4),
    ];
    for (path, host, count) in documents {
        let request = reqwest::Client::new().get(format!("{}{path}", server.url));
        let answer = Answer::of(request.header("host", host)).await;
        let scopes = answer.body["scopes_supported"].as_array().unwrap();
        assert_eq!(scopes.len(), count, "{path} {host}: {scopes:?}");
    }
    let challenge = gate(&server, "read", None).await;
    assert_eq!((challenge.status, challenged(&challenge, "scope")), (401, Some("read".into())));
    assert_eq!(gate(&server, "notes", None).await.status, 404, "nobody could be granted it");

    // Everything in the catalogue, as some clients ask; and what is not to be had here at all.
    for scope in ["admin notes read write", "notes", "admin"] {
        let question = browser.question(&asking(&client, scope)).await;
        let tokens = client.exchange(&allow(&browser, &question).await).await;
        assert_eq!(tokens.text("scope"), "read write", "{scope}");
    }
}

#[tokio::test]
async fn a_yes_to_less_than_it_would_give_now_is_asked_about_again() {
    let server = TestServer::spawn_with(&SETTINGS).await;
    let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
    let first = browser.question(&asking(&client, "read")).await;
    client.exchange(&allow(&browser, &first).await).await;
    let open = browser.question(&asking(&client, "notes")).await;
    // Meanwhile she says yes to more, in another window.
    let more = browser.question(&asking(&client, "write")).await;
    client.exchange(&allow(&browser, &more).await).await;

    let asked_again = browser.decide(&open, "allow").await;
    let place = format!("/consent?request={}", open.field("request"));
    assert_eq!((asked_again.status, asked_again.header("location")), (303, &*place));
    let question = browser.get(&place).await;
    assert!(question.text.contains("Change your pages"), "{}", question.text);
    let tokens = client.exchange(&allow(&browser, &question).await).await;
    assert_eq!(tokens.text("scope"), "notes read write");
}
