//! `MCP_OAUTH_CLIENTS`: whom a browser meets, what it is told, and how it goes on.

use mcp_oauthd::revocation;
use serde_json::{Value, json};

use super::account::{add, signed_in};
use super::owner::{address, confirm, said};
use crate::support::{Answer, Browser, OAuthClient, PASSWORD, Page, TestServer, USER};

async fn register(server: &TestServer, uris: &Value) -> Answer {
    let body = json!({"redirect_uris": uris, "token_endpoint_auth_method": "none"});
    Answer::of(reqwest::Client::new().post(format!("{}/register", server.url)).json(&body)).await
}

/// Comes to the page that stands in place of the question.
async fn come(browser: &Browser, client: &OAuthClient, name: &str) -> (String, Page) {
    let sent = browser.authorize(&client.request()).await;
    assert_eq!(sent.status, 303, "{sent:?}");
    let mut place = sent.header("location").to_owned();
    if place.starts_with("/sign-in?") {
        let form = browser.get(&place).await;
        let signed_in = browser.send_password(&form, name, PASSWORD).await;
        signed_in.header("location").clone_into(&mut place);
    }
    let page = browser.get(&place).await;
    (place, page)
}

async fn waiting(settings: &[(&str, &str)]) -> (TestServer, OAuthClient, Browser, String) {
    let server = TestServer::spawn_with(settings).await;
    add(&server, "bob").await;
    let metadata = json!({"client_name": "Notebook", "token_endpoint_auth_method": "none"});
    let client = OAuthClient::register_with(&server, metadata).await;
    let browser = Browser::new(&server);
    let (place, page) = come(&browser, &client, "bob").await;
    assert_eq!(page.status, 202, "{page:?}");
    for shown in ["Waiting for the owner", "Notebook", &*client.id, "127.0.0.1", "bob"] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    assert!(!page.text.contains("value=\"allow\""), "there is nothing to allow yet");
    assert!(!page.text.contains("/owner/clients"), "that is not for members");
    (server, client, browser, place)
}

#[tokio::test]
async fn after_the_owners_yes_the_same_request_goes_on() {
    let (server, client, browser, place) = waiting(&[("clients", "ask")]).await;
    let owner = signed_in(&server, USER).await;
    let overview = owner.get("/owner").await;
    assert!(overview.text.contains("New apps that wait for you: <bdi>1</bdi>"), "{overview:?}");
    assert!(overview.text.contains("<bdi>bob</bdi> wants to connect <bdi>Notebook</bdi>"));
    let list = owner.get("/owner/clients?show=waiting").await;
    assert!(list.text.contains("Notebook") && list.text.contains("waiting for you"));
    let page = owner.get(&address("/owner/clients/one", &client.id)).await;
    for shown in ["It waits for you.", "<bdi>bob</bdi> wants to connect it", "Approve", "Refuse"] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    assert_eq!(browser.get(&place).await.status, 202, "not before he says so");
    let approved = confirm(&owner, "/owner/clients/approve", &client.id).await;
    assert_eq!(said(&owner, &approved).await, "Approved. Whoever has waited for it can go on.");
    let again = confirm(&owner, "/owner/clients/approve", &client.id).await;
    assert_eq!(said(&owner, &again).await, "It was decided before. Look how it stands.");

    let question = browser.get(&place).await;
    assert_eq!(question.status, 200, "{question:?}");
    let told = browser.decide(&question, "allow").await.redirect_query();
    assert_eq!(client.exchange(&told["code"]).await.status, 200);
    let list = owner.get("/owner/clients?show=waiting").await;
    assert!(!list.text.contains("Notebook"), "{list:?}");
    assert!(owner.get("/owner").await.text.contains("Nothing. Everything is open and at work."));
}

