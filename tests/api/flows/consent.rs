//! The question that a person answers.

use crate::support::{Browser, OAuthClient, PASSWORD, TestServer, USER};

#[tokio::test]
async fn the_page_shows_who_asks_where_it_goes_and_for_what() {
    let server = TestServer::spawn().await;
    let metadata = serde_json::json!({"client_name": "<b>Evil</b> & \"Co\"", "token_endpoint_auth_method": "none"});
    let client = OAuthClient::register_with(&server, metadata).await;
    let page = Browser::new(&server).question(&client.request()).await;
    for shown in ["127.0.0.1", "https://wiki.example.org/mcp", "wiki", USER, "registered itself"] {
        assert!(page.text.contains(shown), "{shown}");
    }
    assert!(!page.text.contains("<b>Evil"), "escaped");
    let policy = page.header("content-security-policy");
    assert!(
        !policy.contains("form-action") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"));
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
    ] {
        assert_eq!(page.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn a_yes_is_one_code_however_often_it_is_said() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let question = browser.question(&client.request()).await;
    let first = browser.decide(&question, "allow").await.redirect_query();
    let second = browser.decide(&question, "allow").await.redirect_query();
    assert_eq!(first, second, "a second click, or a lost response");
    assert_eq!(browser.decide(&question, "deny").await.status, 403, "it has been answered");
    assert_eq!(client.exchange(&first["code"]).await.status, 200);
    assert_eq!(browser.decide(&question, "allow").await.status, 403, "the code has been redeemed");
}

#[tokio::test]
async fn a_no_is_told_and_stays_a_no() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let question = browser.question(&client.request()).await;
    let denied = browser.decide(&question, "deny").await;
    assert_eq!(denied.header("cache-control"), "no-store");
    let told = denied.redirect_query();
    assert_eq!((told["error"].as_str(), told["state"].as_str()), ("access_denied", "xyz"));
    assert_eq!(told["iss"], server.url);
    assert_eq!(browser.decide(&question, "allow").await.status, 403);
}

#[tokio::test]
async fn nobody_answers_for_somebody_else() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let question = browser.question(&client.request()).await;
    let (request, csrf) = (question.field("request"), question.field("csrf"));
    let other = Browser::new(&server);
    let others = other.question(&client.request()).await;
    let other_csrf = others.field("csrf");
    let fields = |csrf| [("request", &*request), ("csrf", csrf), ("decision", "allow")];
    assert_eq!(other.post("/consent", &fields(&csrf)).await.status, 403, "another browser");
    for wrong in ["", "x", &*other_csrf] {
        assert_eq!(browser.post("/consent", &fields(wrong)).await.status, 403, "{wrong:?}");
    }
    let foreign = browser.http.post(format!("{}/consent", server.url)).form(&fields(&csrf));
    for (header, value) in
        [("Origin", "https://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site")]
    {
        let sent = foreign.try_clone().unwrap().header(header, value).send().await.unwrap();
        assert_eq!(sent.status(), 403, "{header}: {value}");
    }
    for decision in ["", "yes", "ALLOW"] {
        let fields = [("request", &*request), ("csrf", &*csrf), ("decision", decision)];
        assert_eq!(browser.post("/consent", &fields).await.status, 400, "{decision:?}");
    }
    assert_eq!(
        browser.decide(&question, "allow").await.status,
        303,
        "nothing was lost by all that"
    );
}

#[tokio::test]
async fn nothing_but_the_decision_is_taken_from_the_form() {
    let server = TestServer::spawn_with(&[("scopes", "read write")]).await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let mut request = client.request();
    request.insert("scope".to_owned(), "read".to_owned());
    let question = browser.question(&request).await;
    let (id, csrf) = (question.field("request"), question.field("csrf"));
    let fields = [
        ("request", &*id),
        ("csrf", &*csrf),
        ("shown", &*question.field("shown")),
        ("decision", "allow"),
        ("scope", "read write"),
        ("redirect_uri", "https://evil.example"),
    ];
    let told = browser.post("/consent", &fields).await;
    assert!(told.header("location").starts_with("http://127.0.0.1/callback?"));
    let tokens = client.exchange(&told.redirect_query()["code"]).await;
    assert_eq!(tokens.body["scope"], "read");
}

#[tokio::test]
async fn a_started_sign_in_outlives_a_restart_and_expires() {
    let mut server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let form = browser.sign_in_form(&client.request()).await;
    server.restart().await;
    server.advance(600);
    let signed_in = browser.send_password(&form, USER, PASSWORD).await;
    assert_eq!(signed_in.status, 303, "{signed_in:?}");
    server.restart().await;
    let question = browser.get(signed_in.header("location")).await;
    assert_eq!(question.status, 200);
    server.advance(3600);
    assert_eq!(browser.decide(&question, "allow").await.status, 403);
}

#[tokio::test]
async fn a_fresh_sign_in_is_asked_for_when_the_client_wants_one() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    browser.question(&client.request()).await;
    server.advance(1);
    let mut request = client.request();
    request.insert("prompt".to_owned(), "login".to_owned());
    let form = browser.sign_in_form(&request).await;
    let id = form.field("request");
    let skipped = browser.get(&format!("/consent?request={id}")).await;
    assert!(skipped.header("location").starts_with("/sign-in?"), "{skipped:?}");
    let signed_in = browser.send_password(&form, USER, PASSWORD).await;
    assert_eq!(browser.get(signed_in.header("location")).await.status, 200);
}

#[tokio::test]
async fn a_disabled_client_gets_no_code() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let question = browser.question(&client.request()).await;
    let (id, now) = (client.id.parse().unwrap(), server.clock.now());
    let disable = move |conn: &mut _| mcp_oauthd::revocation::disable_client(conn, &id, now);
    server.storage.write(disable).await.unwrap().unwrap();
    assert_eq!(browser.decide(&question, "allow").await.status, 403);
    assert_eq!(browser.authorize(&client.request()).await.status, 400);
}
