//! What every answer has, whoever gives it.

use mcp_oauthd::storage::StorageError;
use mcp_oauthd::storage::events::{self, Event, Subject};
use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Browser, OAuthClient, Page, TestServer, page};

/// Pages, documents, endpoints, errors: one of each kind.
const EVERYWHERE: [(&str, &str); 15] = [
    ("GET", "/"),
    ("GET", "/authorize"),
    ("GET", "/sign-in?request=1"),
    ("GET", "/consent?request=1"),
    ("GET", "/sign-out"),
    ("GET", "/setup?token=x"),
    ("POST", "/sign-in"),
    ("POST", "/consent"),
    ("GET", "/.well-known/oauth-authorization-server"),
    ("GET", "/.well-known/openid-configuration"),
    ("POST", "/token"),
    ("GET", "/token"),
    ("POST", "/register"),
    ("POST", "/revoke"),
    ("GET", "/nothing"),
];

async fn ask(server: &TestServer, (method, path): (&str, &str)) -> Page {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    page(reqwest::Client::new().request(method, format!("{}{path}", server.url))).await
}

fn is_guarded(page: &Page, what: &str) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("server", ""),
    ] {
        assert_eq!(page.header(name), value, "{what}: {name}");
    }
    let policies: Vec<_> = page.headers.get_all("content-security-policy").iter().collect();
    assert_eq!(policies.len(), 1, "{what}: {policies:?}");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'"), "{what}: {policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{what}: {policy}");
    assert!(!policy.contains("unsafe"), "{what}: {policy}");
}

#[tokio::test]
async fn what_no_browser_asks_is_guarded_by_its_type_alone() {
    let server = TestServer::spawn().await;
    for asked in [
        ("POST", "/introspect"),
        ("GET", "/introspect"),
        ("GET", "/gate/wiki"),
        ("GET", "/ext_authz/wiki/-/mcp"),
        ("GET", "/livez"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
    ] {
        let answer = ask(&server, asked).await;
        assert!(answer.status < 500, "{asked:?}: {answer:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{asked:?}");
        assert_eq!(answer.header("server"), "", "{asked:?}");
    }
}

#[tokio::test]
async fn every_answer_is_guarded_in_browsers() {
    let server = TestServer::spawn().await;
    for asked in EVERYWHERE {
        let answer = ask(&server, asked).await;
        assert!(answer.status < 500, "{asked:?}: {answer:?}");
        is_guarded(&answer, asked.1);
        let type_of_body = answer.header("content-type");
        let known = ["text/html; charset=utf-8", "application/json"];
        assert!(answer.text.is_empty() || known.contains(&type_of_body), "{asked:?} {answer:?}");
    }
}

#[tokio::test]
async fn only_what_is_public_is_kept_by_anybody() {
    let server = TestServer::spawn().await;
    for asked in EVERYWHERE {
        let answer = ask(&server, asked).await;
        let document = answer.status == 200 && asked.1.starts_with("/.well-known/");
        let expected = if document { "public, max-age=300" } else { "no-store" };
        if !answer.text.is_empty() {
            assert_eq!(answer.header("cache-control"), expected, "{asked:?}");
        }
    }
}

#[tokio::test]
async fn the_pages_of_a_signed_in_person_are_guarded_too() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let sent = browser.authorize(&client.request()).await;
    is_guarded(&sent, "the way to the sign-in");
    is_guarded(&browser.get(sent.header("location")).await, "the sign-in");
    let question = browser.question(&client.request()).await;
    is_guarded(&question, "the question");
    is_guarded(&browser.get("/").await, "home");
    let answer = browser.decide(&question, "allow").await;
    assert_eq!(answer.header("referrer-policy"), "no-referrer", "the code is in the URL");
    assert_eq!((answer.header("cache-control"), answer.text.as_str()), ("no-store", ""));
}

#[tokio::test]
async fn an_error_page_shows_the_id_by_which_the_operator_finds_it() {
    let server = TestServer::spawn().await;
    let browser = Browser::new(&server);
    let (one, other) = (browser.get("/authorize").await, browser.get("/authorize").await);
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
    for error in [one, other] {
        let id = error.header("x-request-id");
        assert!(!id.is_empty() && error.text.contains(id), "{error:?}");
    }
    let chosen = reqwest::Client::new().get(format!("{}/authorize", server.url));
    let answer = page(chosen.header("X-Request-Id", "<b>mine</b>")).await;
    assert!(!answer.text.contains("mine"), "strangers do not choose it");
}

