//! `/owner/resources`: MCP servers, their secrets, and who may use them.

use super::account::{add, signed_in};
use super::owner::{address, confirm, connected, id_of, said};
use crate::support::{
    Answer, Browser, INTROSPECTION, OAuthClient, Page, RESOURCE, TestServer, USER,
};

const URL: &str = "https://calendar.example.org/mcp";

/// The secret that a page shows.
fn secret(page: &Page) -> String {
    assert_eq!((page.status, page.header("cache-control")), (200, "no-store"), "{page:?}");
    let (_, rest) = page.text.split_once("<code>mcpk").unwrap_or_else(|| panic!("{}", page.text));
    format!("mcpk{}", rest.split('<').next().unwrap())
}

async fn introspects(server: &TestServer, id: &str, secret: &str) -> u16 {
    let request = reqwest::Client::new().post(format!("{}/introspect", server.url));
    Answer::of(request.basic_auth(id, Some(secret)).form(&[("token", "x")])).await.status
}

#[tokio::test]
async fn a_resource_is_added_and_its_secret_works_and_is_shown_once() {
    let server = TestServer::spawn().await;
    let owner = signed_in(&server, USER).await;
    let csrf = owner.get("/owner/resources/new").await.csrf("/owner/resources/new");
    let send = async |url: &str| {
        let fields = [("csrf", &*csrf), ("url", url), ("name", " Calendar ")];
        owner.post("/owner/resources/new", &fields).await
    };
    for url in ["", "calendar.example.org", "ftp://x.example/", RESOURCE] {
        let page = send(url).await;
        assert_eq!(page.status, 422, "{url}");
        assert!(page.text.contains("aria-describedby=\"url-hint url-problem\""), "{}", page.text);
        assert!(page.text.contains("value=\" Calendar \"") || page.text.contains("\"Calendar\""));
    }
    let page = send(URL).await;
    let secret = secret(&page);
    for shown in ["FastMCP", "rmcp", "nginx", "HAProxy", "curl", "<bdi>Calendar</bdi>"] {
        assert!(page.text.contains(shown), "{shown} in {}", page.text);
    }
    let (_, rest) = page.text.split_once("<code>mcpr").unwrap();
    let id = format!("mcpr{}", rest.split('<').next().unwrap());
    assert_eq!(introspects(&server, &id, &secret).await, 200);
    let shown = owner.get(&address("/owner/resources/one", &id)).await;
    assert!(shown.text.contains(URL) && !shown.text.contains(&secret), "{}", shown.text);
}

#[tokio::test]
async fn a_secret_is_replaced_with_an_overlap() {
    let server = TestServer::spawn().await;
    let owner = signed_in(&server, USER).await;
    let page = confirm(&owner, "/owner/resources/secret", INTROSPECTION.0).await;
    let new = secret(&page);
    assert!(page.text.contains("The secret before this one stops working"), "{}", page.text);
    for secret in [&*new, INTROSPECTION.1] {
        assert_eq!(introspects(&server, INTROSPECTION.0, secret).await, 200);
    }
    server.advance(25 * 3600);
    assert_eq!(introspects(&server, INTROSPECTION.0, INTROSPECTION.1).await, 401);
    assert_eq!(introspects(&server, INTROSPECTION.0, &new).await, 200);
}

#[tokio::test]
async fn a_resource_is_renamed_paused_resumed_and_removed() {
    let server = TestServer::spawn().await;
    let (client, token) = connected(&server, USER).await;
    let owner = signed_in(&server, USER).await;
    let page = owner.get(&address("/owner/resources/one", "wiki")).await;
    let csrf = page.csrf("/owner/resources/name");
    let fields = [("csrf", &*csrf), ("id", "wiki"), ("name", "Team <wiki>")];
    let sent = owner.post("/owner/resources/name", &fields).await;
    assert_eq!(said(&owner, &sent).await, "Saved.");
    let list = owner.get("/owner/resources?q=team").await;
    assert!(list.text.contains("<bdi>Team &#60;wiki&#62;</bdi>"), "{}", list.text);
    assert!(!list.text.contains("<bdi>notes</bdi>"));
    confirm(&owner, "/owner/resources/pause", "wiki").await;
    assert!(!client.is_active(&token).await);
    assert!(owner.get("/owner/resources?show=paused").await.text.contains("Team"));
    confirm(&owner, "/owner/resources/resume", "wiki").await;
    assert!(client.is_active(&token).await);
    let sent = confirm(&owner, "/owner/resources/remove", "wiki").await;
    let words = "The MCP server is removed. Connections that have ended: 1";
    assert_eq!(said(&owner, &sent).await, words);
    assert_eq!(client.introspect(&token).await.status, 401, "and its secret is dead");
}

