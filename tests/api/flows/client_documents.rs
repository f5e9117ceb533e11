//! Clients that are known by the address of a document, from `/authorize` to introspection: Client ID
//! Metadata Document draft -01.

use mcp_oauthd::accounts::password::{NewPassword, Passwords};
use mcp_oauthd::accounts::{self, Username};
use mcp_oauthd::revocation;
use serde_json::json;

use crate::support::{
    Browser, DocumentHost, OAuthClient, PASSWORD, Page, Sends, TestServer, answer,
    json as published,
};

const PATH: &str = "/oauth/client.json";
const CALLBACK: &str = "http://127.0.0.1/callback";
const DAY: i64 = 86_400;

async fn server(host: &DocumentHost, settings: &[(&str, &str)]) -> TestServer {
    let own = [("client_documents", "development"), ("outgoing_ca", host.ca.as_str())];
    TestServer::spawn_with(&[&own[..], settings].concat()).await
}

/// Publishes a document with this name and these redirect URIs, which is good for ten minutes.
fn publish(host: &DocumentHost, name: &str, redirect_uris: &[&str]) {
    let document = json!({
        "client_id": host.at(PATH),
        "client_name": name,
        "redirect_uris": redirect_uris,
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
        "logo_uri": host.at("/logo.png"),
        "jwks_uri": host.at("/jwks.json"),
    });
    let head = "Content-Type: application/json\r\nCache-Control: max-age=600\r\n";
    host.publish(PATH, Sends::All(answer("200 OK", head, document.to_string())));
}

fn client(server: &TestServer, host: &DocumentHost) -> OAuthClient {
    OAuthClient::known_as(server, &host.at(PATH), "http://127.0.0.1:49152/callback")
}

/// A page that sends nobody anywhere, and says nothing of what was looked for.
fn assert_refused(page: &Page, host: &DocumentHost) {
    assert_eq!((page.status, page.header("location")), (400, ""), "{page:?}");
    assert!(page.text.contains("publishes about itself cannot be used here"), "{page:?}");
    for word in [PATH, host.port(), "HTTP", "JSON", "404"] {
        assert!(!page.text.contains(word), "{word}: {}", page.text);
    }
}

#[tokio::test]
async fn an_app_connects_and_stays_connected_while_its_host_is_gone() {
    let host = DocumentHost::start();
    publish(&host, "Notes", &[CALLBACK]);
    let mut server = server(&host, &[]).await;
    let (client, browser) = (client(&server, &host), Browser::new(&server));
    let question = browser.question(&client.request()).await;
    let text = &question.text;
    assert!(text.contains("Notes") && text.contains("described at <bdi>127.0.0.1:"), "{text}");
    assert!(!text.contains("logo.png"), "no picture of a stranger's");
    let code = browser.decide(&question, "allow").await.redirect_query()["code"].clone();
    let tokens = client.exchange(&code).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    let introspected = client.introspect(&tokens.text("access_token")).await;
    assert_eq!(introspected.text("client_id"), host.at(PATH));

    host.publish(PATH, Sends::All(answer("403 Forbidden", "", "")));
    server.restart().await;
    server.advance(2 * DAY);
    let refreshed = client.refresh(&tokens.text("refresh_token")).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    assert!(client.is_active(&refreshed.text("access_token")).await);
    assert_eq!(
        host.requests().len(),
        1,
        "neither token nor introspection ask, nor for what is inside"
    );
    let again = client.connect(&browser).await;
    assert!(client.is_active(&again.text("access_token")).await, "the last good copy does");
    assert_eq!(host.requests().len(), 2);
    client.connect(&browser).await;
    assert_eq!(host.requests().len(), 2, "and it is not asked again at once");

    assert_eq!(client.revoke(&refreshed.text("refresh_token")).await.status, 200);
    assert!(!client.is_active(&refreshed.text("access_token")).await);
    assert!(client.is_active(&again.text("access_token")).await, "another grant of the same id");
}

#[tokio::test]
async fn what_cannot_be_had_or_is_not_valid_is_one_page_and_is_not_kept() {
    let host = DocumentHost::start();
    let server = server(&host, &[]).await;
    let (client, browser) = (client(&server, &host), Browser::new(&server));
    assert_refused(&browser.authorize(&client.request()).await, &host);
    let other = json!({
        "client_id": host.at("/other.json"), "client_name": "N", "redirect_uris": [CALLBACK],
    });
    host.publish(PATH, published(other.to_string()));
    assert_refused(&browser.authorize(&client.request()).await, &host);
    publish(&host, "Notes", &[CALLBACK]);
    client.connect(&browser).await;
    assert_eq!(host.requests().len(), 3);
}

