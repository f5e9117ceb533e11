//! `/owner/clients/limit` and `/owner/resources/scopes`: how much there is to be had.

use super::account::signed_in;
use super::owner::{address, said};
use crate::support::{Browser, INTROSPECTION, OAuthClient, Page, TestServer, USER};

const SETTINGS: [(&str, &str); 3] = [
    ("scopes", "read write admin"),
    ("scope_includes", "write=read"),
    ("scope_words", "write=Change <your> pages"),
];
const LIMIT: &str = "/owner/clients/limit";
const SCOPES: &str = "/owner/resources/scopes";

/// Ticks these, and sends the form.
async fn tick(owner: &Browser, path: &str, id: &str, scopes: &[&str]) -> Page {
    let csrf = owner.get(&address(path, id)).await.csrf(path);
    let names: Vec<String> = scopes.iter().map(|scope| format!("scope {scope}")).collect();
    let mut fields = vec![("csrf", &*csrf), ("id", id)];
    fields.extend(names.iter().map(|name| (name.as_str(), "on")));
    owner.post(path, &fields).await
}

#[tokio::test]
async fn the_owner_limits_an_app_and_what_exceeds_it_ends() {
    let server = TestServer::spawn_with(&SETTINGS).await;
    let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
    let token = client.connect(&browser).await.text("access_token");
    let owner = signed_in(&server, USER).await;
    let page = owner.get(&address("/owner/clients/one", &client.id)).await;
    assert!(page.text.contains("No limit of its own."), "{}", page.text);
    let form = owner.get(&address(LIMIT, &client.id)).await;
    assert!(form.text.contains("<bdi>Change &#60;your&#62; pages</bdi>"), "{}", form.text);
    assert_eq!(form.text.matches(" checked").count(), 3, "{}", form.text);

    let again = tick(&owner, LIMIT, &client.id, &[]).await;
    assert_eq!(again.status, 422);
    assert!(again.text.contains("Choose at least one."), "{}", again.text);
    assert!(client.is_active(&token).await, "nothing was said");

    let sent = tick(&owner, LIMIT, &client.id, &["write"]).await;
    assert_eq!(said(&owner, &sent).await, "Saved. Connections that have ended: 1");
    assert!(!client.is_active(&token).await);
    let page = owner.get(&address("/owner/clients/one", &client.id)).await;
    assert!(page.text.contains("<code>read write</code>"), "{}", page.text);
    assert!(!page.text.contains("No limit of its own."));
    assert_eq!(client.connect(&browser).await.text("scope"), "read write");

    let sent = tick(&owner, LIMIT, &client.id, &["read", "write", "admin"]).await;
    assert_eq!(said(&owner, &sent).await, "Saved. Connections that have ended: 0");
    assert_eq!(client.connect(&browser).await.text("scope"), "admin read write");
    let happened = owner.get("/owner").await;
    assert!(happened.text.contains("What <bdi>Test</bdi> may have was changed"));
}

#[tokio::test]
async fn the_owner_says_what_there_is_at_a_resource() {
    let server = TestServer::spawn_with(&SETTINGS).await;
    let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
    let token = client.connect(&browser).await.text("access_token");
    let owner = signed_in(&server, USER).await;
    let id = INTROSPECTION.0;
    let sent = tick(&owner, SCOPES, id, &["read"]).await;
    assert_eq!(said(&owner, &sent).await, "Saved. Connections that have ended: 1");
    assert!(!client.is_active(&token).await);
    let access = owner.get(&address("/owner/resources/access", id)).await;
    assert!(access.text.contains("scope read") && !access.text.contains("scope write"));
    let page = owner.get(&address("/owner/resources/one", id)).await;
    assert!(page.text.contains("<code>read</code>"), "{}", page.text);
    assert!(page.text.contains("scopes_supported=[&#34;read&#34;]"), "the code to paste too");
    let sent = tick(&owner, SCOPES, id, &["read", "write", "admin"]).await;
    assert_eq!(said(&owner, &sent).await, "Saved. Connections that have ended: 0");
    let page = owner.get(&address("/owner/resources/one", id)).await;
    assert!(page.text.contains("every scope"), "{}", page.text);
    assert_eq!(tick(&owner, SCOPES, id, &["delete"]).await.status, 422, "there is no such scope");
}

#[tokio::test]
async fn nobody_else_says_it_and_no_foreign_form() {
    let server = TestServer::spawn_with(&SETTINGS).await;
    let client = OAuthClient::register(&server).await;
    super::account::add(&server, "bob").await;
    let (bob, owner) = (signed_in(&server, "bob").await, signed_in(&server, USER).await);
    for (path, id) in [(LIMIT, client.id.as_str()), (SCOPES, INTROSPECTION.0)] {
        assert_eq!(bob.get(&address(path, id)).await.status, 403, "{path}");
        let fields = [("csrf", "x"), ("id", id), ("scope read", "on")];
        assert_eq!(bob.post(path, &fields).await.status, 403, "{path}");
        assert_eq!(owner.post(path, &fields).await.status, 403, "{path}");
        assert_eq!(owner.get(&address(path, "nobody")).await.status, 404, "{path}");
    }
}