#[tokio::test]
async fn what_the_settings_declare_is_marked_and_the_next_start_is_told() {
    let settings = [("resource", RESOURCE), ("introspection_id", "wiki")];
    let settings = [&settings[..], &[("introspection_secret", INTROSPECTION.1)]].concat();
    let server = TestServer::spawn_with(&settings).await;
    let owner = signed_in(&server, USER).await;
    let page = owner.get(&address("/owner/resources/one", "wiki")).await;
    assert!(page.text.contains("The settings of this service declare it."), "{}", page.text);
    let question = owner.get(&address("/owner/resources/secret", "wiki")).await;
    assert!(question.text.contains("The next start puts that back"), "{}", question.text);
    let question = owner.get(&address("/owner/resources/remove", "wiki")).await;
    assert!(question.text.contains("the next start adds it again"), "{}", question.text);
    let other = owner.get(&address("/owner/resources/remove", "notes")).await;
    assert!(!other.text.contains("next start"));
    let list = owner.get("/owner/resources?show=settings").await;
    assert!(list.text.contains("id=wiki") && !list.text.contains("id=notes"), "{}", list.text);
}

/// Sends the form about everybody.
async fn open(owner: &Browser, fields: &[(&str, &str)]) -> Page {
    let page = owner.get(&address("/owner/resources/access", "wiki")).await;
    let csrf = page.csrf("/owner/resources/audience");
    let fields = [&[("csrf", &*csrf), ("id", "wiki")], fields].concat();
    owner.post("/owner/resources/audience", &fields).await
}

/// Sends the form about one person.
async fn name(owner: &Browser, fields: &[(&str, &str)]) -> Page {
    let page = owner.get(&address("/owner/resources/access", "wiki")).await;
    let csrf = page.csrf("/owner/resources/person");
    let fields = [&[("csrf", &*csrf), ("id", "wiki")], fields].concat();
    owner.post("/owner/resources/person", &fields).await
}

#[tokio::test]
async fn a_resource_is_for_named_people_with_these_scopes() {
    let server = TestServer::spawn_with(&[("scopes", "mcp files:read")]).await;
    add(&server, "bob").await;
    let (client, token) = connected(&server, "bob").await;
    let owner = signed_in(&server, USER).await;
    let sent = open(&owner, &[("audience", "named"), ("scope mcp", "on")]).await;
    assert_eq!(said(&owner, &sent).await, "Saved.");
    assert!(!client.is_active(&token).await, "bob is not named");
    let sent = name(&owner, &[("person", "Bob"), ("scope mcp", "on")]).await;
    assert_eq!(said(&owner, &sent).await, "This person may use the MCP server now.");
    let page = owner.get(&address("/owner/resources/access", "wiki")).await;
    assert!(page.text.contains("<bdi>bob</bdi></th>"), "{}", page.text);
    let tokens = client.connect(&signed_in(&server, "bob").await).await;
    assert_eq!(tokens.text("scope"), "mcp", "of all that was asked for");
    let bob = id_of(&server, "bob").await;
    let pair = format!("wiki {bob}");
    let sent = confirm(&owner, "/owner/resources/person/remove", &pair).await;
    assert_eq!(said(&owner, &sent).await, "This person may not use the MCP server any more.");
    assert!(!client.is_active(&tokens.text("access_token")).await);
    let gone = owner.get(&address("/owner/resources/person/remove", &pair)).await;
    assert_eq!(gone.status, 404);
}

#[tokio::test]
async fn nothing_ticked_and_nobody_found_are_said_at_their_fields() {
    let server = TestServer::spawn().await;
    let owner = signed_in(&server, USER).await;
    let page = open(&owner, &[("audience", "everybody")]).await;
    assert_eq!(page.status, 422);
    assert!(page.text.contains("id=\"everybody-problem\""), "{}", page.text);
    let page = name(&owner, &[("person", "nobody")]).await;
    assert_eq!(page.status, 422);
    for problem in ["id=\"username-problem\"", "id=\"persons-problem\"", "value=\"nobody\""] {
        assert!(page.text.contains(problem), "{problem} in {}", page.text);
    }
    let client = OAuthClient::register(&server).await;
    client.connect(&owner).await;
}
