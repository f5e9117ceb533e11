//! What a client is told whose registration is gone: exactly what makes it register again.
//!
//! | client | registers again when it sees |
//! |---|---|
//! | Claude (web, desktop, mobile) | 401 `invalid_client` at `/token` |
//! | TypeScript SDK, and what is built on it (Inspector, mcp-remote) | `invalid_client` as OAuth JSON |
//! | VS Code | `invalid_client` |
//! | FastMCP | 400 at `/authorize`, which it asks before it opens a browser |
//! | Gemini CLI | any refusal of a refresh |
//! | Codex, the Python SDK | nothing: their registrations must not be lost (those in use never are) |

use mcp_oauthd::oauth::ClientId;
use mcp_oauthd::revocation;
use serde_json::json;

use crate::support::{Answer, Browser, OAuthClient, TestServer};

/// A client, with its refresh token, that is not known any more.
async fn forgotten(server: &TestServer, browser: &Browser, members: &str) -> (OAuthClient, String) {
    let members = serde_json::from_str(members).unwrap();
    let client = OAuthClient::register_with(server, members).await;
    let tokens = client.connect(browser).await;
    let (id, now) = (client.id.parse::<ClientId>().unwrap(), server.clock.now());
    let remove = move |conn: &mut _| revocation::remove_client(conn, &id, now);
    server.storage.write(remove).await.unwrap().unwrap();
    (client, tokens.text("refresh_token"))
}

const PUBLIC: &str = r#"{"token_endpoint_auth_method":"none"}"#;
const SECRET: &str = r#"{"token_endpoint_auth_method":"client_secret_post"}"#;

#[tokio::test]
async fn at_the_token_endpoint_it_is_invalid_client_as_json() {
    let server = TestServer::spawn().await;
    let browser = Browser::new(&server);
    for members in [PUBLIC, SECRET] {
        let (client, token) = forgotten(&server, &browser, members).await;
        for answer in [client.refresh(&token).await, client.exchange("mac_x").await] {
            assert_eq!(answer.error(), (401, "invalid_client"), "{answer:?}");
            assert!(answer.header("content-type").starts_with("application/json"));
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.header("www-authenticate"), "", "nothing was tried in a header");
        }
        assert_eq!(client.revoke(&token).await.error(), (401, "invalid_client"));
    }
}

#[tokio::test]
async fn with_basic_the_scheme_is_named() {
    let server = TestServer::spawn().await;
    let (client, token) = forgotten(&server, &Browser::new(&server), SECRET).await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", &token)];
    let request = reqwest::Client::new().post(format!("{}/token", server.url)).form(&form);
    let answer = Answer::of(request.basic_auth(&client.id, client.secret.as_deref())).await;
    assert_eq!(answer.error(), (401, "invalid_client"));
    assert!(answer.header("www-authenticate").starts_with("Basic "));
}

#[tokio::test]
async fn at_the_authorization_endpoint_it_is_a_page_and_never_a_redirect() {
    let server = TestServer::spawn().await;
    let browser = Browser::new(&server);
    let (client, _) = forgotten(&server, &browser, PUBLIC).await;
    // Signed in or not, with or without a prompt that would be answered by a redirect.
    for browser in [&browser, &Browser::new(&server)] {
        for prompt in [None, Some("none")] {
            let mut request = client.request();
            request.extend(prompt.map(|prompt| ("prompt".to_owned(), prompt.to_owned())));
            let page = browser.authorize(&request).await;
            assert_eq!((page.status, page.header("location")), (400, ""), "{page:?}");
            assert!(page.header("content-type").starts_with("text/html"));
            assert!(page.text.contains("not registered here"), "{page:?}");
        }
    }
}

#[tokio::test]
async fn then_it_registers_again_and_connects() {
    let server = TestServer::spawn().await;
    let browser = Browser::new(&server);
    let body = json!({"redirect_uris": ["http://127.0.0.1:5000/callback"],
        "token_endpoint_auth_method": "none", "client_name": "Again"});
    let register = async || {
        let request = reqwest::Client::new().post(format!("{}/register", server.url));
        OAuthClient::of(&server, &Answer::of(request.json(&body)).await)
    };
    let first = register().await;
    let tokens = first.connect(&browser).await;
    let (id, now) = (first.id.parse::<ClientId>().unwrap(), server.clock.now());
    let remove = move |conn: &mut _| revocation::remove_client(conn, &id, now);
    server.storage.write(remove).await.unwrap().unwrap();
    assert_eq!(first.refresh(&tokens.text("refresh_token")).await.status, 401);
    let second = register().await;
    assert_ne!(second.id, first.id);
    second.connect(&browser).await;
}

#[tokio::test]
async fn one_that_was_swept_unused_is_told_the_same() {
    let server = TestServer::spawn_with(&[("limit_unused_clients", "1")]).await;
    let browser = Browser::new(&server);
    let client = OAuthClient::register(&server).await;
    server.advance(1);
    OAuthClient::register(&server).await;
    assert_eq!(browser.authorize(&client.request()).await.status, 400);
    assert_eq!(client.refresh("mrt_x").await.error().0, 401);
}
