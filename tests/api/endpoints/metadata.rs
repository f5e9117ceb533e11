//! RFC 8414, RFC 9728: discovery.

use serde_json::Value;

use crate::support::{Answer, OTHER_RESOURCE, RESOURCE, TestServer};

const SERVER: &str = "/.well-known/oauth-authorization-server";
const PROTECTED: &str = "/.well-known/oauth-protected-resource";

async fn get(url: &str) -> Answer {
    Answer::of(reqwest::Client::new().get(url).header("Origin", "https://browser.example")).await
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

#[tokio::test]
async fn the_metadata_says_what_works() {
    let server = TestServer::spawn().await;
    let answer = get(&format!("{}{SERVER}", server.url)).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.body["issuer"], server.url);
    let shown = answer.body.to_string().replace(&server.url, "https://issuer.example");
    insta::assert_json_snapshot!("metadata", serde_json::from_str::<Value>(&shown).unwrap());
    assert!(!has_null(&answer.body));
}

#[tokio::test]
async fn an_issuer_with_a_path_is_found_where_clients_look() {
    let issuer = "https://h.example/as/";
    let server = TestServer::spawn_with(&[("issuer", issuer), ("limits", "on")]).await;
    for place in
        ["/.well-known/oauth-authorization-server/as", "/as/.well-known/oauth-authorization-server"]
    {
        let answer = get(&format!("{}{place}", server.url)).await;
        assert_eq!((answer.status, &answer.body["issuer"]), (200, &issuer.into()), "{place}");
        assert_eq!(answer.body["token_endpoint"], "https://h.example/as/token");
    }
    for place in [SERVER, "/.well-known/oauth-authorization-server/other", "/token"] {
        assert_eq!(get(&format!("{}{place}", server.url)).await.status, 404, "{place}");
    }
    for place in [
        "/as/nothing",
        "/as/.well-known",
        "/as/.well-known/openid-configuration",
        "/.well-known/openid-configuration/as",
    ] {
        let answer = get(&format!("{}{place}", server.url)).await;
        assert_eq!((answer.status, &answer.body["error"]), (404, &"not_found".into()), "{place}");
        let cors = answer.header("access-control-allow-origin");
        assert_eq!(cors, if place.contains("well-known") { "*" } else { "" }, "{place}");
    }
    let token =
        reqwest::Client::new().post(format!("{}/as/token", server.url)).send().await.unwrap();
    assert_eq!(token.status(), 400, "the endpoints are below the path");
}

#[tokio::test]
async fn introspection_on_a_listener_of_its_own_is_not_advertised() {
    let server = TestServer::spawn_with(&[("internal_listen", "127.0.0.1:1")]).await;
    let answer = get(&format!("{}{SERVER}", server.url)).await;
    assert_eq!(answer.status, 200);
    let members = answer.body.as_object().unwrap();
    assert!(!members.keys().any(|member| member.starts_with("introspection_")), "{answer:?}");
    assert!(members.contains_key("revocation_endpoint") && !has_null(&answer.body));
}

#[tokio::test]
async fn nothing_that_a_proxy_or_a_client_says_changes_the_urls() {
    let server = TestServer::spawn().await;
    let request = reqwest::Client::new()
        .get(format!("{}{SERVER}", server.url))
        .header("Host", "evil.example")
        .header("X-Forwarded-Host", "evil.example")
        .header("X-Forwarded-Proto", "https")
        .header("Forwarded", "host=evil.example");
    let answer = Answer::of(request).await;
    assert_eq!(answer.body["issuer"], server.url);
    assert!(!answer.body.to_string().contains("evil"), "{answer:?}");
}

#[tokio::test]
async fn each_resource_has_its_document_and_the_root_has_the_default() {
    let resource = [("resource", "https://default.example/mcp/v1")];
    let server = TestServer::spawn_with(&resource).await;
    for (path, expected) in [("/mcp", RESOURCE), ("/mcp/", RESOURCE)] {
        let answer = get(&format!("{}{PROTECTED}{path}", server.url)).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.body["resource"], expected);
        assert_eq!(answer.body["authorization_servers"], serde_json::json!([server.url]));
        assert_eq!(answer.body["scopes_supported"], serde_json::json!(["mcp"]));
        assert!(!has_null(&answer.body));
    }
    assert_eq!(get(&format!("{}{PROTECTED}", server.url)).await.body["resource"], RESOURCE);
}

#[tokio::test]
async fn resources_of_one_path_are_told_apart_by_their_hosts() {
    let server = TestServer::spawn().await;
    for path in ["/mcp", ""] {
        for (host, expected) in [
            ("wiki.example.org", RESOURCE),
            ("notes.example.org", OTHER_RESOURCE),
            ("NOTES.example.org", OTHER_RESOURCE),
            ("evil.example", RESOURCE),
        ] {
            let url = format!("{}{PROTECTED}{path}", server.url);
            let answer = Answer::of(reqwest::Client::new().get(url).header("Host", host)).await;
            assert_eq!(answer.body["resource"], expected, "{host} {path}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_404_in_json() {
    let server = TestServer::spawn().await;
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/evil",
        "/.well-known/oauth-protected-resource/nothing/here",
        "/.well-known/../x",
        "/.well-known",
        "/nothing",
    ] {
        let answer = get(&format!("{}{path}", server.url)).await;
        assert_eq!((answer.status, &answer.body["error"]), (404, &"not_found".into()), "{path}");
    }
}

#[tokio::test]
async fn head_options_and_other_methods() {
    let server = TestServer::spawn().await;
    let http = reqwest::Client::new();
    for path in [SERVER, "/.well-known/oauth-protected-resource/mcp"] {
        let url = format!("{}{path}", server.url);
        let head = http.head(&url).send().await.unwrap();
        assert_eq!(head.status(), 200);
        assert!(head.text().await.unwrap().is_empty());
        let options = http.request(reqwest::Method::OPTIONS, &url).send().await.unwrap();
        assert_eq!(options.status(), 204);
        let preflight = http
            .request(reqwest::Method::OPTIONS, &url)
            .header("Origin", "https://browser.example")
            .header("Access-Control-Request-Method", "GET")
            .header("Access-Control-Request-Headers", "mcp-protocol-version, x-anything");
        let preflight = Answer::of(preflight).await;
        assert_eq!(preflight.status, 200);
        assert_eq!(preflight.header("access-control-allow-origin"), "*");
        let allowed = preflight.header("access-control-allow-headers").to_lowercase();
        assert!(allowed.contains("mcp-protocol-version") && allowed.contains("x-anything"));
        assert_eq!(preflight.header("access-control-allow-credentials"), "");
        assert_eq!(http.delete(&url).send().await.unwrap().status(), 405);
    }
}

#[tokio::test]
async fn browsers_may_ask_the_endpoints_of_clients_and_no_others() {
    let server = TestServer::spawn().await;
    let http = reqwest::Client::new();
    for (path, open) in [
        ("/token", true),
        ("/register", true),
        ("/revoke", true),
        ("/introspect", false),
        ("/authorize", false),
        ("/sign-in", false),
        ("/consent", false),
    ] {
        let post = http.post(format!("{}{path}", server.url)).header("Origin", "https://b.example");
        let answer = Answer::of(post).await;
        assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, if open { "*" } else { "" }, "{path}, on an error too");
    }
}
