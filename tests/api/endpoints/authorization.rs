//! `GET /authorize`: RFC 6749 section 4.1.1.

use std::collections::BTreeMap;

use crate::support::{Browser, OAuthClient, OTHER_RESOURCE, Page, RESOURCE, TestServer};

fn with(request: &BTreeMap<String, String>, changes: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut request = request.clone();
    for (name, value) in changes {
        request.insert((*name).to_owned(), (*value).to_owned());
    }
    request.retain(|_, value| value != "-");
    request
}

fn is_a_page(page: &Page) {
    assert_eq!((page.status, page.header("location")), (400, ""), "{page:?}");
    assert!(page.header("content-type").starts_with("text/html"));
    assert_eq!(page.header("cache-control"), "no-store");
}

#[tokio::test]
async fn an_unknown_client_or_redirect_is_never_redirected_to() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    for browser in [Browser::new(&server), signed_in(&server, &client).await] {
        for changes in [
            &[("client_id", "nobody")][..],
            &[("client_id", "-")],
            &[("client_id", "a b")],
            &[("redirect_uri", "https://evil.example/cb")],
            &[("redirect_uri", "http://localhost/callback")],
            &[("redirect_uri", "http://127.0.0.1/callback/")],
            &[("redirect_uri", "http://127.0.0.1:80@evil.example/callback")],
            &[("redirect_uri", "javascript:alert(1)")],
            &[("redirect_uri", "http://127.0.0.1/callback?x")],
        ] {
            let page = browser.authorize(&with(&client.request(), changes)).await;
            is_a_page(&page);
            assert!(!page.text.contains("evil"), "nothing is reflected: {changes:?}");
            assert!(!page.text.contains("Back to"), "no way back to a stranger: {changes:?}");
        }
    }
}

async fn signed_in(server: &TestServer, client: &OAuthClient) -> Browser {
    let browser = Browser::new(server);
    browser.question(&client.request()).await;
    browser
}

#[tokio::test]
async fn other_errors_wait_until_the_person_is_known() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let stranger = Browser::new(&server);
    let known = signed_in(&server, &client).await;
    for (changes, error) in [
        (&[("response_type", "token")][..], "unsupported_response_type"),
        (&[("response_type", "-")], "invalid_request"),
        (&[("code_challenge", "-")], "invalid_request"),
        (&[("code_challenge", "short")], "invalid_request"),
        (&[("code_challenge_method", "-")], "invalid_request"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("response_mode", "form_post")], "invalid_request"),
        (&[("request", "x.y.z")], "invalid_request"),
        (&[("request_uri", "https://evil.example")], "invalid_request"),
        (&[("resource", "https://other.example/mcp")], "invalid_target"),
        (&[("resource", "https://wiki.example.org/mcp#x")], "invalid_target"),
        (&[("prompt", "none")], "consent_required"),
    ] {
        let request = with(&client.request(), changes);
        let page = stranger.authorize(&request).await;
        is_a_page(&page);
        assert!(
            page.text.contains("Back to") && page.text.contains("http://127.0.0.1/callback?error=")
        );
        let told = known.authorize(&request).await.redirect_query();
        assert_eq!((told["error"].as_str(), told["state"].as_str()), (error, "xyz"), "{changes:?}");
        assert_eq!(told["iss"], server.url);
        assert!(!told.contains_key("code"));
    }
}

#[tokio::test]
async fn a_parameter_that_is_given_twice_is_refused() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(client.request())
        .finish();
    for more in
        ["state=xyz", "client_id=other", "code_challenge=x", "scope=a&scope=b", "x=%zz", "x=%00"]
    {
        is_a_page(&browser.get(&format!("/authorize?{query}&{more}")).await);
    }
    let twice = format!("/authorize?{query}&resource={RESOURCE}&resource={RESOURCE}/");
    assert_eq!(browser.get(&twice).await.status, 303, "but for identical resources");
    let two = format!("/authorize?{query}&resource={RESOURCE}&resource={OTHER_RESOURCE}");
    is_a_page(&browser.get(&two).await);
}