#[tokio::test]
async fn after_the_owners_no_whoever_waits_is_told() {
    let (server, client, browser, place) = waiting(&[("clients", "ask")]).await;
    let question = browser.get(&place).await;
    let forced = browser.decide(&question, "allow").await;
    assert_eq!(forced.header("location"), place, "a form of one's own is not the owner's yes");
    let owner = signed_in(&server, USER).await;
    let refused = confirm(&owner, "/owner/clients/refuse", &client.id).await;
    assert_eq!(said(&owner, &refused).await, "Refused. Nobody can connect it.");
    let page = browser.get(&place).await;
    assert_eq!(page.status, 403);
    let words = "The owner of this server has not let this app in";
    assert!(page.text.contains(words), "{page:?}");
    let told = browser.decide(&page, "deny").await.redirect_query();
    assert_eq!(told["error"], "access_denied");
    let again = browser.authorize(&client.request()).await;
    assert!(
        again.status == 400 && again.text.contains(words),
        "not that it may register: {again:?}"
    );
    assert!(!owner.get("/owner").await.text.contains("New apps that wait for you"));
}

#[tokio::test]
async fn an_owner_who_meets_a_new_app_is_led_to_the_decision() {
    let server = TestServer::spawn_with(&[("clients", "ask")]).await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let (place, page) = come(&browser, &client, USER).await;
    assert_eq!(page.status, 202);
    let link = address("/owner/clients/one", &client.id);
    assert!(page.text.contains(&format!("href=\"{link}\"")), "{page:?}");
    let approved = confirm(&browser, "/owner/clients/approve", &client.id).await;
    assert_eq!(approved.status, 303);
    assert_eq!(browser.get(&place).await.status, 200);
}

#[tokio::test]
async fn the_owners_yes_is_to_what_he_has_looked_at() {
    let server = TestServer::spawn_with(&[("clients", "ask")]).await;
    let made = register(&server, &json!(["https://notes.example/cb"])).await;
    let id = made.text("client_id").clone();
    let change = async |uri: &str| {
        let put = reqwest::Client::new()
            .put(made.text("registration_client_uri"))
            .bearer_auth(made.text("registration_access_token"));
        let body = json!({
            "client_id": id, "redirect_uris": [uri], "token_endpoint_auth_method": "none",
        });
        assert_eq!(Answer::of(put.json(&body)).await.status, 200);
    };
    let owner = signed_in(&server, USER).await;
    let changed = "It has changed since you looked. Look again before you approve it.";
    let path = "/owner/clients/approve";
    let page = owner.get(&address("/owner/clients/one", &id)).await;
    let (_, link) = page.text.split_once(&format!("href=\"{path}?")).unwrap();
    let link = format!("{path}?{}", link.split('"').next().unwrap()).replace("&amp;", "&");
    let link = link.replace("&#38;", "&");
    let question = owner.get(&link).await;
    assert_eq!(question.status, 200, "{question:?}");
    change("https://evil.example/cb").await;
    let fields =
        [("csrf", question.csrf(path)), ("id", id.clone()), ("shown", question.field("shown"))];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    for sent in [&fields[..], &fields[..2]] {
        assert_eq!(said(&owner, &owner.post(path, sent).await).await, changed);
    }
    assert_eq!(said(&owner, &owner.get(&link).await).await, changed, "and before that");
    assert!(owner.get(&address("/owner/clients/one", &id)).await.text.contains("evil.example"));
    let approved = confirm(&owner, path, &id).await;
    assert_eq!(said(&owner, &approved).await, "Approved. Whoever has waited for it can go on.");
}

#[tokio::test]
async fn nobody_is_put_on_the_list_by_somebody_who_is_not_signed_in() {
    let server = TestServer::spawn_with(&[("clients", "ask")]).await;
    let client = OAuthClient::register(&server).await;
    Browser::new(&server).sign_in_form(&client.request()).await;
    let owner = signed_in(&server, USER).await;
    assert!(!owner.get("/owner").await.text.contains("New apps that wait for you"));
}

