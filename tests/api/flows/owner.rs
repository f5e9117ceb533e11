//! `/owner`: what the owner sees and does, and what the next request of an app says to it.

use mcp_oauthd::oauth::UserId;
use mcp_oauthd::storage::{events, users};
use serde_json::json;

use super::account::{add, sign_in, signed_in};
use crate::support::{Browser, OAuthClient, PASSWORD, Page, TestServer, USER};

/// Encodes an id as it stands in an address.
pub(super) fn address(path: &str, id: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!("{path}?{}", query.append_pair("id", id).finish())
}

/// Says yes on the page that asks.
pub(super) async fn confirm(browser: &Browser, path: &str, id: &str) -> Page {
    let question = browser.get(&address(path, id)).await;
    assert_eq!(question.status, 200, "{question:?}");
    let csrf = question.csrf(path);
    let shown = if question.text.contains("name=\"shown\"") {
        question.field("shown")
    } else {
        String::new()
    };
    browser.post(path, &[("csrf", &csrf), ("id", id), ("shown", &shown)]).await
}

/// Follows the answer to a form; what is said there.
pub(super) async fn said(browser: &Browser, answer: &Page) -> String {
    assert_eq!(answer.status, 303, "{answer:?}");
    let page = browser.get(answer.header("location")).await;
    assert_eq!(page.status, 200, "{page:?}");
    let (_, rest) =
        page.text.split_once("role=\"status\">").unwrap_or_else(|| panic!("{}", page.text));
    rest.split("</p>").next().unwrap().replace("<bdi>", "").replace("</bdi>", "")
}

pub(super) async fn id_of(server: &TestServer, name: &str) -> UserId {
    let found = server.storage.read(|conn| users::find_by_name(conn, name)).await;
    found.unwrap().unwrap().id
}

/// A client of somebody, with a token that works.
pub(super) async fn connected(server: &TestServer, name: &str) -> (OAuthClient, String) {
    let metadata = json!({ "token_endpoint_auth_method": "none", "client_name": "Assistant" });
    let client = OAuthClient::register_with(server, metadata).await;
    let tokens = client.connect(&signed_in(server, name).await).await;
    let token = tokens.text("access_token");
    assert!(client.is_active(&token).await);
    (client, token)
}

#[tokio::test]
async fn the_overview_counts_and_tells_what_happened_in_words() {
    let server = TestServer::spawn().await;
    let (_, _) = connected(&server, USER).await;
    let owner = signed_in(&server, USER).await;
    let page = owner.get("/owner").await;
    for shown in [
        "<bdi>ada</bdi> let <bdi>Assistant</bdi> use <bdi>wiki</bdi>",
        "<bdi>ada</bdi> signed in",
        "from <bdi>127.0.0.1</bdi>",
        "Nothing. Everything is open and at work.",
        "aria-current=\"page\"",
        ">just now</time>",
    ] {
        assert!(page.text.contains(shown), "{shown} in {}", page.text);
    }
    let sent = confirm(&owner, "/owner/resources/pause", "notes").await;
    assert!(said(&owner, &sent).await.starts_with("Paused."));
    let page = owner.get("/owner").await;
    assert!(page.text.contains("<bdi>notes</bdi> is paused"), "{}", page.text);
    assert!(!page.text.contains("Nothing. Everything"));
}

#[tokio::test]
async fn a_replayed_login_is_shown_for_a_week() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = signed_in(&server, USER).await;
    let first = client.connect(&browser).await.text("refresh_token");
    let second = client.refresh(&first).await.text("refresh_token");
    client.refresh(&second).await;
    server.advance(3600);
    assert_eq!(client.refresh(&first).await.error(), (400, "invalid_grant"));
    let page = signed_in(&server, USER).await.get("/owner").await;
    assert!(page.text.contains("two holders used one login"), "{}", page.text);
    assert!(page.text.contains("notice bad"), "{}", page.text);
    server.advance(8 * 86_400);
    let page = signed_in(&server, USER).await.get("/owner").await;
    assert!(!page.text.contains("notice bad"), "{}", page.text);
}

#[tokio::test]
async fn the_emergency_button_is_obeyed_at_the_next_request_and_by_a_second_one_taken_back() {
    let server = TestServer::spawn().await;
    let (client, token) = connected(&server, USER).await;
    let owner = signed_in(&server, USER).await;
    let sent = confirm(&owner, "/owner/emergency/pause", "").await;
    assert!(!client.is_active(&token).await);
    assert!(said(&owner, &sent).await.starts_with("All access is paused."));
    let again = confirm(&owner, "/owner/emergency/pause", "").await;
    assert_eq!(said(&owner, &again).await, "All access was paused already.");
    let sent = confirm(&owner, "/owner/emergency/resume", "").await;
    assert!(client.is_active(&token).await, "no connection has ended");
    assert_eq!(said(&owner, &sent).await, "Access is possible again.");
    let again = confirm(&owner, "/owner/emergency/resume", "").await;
    assert_eq!(said(&owner, &again).await, "Access was not paused.");
}

