//! `POST /register`: RFC 7591.

use serde_json::{Value, json};

use crate::support::{Answer, Browser, OAuthClient, TestServer};

async fn register(server: &TestServer, body: &Value) -> Answer {
    let request = reqwest::Client::new().post(format!("{}/register", server.url));
    Answer::of(request.json(body)).await
}

#[tokio::test]
async fn what_real_clients_send_is_accepted_and_echoed() {
    let server = TestServer::spawn().await;
    let device = "urn:ietf:params:oauth:grant-type:device_code";
    for body in [
        json!({"client_name": "Cursor", "application_type": "web", "token_endpoint_auth_method": "none",
            "redirect_uris": ["cursor://anysphere.cursor-mcp/oauth/callback",
                "https://www.cursor.com/agents/mcp/oauth/callback", "http://localhost:8787/callback"]}),
        json!({"client_name": "Visual Studio Code", "client_uri": "https://code.visualstudio.com",
            "grant_types": ["authorization_code", "refresh_token", device], "response_types": ["code"],
            "redirect_uris": ["https://insiders.vscode.dev/redirect", "https://vscode.dev/redirect",
                "http://127.0.0.1/", "http://127.0.0.1:33418/"],
            "token_endpoint_auth_method": "none", "application_type": "native", "scope": "mcp"}),
        json!({"response_types": ["code"], "scope": "", "client_name": "FastMCP",
            "redirect_uris": ["http://localhost:51234/callback"], "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"], "application_type": "native"}),
        json!({"redirect_uris": ["https://claude.ai/api/mcp/auth_callback"], "client_name": "Claude",
            "token_endpoint_auth_method": "client_secret_post", "scope": "claudeai"}),
        json!({"redirect_uris": ["http://127.0.0.1:1234/callback/AbCdEf"], "client_name": null}),
    ] {
        let answer = register(&server, &body).await;
        assert_eq!(answer.status, 201, "{body} {answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.body["redirect_uris"], body["redirect_uris"]);
        let id = answer.text("client_id");
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        assert!(!answer.body.to_string().contains("null"), "{answer:?}");
        assert!(!answer.body.to_string().contains(device), "narrowed");
        let public = answer.body["token_endpoint_auth_method"] == "none";
        assert_eq!(answer.body.get("client_secret").is_none(), public);
        assert_eq!(answer.body.get("client_secret_expires_at"), (!public).then_some(&json!(0)));
        let uri = answer.text("registration_client_uri");
        assert_eq!(uri, format!("{}/register/{id}", server.url));
    }
}

