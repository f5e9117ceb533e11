//! `POST /register` with what was registered before: one client, and connections that stay apart.

use serde_json::{Value, json};

use crate::support::{Answer, Browser, OAuthClient, TestServer};

fn gemini(port: u16) -> Value {
    json!({"client_name": "Gemini CLI MCP Client", "scope": "", "response_types": ["code"],
        "redirect_uris": [format!("http://localhost:{port}/oauth/callback")],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none"})
}

async fn register(server: &TestServer, body: &Value) -> Answer {
    let request = reqwest::Client::new().post(format!("{}/register", server.url));
    let answer = Answer::of(request.json(body)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer
}

#[tokio::test]
async fn a_client_that_registers_on_each_connection_leaves_one_row() {
    let server = TestServer::spawn().await;
    let first = register(&server, &gemini(40_001)).await;
    assert!(first.body.get("registration_access_token").is_some());
    for port in 40_002..40_010 {
        server.advance(3600);
        let again = register(&server, &gemini(port)).await;
        assert_eq!(again.text("client_id"), first.text("client_id"));
        assert_eq!(again.body["client_id_issued_at"], first.body["client_id_issued_at"]);
        assert_eq!(again.body["redirect_uris"], gemini(port)["redirect_uris"], "as it was sent");
        let members = again.body.as_object().unwrap();
        assert!(!members.keys().any(|member| member.starts_with("registration_")), "{again:?}");
    }
    let request = reqwest::Client::new().get(first.text("registration_client_uri"));
    let request = request.bearer_auth(first.text("registration_access_token"));
    assert_eq!(Answer::of(request).await.error(), (401, "invalid_token"), "shared by now");
}

#[tokio::test]
async fn two_installations_have_connections_of_their_own() {
    let server = TestServer::spawn().await;
    let browser = Browser::new(&server);
    let one = OAuthClient::of(&server, &register(&server, &gemini(40_001)).await);
    let other = OAuthClient::of(&server, &register(&server, &gemini(40_002)).await);
    assert_eq!(one.id, other.id);
    assert_ne!(one.redirect_uri, other.redirect_uri);
    let (of_one, of_other) = (one.connect(&browser).await, other.connect(&browser).await);
    assert_eq!(one.revoke(&of_one.text("refresh_token")).await.status, 200);
    assert!(!one.is_active(&of_one.text("access_token")).await);
    assert!(other.is_active(&of_other.text("access_token")).await);
    let refreshed = other.refresh(&of_other.text("refresh_token")).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    let ended = one.refresh(&of_one.text("refresh_token")).await;
    assert_eq!(ended.error(), (400, "invalid_grant"));
}

#[tokio::test]
async fn where_several_ports_are_meant_none_is_guessed() {
    let server = TestServer::spawn().await;
    let browser = Browser::new(&server);
    let client = OAuthClient::of(&server, &register(&server, &gemini(40_001)).await);
    let mut silent = client.request();
    silent.remove("redirect_uri");
    assert_eq!(browser.authorize(&silent).await.status, 303, "there is only one");
    register(&server, &gemini(40_002)).await;
    assert_eq!(browser.authorize(&silent).await.status, 400);
    assert_eq!(browser.authorize(&client.request()).await.status, 303);
}

#[tokio::test]
async fn a_flood_does_not_lock_others_out() {
    let settings = [
        ("limits", "on"),
        ("limit_unused_clients", "30"),
        ("limit_registrations", "100"),
        ("limit_registrations_per_address", "1000"),
    ];
    let server = TestServer::spawn_with(&settings).await;
    let browser = Browser::new(&server);
    let from = |address: &str, name: String| {
        let request = reqwest::Client::new().post(format!("{}/register", server.url));
        let body = json!({"redirect_uris": ["http://127.0.0.1/callback"], "client_name": name,
            "token_endpoint_auth_method": "none"});
        Answer::of(request.header("X-Forwarded-For", address).json(&body))
    };
    let before = from("192.0.2.1", "honest".to_owned()).await;
    let mut held = 0;
    for n in 0..150 {
        // Another address each time, all of one site.
        let answer = from(&format!("2001:db8:1:{n:x}::1"), format!("flood {n}")).await;
        held += u32::from(answer.status == 429);
    }
    assert_eq!(held, 100, "half of what is for everybody is the most that one site gets");
    let after = from("192.0.2.2", "honest too".to_owned()).await;
    assert_eq!((before.status, after.status), (201, 201), "{after:?}");
    for answer in [&before, &after] {
        OAuthClient::of(&server, answer).connect(&browser).await;
    }
}
