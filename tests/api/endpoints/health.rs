//! Health, metrics, and which listener has what.

use crate::support::{Answer, Browser, OAuthClient, TestServer};

async fn status(url: &str, path: &str) -> u16 {
    reqwest::get(format!("{url}{path}")).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn the_service_is_alive_and_ready() {
    let server = TestServer::spawn().await;
    for path in ["/livez", "/readyz", "/healthz"] {
        assert_eq!(status(&server.url, path).await, 200, "{path}");
    }
}

#[tokio::test]
async fn what_happens_is_counted() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let tokens = client.connect(&Browser::new(&server)).await;
    client.introspect(&tokens.text("access_token")).await;
    client.introspect("garbage").await;
    client.refresh("garbage").await;
    let answer = Answer::of(reqwest::Client::new().get(format!("{}/metrics", server.url))).await;
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    let text = answer.body.as_str().unwrap();
    for line in [
        "mcp_oauthd_registrations_total 1",
        "mcp_oauthd_introspections_active_total 1",
        "mcp_oauthd_introspections_inactive_total 1",
        "mcp_oauthd_token_responses_total{grant_type=\"authorization_code\"} 1",
        "mcp_oauthd_refusals_total{endpoint=\"token\",error=\"invalid_grant\"} 1",
        "mcp_oauthd_sign_ins_total{outcome=\"accepted\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

/// Whatever the cause, and whichever way it is told.
#[tokio::test]
async fn every_refusal_of_every_endpoint_is_counted() {
    let server = TestServer::spawn_with(&[("limit_token_failures_per_address", "1")]).await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    browser.question(&client.request()).await;
    let mut request = client.request();
    request.insert("response_type".to_owned(), "token".to_owned());
    assert_eq!(browser.authorize(&request).await.status, 303, "the client is told");
    browser.get("/authorize").await;
    browser.get("/consent?request=1").await;
    let http = reqwest::Client::new();
    for path in ["/introspect", "/revoke", "/token", "/token", "/register"] {
        let form = http.post(format!("{}{path}", server.url)).form(&[("token", "x")]);
        assert!(form.send().await.unwrap().status().is_client_error(), "{path}");
    }
    let text = reqwest::get(format!("{}/metrics", server.url)).await.unwrap().text().await.unwrap();
    for (endpoint, error) in [
        ("authorize", "unsupported_response_type"),
        ("authorize", "invalid_request"),
        ("consent", "access_denied"),
        ("introspect", "invalid_client"),
        ("revoke", "invalid_client"),
        ("token", "invalid_client"),
        ("token", "temporarily_unavailable"),
        ("register", "invalid_client_metadata"),
    ] {
        let line = format!("refusals_total{{endpoint=\"{endpoint}\",error=\"{error}\"}} 1\n");
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
    assert!(text.contains("mcp_oauthd_failures_total 0"), "{text}");
}

#[tokio::test]
async fn failures_of_ours_are_counted() {
    let settings = [("issuer", "https://h.example/as"), ("limits", "on")];
    let server = TestServer::spawn_with(&settings).await;
    server.storage.close().await;
    let http = reqwest::Client::new();
    let registration = http.post(format!("{}/as/register", server.url));
    let body = serde_json::json!({ "redirect_uris": ["http://127.0.0.1/"] });
    assert_eq!(Answer::of(registration.json(&body)).await.status, 503);
    let text = reqwest::get(format!("{}/metrics", server.url)).await.unwrap().text().await.unwrap();
    assert!(text.contains("mcp_oauthd_failures_total 1"), "{text}");
}

#[tokio::test]
async fn an_internal_listener_takes_introspection_and_health_off_the_public_side() {
    let server = TestServer::spawn_with(&[("internal_listen", "127.0.0.1:1")]).await;
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(status(&server.url, path).await, 404, "{path}");
        assert_eq!(status(&server.internal_url, path).await, 200, "{path}");
    }
    let http = reqwest::Client::new();
    let introspect = |url: &str| {
        let request =
            http.post(format!("{url}/introspect")).basic_auth("wiki", Some("a-secret-of-the-wiki"));
        Answer::of(request.form(&[("token", "x")]))
    };
    assert_eq!(introspect(&server.url).await.status, 404);
    assert_eq!(introspect(&server.internal_url).await.body, serde_json::json!({"active": false}));
    for path in ["/authorize", "/", "/.well-known/oauth-authorization-server"] {
        assert_eq!(status(&server.internal_url, path).await, 404, "{path}");
    }
}

#[tokio::test]
async fn a_damaged_database_is_not_ready_and_says_so() {
    let mut server = TestServer::spawn().await;
    let app = server.damage().await;
    let ready = mcp_oauthd::endpoints::health::readyz(actix_web::web::Data::new(app)).await;
    assert_eq!(ready.status(), 503);
    let Ok(text) = actix_web::body::to_bytes(ready.into_body()).await else { panic!("no body") };
    assert_eq!(text, "the database is damaged\n");
}

#[tokio::test]
async fn a_database_in_memory_serves_too() {
    let server = TestServer::spawn_with(&[("db", ":memory:")]).await;
    let client = OAuthClient::register(&server).await;
    let tokens = client.connect(&Browser::new(&server)).await;
    assert!(client.is_active(&tokens.text("access_token")).await);
}