#[tokio::test]
async fn a_state_comes_back_byte_for_byte() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    for state in
        ["a+b/c==", "vscode://x?y=1&z=2#f", "ä \" ' < > % %41", "x&code=evil", &"s".repeat(2000)]
    {
        let answer = browser.approve(&with(&client.request(), &[("state", state)])).await;
        assert_eq!(answer["state"], state);
        assert_eq!(answer.keys().collect::<Vec<_>>(), ["code", "iss", "state"]);
    }
    let answer = browser.approve(&with(&client.request(), &[("state", "-")])).await;
    assert_eq!(answer.keys().collect::<Vec<_>>(), ["code", "iss"], "none was given");
}

#[tokio::test]
async fn any_loopback_port_is_the_same_client_and_a_query_is_kept() {
    let server = TestServer::spawn().await;
    let uris = ["http://localhost/cb", "http://127.0.0.1:33418", "https://h.example/cb?a=1"];
    let metadata = serde_json::json!({"token_endpoint_auth_method": "none", "redirect_uris": uris});
    let client = OAuthClient::register_with(&server, metadata).await;
    let browser = Browser::new(&server);
    for uri in ["http://localhost:51000/cb", "http://127.0.0.1:5/", "https://h.example/cb?a=1"] {
        let question = browser.question(&with(&client.request(), &[("redirect_uri", uri)])).await;
        let sent = browser.decide(&question, "allow").await;
        let separator = if uri.contains('?') { '&' } else { '?' };
        let location = sent.header("location");
        assert!(location.starts_with(&format!("{uri}{separator}code=mac_")), "{location}");
    }
    is_a_page(&browser.authorize(&with(&client.request(), &[("redirect_uri", "-")])).await);
}

#[tokio::test]
async fn spellings_of_a_resource_mean_the_registered_one() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    for (spelling, aud) in [
        (RESOURCE, RESOURCE),
        ("https://WIKI.example.org:443/mcp/", RESOURCE),
        ("https://wiki.example.org/", RESOURCE),
        (OTHER_RESOURCE, OTHER_RESOURCE),
        ("-", RESOURCE),
    ] {
        let answer = browser.approve(&with(&client.request(), &[("resource", spelling)])).await;
        let tokens = client.exchange(&answer["code"]).await;
        let active = client.is_active(&tokens.text("access_token")).await;
        assert_eq!(active, aud == RESOURCE, "{spelling}");
    }
}

#[tokio::test]
async fn scopes_are_narrowed_and_never_refused() {
    let server = TestServer::spawn_with(&[("scopes", "read write")]).await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    for (scope, granted) in [
        ("-", "read write"),
        ("", "read write"),
        ("read", "read"),
        ("read claudeai offline_access", "read"),
        ("openid email profile", "read write"),
        ("  write \t read ", "read write"),
    ] {
        let answer = browser.approve(&with(&client.request(), &[("scope", scope)])).await;
        assert_eq!(client.exchange(&answer["code"]).await.body["scope"], granted, "{scope:?}");
    }
}

#[tokio::test]
async fn it_is_repeatable_and_bounded() {
    let server = TestServer::spawn_with(&[("limit_pending_requests", "3")]).await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let first = browser.authorize(&client.request()).await.header("location").to_owned();
    let second = browser.authorize(&client.request()).await.header("location").to_owned();
    assert_ne!(first, second);
    assert_eq!(browser.get(&first).await.status, 200, "both tabs can go on");
    for _ in 0..2 {
        Browser::new(&server).authorize(&client.request()).await;
    }
    assert_eq!(browser.get(&first).await.status, 403, "the oldest made room");
    assert_eq!(browser.get(&second).await.status, 200);
}

#[tokio::test]
async fn too_many_from_one_address_and_too_long_ones_are_refused() {
    let limits = [("limits", "on"), ("limit_authorize_per_address", "2")];
    let server = TestServer::spawn_with(&limits).await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let long = with(&client.request(), &[("state", &"s".repeat(20_000))]);
    assert_eq!(browser.authorize(&long).await.status, 400);
    assert_eq!(browser.authorize(&client.request()).await.status, 303);
    let held = browser.authorize(&client.request()).await;
    assert_eq!(held.status, 429);
    server.advance(held.header("retry-after").parse().unwrap());
    assert_eq!(browser.authorize(&client.request()).await.status, 303);
    let post = browser.post("/authorize", &[]).await;
    assert_eq!(post.status, 405);
}