#[tokio::test]
async fn a_document_that_is_not_valid_any_more_lets_nobody_in_by_its_old_copy() {
    let host = DocumentHost::start();
    publish(&host, "Notes", &[CALLBACK]);
    let server = server(&host, &[]).await;
    let (client, browser) = (client(&server, &host), Browser::new(&server));
    let tokens = client.connect(&browser).await;
    host.publish(PATH, published("{}"));
    server.advance(DAY);
    assert_refused(&browser.authorize(&client.request()).await, &host);
    let refreshed = client.refresh(&tokens.text("refresh_token")).await;
    assert_eq!(refreshed.status, 200, "who is connected stays so: {refreshed:?}");
}

#[tokio::test]
async fn a_redirect_uri_that_the_document_takes_back_gets_no_code() {
    let host = DocumentHost::start();
    publish(&host, "Notes", &[CALLBACK]);
    let server = server(&host, &[]).await;
    let (client, browser) = (client(&server, &host), Browser::new(&server));
    let question = browser.question(&client.request()).await;
    publish(&host, "Notes", &["https://notes.example/callback"]);
    server.advance(601);
    let refused = Browser::new(&server).authorize(&client.request()).await;
    assert_eq!(refused.status, 400, "the document in force has other ones: {refused:?}");
    let decided = browser.decide(&question, "allow").await;
    assert_eq!((decided.status, decided.header("location")), (403, ""), "{decided:?}");
    assert!(decided.text.contains("has changed where its answers go"), "{decided:?}");
    let id = question.field("request");
    assert_eq!(browser.get(&format!("/consent?request={id}")).await.status, 403);
}

#[tokio::test]
async fn a_change_is_shown_to_whoever_said_yes_before_and_nothing_else_is_allowed_meanwhile() {
    let host = DocumentHost::start();
    publish(&host, "Notes", &[CALLBACK]);
    let server = server(&host, &[]).await;
    let (client, browser) = (client(&server, &host), Browser::new(&server));
    let first = browser.question(&client.request()).await;
    assert!(!first.text.contains("This app has changed."), "{}", first.text);
    publish(&host, "Notes <b>&", &[CALLBACK, "https://evil.example/cb", "com.example.app:/cb"]);
    server.advance(601);
    // Somebody else brings the document up to date while the first question is still open.
    assert_eq!(Browser::new(&server).authorize(&client.request()).await.status, 303);
    let asked_again = browser.decide(&first, "allow").await;
    let id = first.field("request");
    assert_eq!(asked_again.header("location"), format!("/consent?request={id}"));
    let question = browser.get(asked_again.header("location")).await;
    assert!(question.text.contains("Notes &#60;b&#62;&#38;"), "{}", question.text);
    assert!(!question.text.contains("This app has changed."), "this person has never said yes");
    assert!(browser.decide(&question, "allow").await.redirect_query().contains_key("code"));

    publish(&host, "Wiki", &[CALLBACK, "https://wiki.example/cb"]);
    server.advance(601);
    let question = browser.question(&client.request()).await;
    for words in [
        "This app has changed.",
        "It called itself <bdi>Notes &#60;b&#62;&#38;</bdi>, and calls itself <bdi>Wiki</bdi> now.",
        "Answers may go to <bdi>wiki.example</bdi> now.",
        "Answers can no longer go to <bdi>evil.example</bdi>.",
        "Answers can no longer go to <bdi>com.example.app://</bdi>.",
    ] {
        assert!(question.text.contains(words), "{words}: {}", question.text);
    }
    browser.decide(&question, "allow").await.redirect_query();
    let question = browser.question(&client.request()).await;
    assert!(!question.text.contains("This app has changed."), "it was seen");
}