#[tokio::test]
async fn everything_of_everybody_ends_with_one_button_which_says_how_much() {
    let server = TestServer::spawn().await;
    add(&server, "bob").await;
    let (of_ada, ada) = connected(&server, USER).await;
    let (of_bob, bob) = connected(&server, "bob").await;
    let owner = signed_in(&server, USER).await;
    let sent = confirm(&owner, "/owner/emergency/end", "").await;
    assert!(!of_ada.is_active(&ada).await && !of_bob.is_active(&bob).await);
    let words = "Everybody is disconnected. Connections that have ended: 2";
    assert_eq!(said(&owner, &sent).await, words);
}

#[tokio::test]
async fn everything_of_one_person_or_one_app_is_found_and_ended() {
    let server = TestServer::spawn().await;
    add(&server, "bob").await;
    let (of_ada, ada) = connected(&server, USER).await;
    let (of_bob, bob) = connected(&server, "bob").await;
    let bobs = signed_in(&server, "bob").await;
    let owner = signed_in(&server, USER).await;
    let nothing = owner.get("/owner/emergency").await;
    assert!(!nothing.text.contains("<table"), "{}", nothing.text);
    let found = owner.get("/owner/emergency?q=BO").await;
    assert!(found.text.contains("\"Name\"><bdi>bob</bdi>"), "{}", found.text);
    assert!(!found.text.contains("\"Name\"><bdi>ada</bdi>"), "{}", found.text);
    let sent = confirm(&owner, "/owner/people/end", id_of(&server, "bob").await.as_str()).await;
    assert_eq!(said(&owner, &sent).await, "Done. Connections that have ended: 1");
    assert!(!of_bob.is_active(&bob).await && of_ada.is_active(&ada).await);
    assert_eq!(bobs.get("/account").await.status, 303, "and the browsers are signed out");
    let sent = confirm(&owner, "/owner/clients/end", &of_ada.id).await;
    assert_eq!(said(&owner, &sent).await, "Done. Connections that have ended: 1");
    assert!(!of_ada.is_active(&ada).await);
}

#[tokio::test]
async fn one_connection_is_ended_and_explains_itself() {
    let server = TestServer::spawn().await;
    let (client, token) = connected(&server, USER).await;
    let owner = signed_in(&server, USER).await;
    let page = owner.get("/owner/grants").await;
    let (_, rest) = page.text.split_once("/owner/grants/end?id=").unwrap();
    let id = rest.split('"').next().unwrap().to_owned();
    let sent = confirm(&owner, "/owner/grants/end", &id).await;
    assert!(!client.is_active(&token).await);
    assert_eq!(said(&owner, &sent).await, "The connection has ended.");
    assert!(owner.get("/owner/grants").await.text.contains("Nobody has connected an app yet."));
    let ended = owner.get("/owner/grants?show=ended").await;
    assert!(ended.text.contains("an owner ended it"), "{}", ended.text);
    let again = confirm(&owner, "/owner/grants/end", &id).await;
    assert_eq!(said(&owner, &again).await, "The connection had ended before.");
}

#[tokio::test]
async fn an_app_is_described_disabled_enabled_and_removed() {
    let server = TestServer::spawn().await;
    let metadata = json!({
        "token_endpoint_auth_method": "none",
        "client_name": "<script>Clau\u{202e}de",
        "client_uri": "https://evil.example/\"onclick=",
        "redirect_uris": ["http://127.0.0.1/callback", "https://claude.ai/cb"],
    });
    let client = OAuthClient::register_with(&server, metadata).await;
    let owner = signed_in(&server, USER).await;
    let token = client.connect(&owner).await.text("access_token");
    let page = owner.get(&address("/owner/clients/one", &client.id)).await;
    for shown in [
        "<bdi>&#60;script&#62;Claude</bdi>",
        "the web site <bdi>claude.ai</bdi>",
        "a program on the person&#39;s own computer",
        "registered itself",
        "Self-declared.",
    ] {
        assert!(page.text.contains(shown), "{shown} in {}", page.text);
    }
    let sent = confirm(&owner, "/owner/clients/disable", &client.id).await;
    assert_eq!(said(&owner, &sent).await, "Disabled. Connections that have ended: 1");
    assert!(!client.is_active(&token).await);
    assert_ne!(owner.authorize(&client.request()).await.status, 200);
    assert!(owner.get("/owner/clients?show=disabled").await.text.contains("Claude</bdi>"));
    let sent = confirm(&owner, "/owner/clients/enable", &client.id).await;
    assert_eq!(said(&owner, &sent).await, "Enabled. What has ended stays ended.");
    let token = client.connect(&owner).await.text("access_token");
    let sent = confirm(&owner, "/owner/clients/remove", &client.id).await;
    assert_eq!(sent.header("location"), "/owner/clients?done=removed&count=1");
    assert!(!client.is_active(&token).await);
    let gone = owner.get(&address("/owner/clients/one", &client.id)).await;
    assert_eq!(gone.status, 404);
}