#[tokio::test]
async fn what_is_wrong_with_the_form_of_a_page_is_a_page() {
    let server = TestServer::spawn().await;
    let http = reqwest::Client::new();
    for path in ["/sign-in", "/consent", "/sign-out", "/setup"] {
        let post = || http.post(format!("{}{path}", server.url));
        let too_large = post().form(&[("username", "x".repeat(70_000))]);
        let json = post().header("Content-Type", "application/json").body("{}");
        let twice = post().form(&[("request", "1"), ("request", "2")]);
        for (status, request) in [(413, too_large), (400, json), (400, twice)] {
            let answer = page(request).await;
            assert_eq!(answer.status, status, "{path}: {answer:?}");
            assert!(answer.text.starts_with("<!doctype html>"), "{path}: {answer:?}");
            assert!(answer.text.contains(answer.header("x-request-id")), "{path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn pages_are_opened_and_looked_up_with_head_and_nothing_else() {
    let server = TestServer::spawn().await;
    for (path, methods) in [
        ("/", "GET, HEAD"),
        ("/authorize", "GET, HEAD"),
        ("/sign-in", "GET, HEAD, POST"),
        ("/sign-out", "GET, HEAD, POST"),
        ("/consent", "GET, HEAD, POST"),
        ("/setup", "GET, HEAD, POST"),
        ("/livez", "GET, HEAD, OPTIONS"),
        ("/readyz", "GET, HEAD, OPTIONS"),
        ("/healthz", "GET, HEAD, OPTIONS"),
        ("/metrics", "GET, HEAD, OPTIONS"),
    ] {
        let (get, head) = (ask(&server, ("GET", path)).await, ask(&server, ("HEAD", path)).await);
        assert_eq!((get.status, ""), (head.status, head.text.as_str()), "{path}");
        let delete = ask(&server, ("DELETE", path)).await;
        assert_eq!((delete.status, delete.header("allow")), (405, methods), "{path}");
    }
}

#[tokio::test]
async fn endpoints_say_which_methods_they_have() {
    let server = TestServer::spawn().await;
    for path in ["/token", "/register", "/revoke", "/introspect"] {
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            let refused = ask(&server, (method, path)).await;
            let told = (refused.status, refused.header("allow"));
            assert_eq!(told, (405, "POST, OPTIONS"), "{method} {path}");
        }
    }
}

/// The SDKs' browser clients look at several places, and give up where one is closed to them.
#[tokio::test]
async fn a_browser_client_can_read_every_discovery_answer() {
    let server = TestServer::spawn().await;
    let http = reqwest::Client::new();
    for (path, status) in [
        ("/.well-known/oauth-authorization-server", 200),
        ("/.well-known/oauth-authorization-server/mcp", 404),
        ("/.well-known/openid-configuration", 404),
        ("/.well-known/openid-configuration/mcp", 404),
        ("/.well-known/oauth-protected-resource", 200),
        ("/.well-known/oauth-protected-resource/mcp", 200),
        ("/.well-known/oauth-protected-resource/other", 404),
    ] {
        let url = format!("{}{path}", server.url);
        let origin = |request: reqwest::RequestBuilder| {
            Answer::of(request.header("Origin", "http://localhost:6274"))
        };
        let answer = origin(http.get(&url)).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert!(answer.body.is_object(), "{path}");
        let preflight = http
            .request(Method::OPTIONS, &url)
            .header("Access-Control-Request-Method", "GET")
            .header("Access-Control-Request-Headers", "mcp-protocol-version");
        let preflight = origin(preflight).await;
        assert_eq!(preflight.header("access-control-allow-origin"), "*", "{path}");
    }
}

#[tokio::test]
async fn what_a_request_decides_is_recorded_with_the_id_of_its_answer() {
    let server = TestServer::spawn().await;
    let body = json!({ "redirect_uris": ["http://127.0.0.1/callback"] });
    let register = reqwest::Client::new().post(format!("{}/register", server.url));
    let answer = Answer::of(register.json(&body)).await;
    let id = answer.header("x-request-id");
    assert_eq!((answer.status, id.len()), (201, 36), "{answer:?}");
    let recorded = server.storage.read(|conn| events::list(conn, 1)).await;
    let registered = recorded.map_err(|error: StorageError| error).unwrap().remove(0);
    assert_eq!(registered.kind, Event::ClientRegistered);
    assert_eq!(registered.request_id.as_deref(), Some(id));
    // Nobody asks a command over HTTP, whatever was decided before it by the same writer.
    let now = server.clock.now();
    let record =
        move |conn: &mut _| events::record(conn, Event::ResourcePaused, Subject::default(), now);
    server.storage.write::<_, StorageError>(record).await.unwrap();
    let recorded = server.storage.read(|conn| events::list(conn, 1)).await;
    let paused = recorded.map_err(|error: StorageError| error).unwrap().remove(0);
    assert_eq!(paused.kind, Event::ResourcePaused);
    assert_eq!(paused.request_id, None);
}

#[tokio::test]
async fn an_answer_of_the_consent_page_is_recorded_although_nobody_waits_for_it() {
    let server = TestServer::spawn().await;
    let (client, browser) = (OAuthClient::register(&server).await, Browser::new(&server));
    let question = browser.question(&client.request()).await;
    let answer = browser.decide(&question, "allow").await;
    let recorded = server.storage.read(|conn| events::list(conn, 1)).await;
    let approved = recorded.map_err(|error: StorageError| error).unwrap().remove(0);
    assert_eq!(approved.kind, Event::ConsentApproved);
    assert_eq!(approved.request_id.as_deref(), Some(answer.header("x-request-id")));
}