#[tokio::test]
async fn two_people_share_the_app_and_not_what_it_has() {
    let host = DocumentHost::start();
    publish(&host, "Notes", &[CALLBACK]);
    let server = server(&host, &[]).await;
    let now = server.clock.now();
    let name = Username::parse("bob").unwrap();
    let hashed = NewPassword::parse(PASSWORD.into(), &name).unwrap();
    let hashed = Passwords::new(1).unwrap().hash(hashed).await.unwrap();
    let add = move |conn: &mut _| accounts::add_user(conn, &name, &hashed, None, now);
    server.storage.write(add).await.unwrap();

    let client = client(&server, &host);
    let adas = client.connect(&Browser::new(&server)).await;
    let browser = Browser::new(&server);
    let form = browser.sign_in_form(&client.request()).await;
    let signed_in = browser.send_password(&form, "bob", PASSWORD).await;
    let question = browser.get(signed_in.header("location")).await;
    let code = browser.decide(&question, "allow").await.redirect_query()["code"].clone();
    let bobs = client.exchange(&code).await;
    let who = async |token: &str| client.introspect(token).await.text("sub");
    let [ada, bob] = [&adas, &bobs].map(|tokens| tokens.text("access_token"));
    assert_ne!(who(&ada).await, who(&bob).await);
    client.revoke(&bobs.text("refresh_token")).await;
    assert!(client.is_active(&ada).await && !client.is_active(&bob).await);
    assert_eq!(host.requests().len(), 1, "its document is fresh");
}

#[tokio::test]
async fn a_disabled_app_stays_out_whatever_its_document_says() {
    let host = DocumentHost::start();
    publish(&host, "Notes", &[CALLBACK]);
    let server = server(&host, &[]).await;
    let (client, browser) = (client(&server, &host), Browser::new(&server));
    let tokens = client.connect(&browser).await;
    let (id, now) = (client.id.parse().unwrap(), server.clock.now());
    let disable = move |conn: &mut _| revocation::disable_client(conn, &id, now);
    server.storage.write(disable).await.unwrap().unwrap();
    server.advance(DAY);
    let page = browser.authorize(&client.request()).await;
    assert!(page.status == 400 && page.text.contains("switched off here"), "{page:?}");
    assert_eq!(host.requests().len(), 1, "and nobody is asked");
    let refused = client.refresh(&tokens.text("refresh_token")).await;
    assert_eq!(refused.error(), (401, "invalid_client"));
}

#[tokio::test]
async fn too_many_documents_are_asked_for_later() {
    let host = DocumentHost::start();
    publish(&host, "Notes", &[CALLBACK]);
    let limits = [("limits", "on"), ("limit_document_fetches_per_address", "1")];
    let server = server(&host, &limits).await;
    let (client, browser) = (client(&server, &host), Browser::new(&server));
    client.connect(&browser).await;
    let other = OAuthClient::known_as(&server, &host.at("/other.json"), CALLBACK);
    let page = browser.authorize(&other.request()).await;
    assert_eq!((page.status, page.header("location")), (429, ""), "{page:?}");
    assert!(page.header("retry-after").parse::<i64>().unwrap() > 0);
    server.advance(1800);
    client.connect(&browser).await;
    assert_eq!(host.requests().len(), 1, "what is kept is used meanwhile");
}

#[tokio::test]
async fn where_documents_are_off_they_are_neither_advertised_nor_taken() {
    let metadata = async |server: &TestServer| {
        let url = format!("{}/.well-known/oauth-authorization-server", server.url);
        reqwest::get(url).await.unwrap().json::<serde_json::Value>().await.unwrap()
    };
    let host = DocumentHost::start();
    publish(&host, "Notes", &[CALLBACK]);
    let mut server = server(&host, &[]).await;
    let supported = "client_id_metadata_document_supported";
    assert_eq!(metadata(&server).await[supported], true);
    let (client, browser) = (client(&server, &host), Browser::new(&server));
    let tokens = client.connect(&browser).await;

    server.restart_with(&[("client_documents", "off")]).await;
    assert!(metadata(&server).await.get(supported).is_none());
    let page = browser.authorize(&client.request()).await;
    assert!(page.status == 400 && page.text.contains("are not taken here"), "{page:?}");
    assert_eq!(client.refresh(&tokens.text("refresh_token")).await.status, 200);
    assert_eq!(host.requests().len(), 1);
}

#[tokio::test]
async fn an_address_in_disguise_is_no_client() {
    let host = DocumentHost::start();
    let server = server(&host, &[]).await;
    let browser = Browser::new(&server);
    for id in [
        "https://127.0.0.1/a/../oauth/client.json",
        "https://user@127.0.0.1/oauth/client.json",
        "https://127.1/oauth/client.json",
        "https://127.0.0.1/",
        "HTTPS://127.0.0.1/oauth/client.json",
    ] {
        let client = OAuthClient::known_as(&server, id, CALLBACK);
        let page = browser.authorize(&client.request()).await;
        assert!(page.status == 400 && page.text.contains("not registered here"), "{id}: {page:?}");
    }
    assert_eq!(host.connections(), 0);
}