#[tokio::test]
async fn the_defaults_in_force_are_said() {
    let server = TestServer::spawn().await;
    let answer = register(&server, &json!({"redirect_uris": ["https://h.example/cb"]})).await;
    assert_eq!(answer.body["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(answer.body["grant_types"], json!(["authorization_code", "refresh_token"]));
    assert_eq!(answer.body["response_types"], json!(["code"]));
    assert_eq!(answer.body["client_id_issued_at"], server.clock.now().0);
    assert!(answer.text("client_secret").len() >= 43);
}

#[tokio::test]
async fn what_is_dangerous_is_refused_in_the_standards_words() {
    let server = TestServer::spawn().await;
    let uri = |uri: &str| json!({ "redirect_uris": [uri] });
    let with =
        |name: &str, value: Value| json!({"redirect_uris": ["https://h.example/cb"], name: value});
    let many = vec!["https://h.example/cb"; 21];
    for (body, error) in [
        (json!({}), "invalid_redirect_uri"),
        (json!({"redirect_uris": []}), "invalid_redirect_uri"),
        (json!({"redirect_uris": "https://h.example"}), "invalid_client_metadata"),
        (json!({ "redirect_uris": many }), "invalid_redirect_uri"),
        (uri("javascript:alert(1)"), "invalid_redirect_uri"),
        (uri("http://h.example/cb"), "invalid_redirect_uri"),
        (uri("https://h.example/cb#x"), "invalid_redirect_uri"),
        (uri("https://*.example/cb"), "invalid_redirect_uri"),
        (uri("http://127.0.0.1:80@evil.example/"), "invalid_redirect_uri"),
        (uri(&format!("https://h.example/{}", "x".repeat(2048))), "invalid_redirect_uri"),
        (with("client_uri", json!("javascript:alert(1)")), "invalid_client_metadata"),
        (with("grant_types", json!(["password"])), "invalid_client_metadata"),
        (with("response_types", json!(["token"])), "invalid_client_metadata"),
        (with("token_endpoint_auth_method", json!("private_key_jwt")), "invalid_client_metadata"),
        (with("client_name", json!("x".repeat(2049))), "invalid_client_metadata"),
        (with("client_name", json!({"a": 1})), "invalid_client_metadata"),
    ] {
        assert_eq!(register(&server, &body).await.error(), (400, error), "{body}");
    }
}

#[tokio::test]
async fn a_client_cannot_choose_its_id_or_its_secret() {
    let server = TestServer::spawn().await;
    let body = json!({"redirect_uris": ["https://h.example/cb"], "client_id": "mine", "client_secret": "mine"});
    let answer = register(&server, &body).await;
    assert_eq!(answer.status, 201);
    assert!(!answer.body.to_string().contains("mine"));
}

#[tokio::test]
async fn the_body_is_json_of_bounded_length() {
    let server = TestServer::spawn().await;
    let post = |media_type: &'static str, body: Vec<u8>| {
        let request = reqwest::Client::new().post(format!("{}/register", server.url));
        Answer::of(request.header("Content-Type", media_type).body(body))
    };
    let good = br#"{"redirect_uris":["https://h.example/cb"]}"#.to_vec();
    assert_eq!(post("application/json; charset=utf-8", good.clone()).await.status, 201);
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/json+x", ""]
    {
        let answer = post(media_type, good.clone()).await;
        assert_eq!(answer.error(), (400, "invalid_client_metadata"), "{media_type}");
    }
    for body in [b"".to_vec(), b"\xff".to_vec(), b"[]".to_vec(), vec![b'['; 60_000], b"{".to_vec()]
    {
        let answer = post("application/json", body).await;
        assert_eq!(answer.error(), (400, "invalid_client_metadata"));
    }
    let large = post("application/json", vec![b' '; 70_000]).await;
    assert_eq!(large.error(), (413, "invalid_request"));
}

#[tokio::test]
async fn other_methods_list_and_delete_nothing() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let http = reqwest::Client::new();
    for path in ["/register", &format!("/register/{}", client.id)] {
        let url = format!("{}{path}", server.url);
        for request in [http.get(&url), http.delete(&url), http.put(&url)] {
            assert!(matches!(Answer::of(request).await.status, 401 | 405));
        }
    }
}

#[tokio::test]
async fn one_address_is_held_up_and_another_is_not() {
    let limits = [("limits", "on"), ("limit_registrations_per_address", "3")];
    let server = TestServer::spawn_with(&limits).await;
    let from = |address: &'static str| {
        let request = reqwest::Client::new().post(format!("{}/register", server.url));
        let body = json!({"redirect_uris": ["https://h.example/cb"]});
        Answer::of(request.header("X-Forwarded-For", address).json(&body))
    };
    for _ in 0..3 {
        assert_eq!(from("192.0.2.1").await.status, 201);
    }
    let held = from("192.0.2.1").await;
    assert_eq!(held.error(), (429, "temporarily_unavailable"));
    assert_eq!(from("192.0.2.2").await.status, 201);
    server.advance(held.header("retry-after").parse().unwrap());
    assert_eq!(from("192.0.2.1").await.status, 201);
}

#[tokio::test]
async fn unused_registrations_make_room_and_used_ones_stay() {
    let server = TestServer::spawn_with(&[("limit_unused_clients", "2")]).await;
    let browser = Browser::new(&server);
    let used = OAuthClient::register(&server).await;
    used.connect(&browser).await;
    let mut clients = vec![];
    for _ in 0..4 {
        server.advance(1);
        clients.push(OAuthClient::register(&server).await);
    }
    let mut known = vec![];
    for client in [&used].into_iter().chain(&clients) {
        known.push(browser.authorize(&client.request()).await.status == 303);
    }
    assert_eq!(known, [true, false, false, true, true]);
}