#[tokio::test]
async fn a_member_cannot_approve() {
    let (server, client, browser, place) = waiting(&[("clients", "ask")]).await;
    let csrf = browser.get(&place).await.field("csrf");
    let fields = [("csrf", &*csrf), ("id", &*client.id)];
    assert_eq!(browser.post("/owner/clients/approve", &fields).await.status, 403);
    let owner = signed_in(&server, USER).await;
    let fields = [("csrf", "x"), ("id", &*client.id)];
    assert_eq!(owner.post("/owner/clients/approve", &fields).await.status, 403);
    assert_eq!(browser.get(&place).await.status, 202);
}

#[tokio::test]
async fn only_known_apps_register_where_only_they_may_connect() {
    let mut server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let tokens = client.connect(&browser).await;
    server.restart_with(&[("clients", "known")]).await;
    let claude = "https://claude.ai/api/mcp/auth_callback";
    assert_eq!(register(&server, &json!([claude])).await.status, 201);
    for uris in [json!(["https://notes.example/cb"]), json!([claude, "https://notes.example/cb"])] {
        let refused = register(&server, &uris).await;
        assert_eq!(refused.error(), (400, "invalid_redirect_uri"), "{uris}");
        assert!(refused.text("error_description").contains("knows"), "{refused:?}");
    }
    let page = browser.authorize(&client.request()).await;
    assert_eq!((page.status, page.header("location")), (400, ""), "{page:?}");
    assert!(page.text.contains("Only apps that the operator of this server knows"), "{page:?}");
    let document = [("client_id", "https://notes.example/client.json"), ("response_type", "code")];
    let request = document.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let page = browser.authorize(&request).await;
    assert_eq!(page.status, 400);
    assert!(page.text.contains("Only apps that the operator of this server knows"), "{page:?}");
    let refreshed = client.refresh(&tokens.text("refresh_token")).await;
    assert_eq!(refreshed.status, 200, "a stricter setting ends nothing: {refreshed:?}");
    server.restart_with(&[("known_clients", "http://127.0.0.1/callback")]).await;
    client.connect(&browser).await;
}

#[tokio::test]
async fn a_name_that_poses_as_somebody_elses_is_warned_of() {
    let server = TestServer::spawn_with(&[("brand_name", "Wiki Works")]).await;
    let browser = Browser::new(&server);
    for (name, uri, warned) in [
        ("Claude", "https://notes.example/cb", "this app is not from <bdi>claude.ai</bdi>"),
        ("C1aude", "http://127.0.0.1/callback", "so that it looks like <bdi>Claude</bdi>"),
        ("Wiki Works", "https://notes.example/cb", "like the name of this server"),
        ("Notes \u{2705} verified", "https://notes.example/cb", "Nobody here has."),
        ("Claude Code (wiki)", "http://127.0.0.1/callback", ""),
        ("Claude", "https://claude.ai/api/mcp/auth_callback", ""),
    ] {
        let metadata = json!({"client_name": name, "redirect_uris": [uri], "token_endpoint_auth_method": "none"});
        let client = OAuthClient::register_with(&server, metadata).await;
        let mut request = client.request();
        request.insert("redirect_uri".to_owned(), uri.to_owned());
        let page = browser.question(&request).await;
        assert_eq!(page.text.contains("Beware of its name."), !warned.is_empty(), "{name} {uri}");
        assert!(page.text.contains(warned), "{name}: {}", page.text);
        assert!(!page.text.contains('\u{2705}'), "that sign is ours to give");
        let verified = uri.starts_with("https://claude.ai");
        assert_eq!(page.text.contains(">Verified<"), verified, "{name} {uri}");
        assert_eq!(page.text.contains(">Self-declared<"), !verified, "{name} {uri}");
    }
}

#[tokio::test]
async fn an_app_that_is_disabled_while_somebody_reads_is_not_asked_about_any_more() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let (place, page) = come(&browser, &client, USER).await;
    assert_eq!(page.status, 200);
    let (id, now) = (client.id.parse().unwrap(), server.clock.now());
    let disable = move |conn: &mut _| revocation::disable_client(conn, &id, now);
    server.storage.write(disable).await.unwrap().unwrap();
    assert_eq!(browser.get(&place).await.status, 403);
}