#[tokio::test]
async fn somebody_is_invited_by_a_link_that_is_shown_once_and_kept_nowhere() {
    let server = TestServer::spawn().await;
    let owner = signed_in(&server, USER).await;
    let form = owner.get("/owner/people/new").await;
    let csrf = form.csrf("/owner/people/new");
    let send = async |name: &str| {
        let fields = [("csrf", &*csrf), ("username", name), ("role", "member")];
        owner.post("/owner/people/new", &fields).await
    };
    for (name, problem) in [("a b", "1 to 64 letters"), (USER, "This name is taken.")] {
        let page = send(name).await;
        assert_eq!(page.status, 422);
        assert!(page.text.contains(problem), "{}", page.text);
        assert!(page.text.contains("aria-describedby=\"username-problem\" aria-invalid=\"true\""));
    }
    let page = send("Bob").await;
    assert_eq!((page.status, page.header("cache-control")), (200, "no-store"));
    let link = format!("{}/welcome?token=mln_", server.url);
    assert!(page.text.contains(&link), "{}", page.text);
    let bob = id_of(&server, "bob").await;
    let shown = owner.get(&address("/owner/people/one", bob.as_str())).await;
    assert!(shown.text.contains("An invitation waits"), "{}", shown.text);
    assert!(!shown.text.contains("mln_"));
    let all = server.storage.read(|conn| events::list(conn, 100)).await.unwrap();
    assert!(!format!("{all:?}").contains("mln_"));
    let again = confirm(&owner, "/owner/people/link", bob.as_str()).await;
    assert!(again.status == 200 && again.text.contains(&link) && again.text != page.text);
}

#[tokio::test]
async fn a_person_gets_another_role_is_disabled_enabled_and_removed() {
    let server = TestServer::spawn().await;
    add(&server, "bob").await;
    let id = id_of(&server, "bob").await;
    let owner = signed_in(&server, USER).await;
    let (client, token) = connected(&server, "bob").await;
    let sent = confirm(&owner, "/owner/people/make-owner", id.as_str()).await;
    assert_eq!(said(&owner, &sent).await, "The role is changed.");
    assert_eq!(signed_in(&server, "bob").await.get("/owner").await.status, 200);
    let sent = confirm(&owner, "/owner/people/make-member", id.as_str()).await;
    assert_eq!(said(&owner, &sent).await, "The role is changed.");
    assert!(client.is_active(&token).await, "a role says nothing about apps");
    let sent = confirm(&owner, "/owner/people/disable", id.as_str()).await;
    assert_eq!(said(&owner, &sent).await, "Disabled. Connections that have ended: 1");
    assert!(!client.is_active(&token).await);
    let refused = sign_in(&Browser::new(&server), "bob", PASSWORD, "account").await;
    assert_eq!(refused.status, 401);
    let sent = confirm(&owner, "/owner/people/enable", id.as_str()).await;
    assert_eq!(said(&owner, &sent).await, "Enabled. What has ended stays ended.");
    signed_in(&server, "bob").await;
    let sent = confirm(&owner, "/owner/people/remove", id.as_str()).await;
    assert_eq!(sent.header("location"), "/owner/people?done=removed&count=0");
    let refused = sign_in(&Browser::new(&server), "bob", PASSWORD, "account").await;
    assert_eq!(refused.status, 401);
}

#[tokio::test]
async fn the_last_owner_stays_an_owner_and_the_page_says_why() {
    let server = TestServer::spawn().await;
    add(&server, "bob").await;
    let (id, owner) = (id_of(&server, USER).await, signed_in(&server, USER).await);
    for act in ["make-member", "disable", "remove"] {
        let refused = confirm(&owner, &format!("/owner/people/{act}"), id.as_str()).await;
        assert_eq!(refused.status, 403, "{act}");
        assert!(refused.text.contains("Make somebody else an owner first"), "{}", refused.text);
    }
    assert_eq!(owner.get("/owner").await.status, 200);
    let question = owner.get(&address("/owner/people/remove", id.as_str())).await;
    assert!(question.text.contains("It is your own account."));
}
