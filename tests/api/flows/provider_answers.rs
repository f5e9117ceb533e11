//! What comes back from another service: forged, replayed, broken, late, or not at all.

use serde_json::{Value, json};

use crate::support::{Browser, Page, TestProvider, TestServer, choose, sign_in_at};

async fn server(provider: &TestProvider, more: &[(&str, &str)]) -> TestServer {
    let sign_up = [("oidc_allow", "*"), ("oidc_sign_up", "allowed")];
    TestServer::spawn_with(&[&provider.openid()[..], &sign_up, more].concat()).await
}

/// On the way to the provider: where it sends the browser back to.
async fn begin(browser: &Browser, provider: &TestProvider) -> String {
    let form = browser.get("/sign-in?to=account").await;
    provider.consent(&choose(browser, &form, "oidc").await)
}

async fn is_signed_in(browser: &Browser) -> bool {
    browser.get("/").await.text.contains("Signed in as")
}

#[tokio::test]
async fn an_answer_is_for_the_browser_that_asked_and_works_once() {
    let provider = TestProvider::spawn("s1");
    let server = server(&provider, &[]).await;
    let (victim, attacker) = (Browser::new(&server), Browser::new(&server));
    let (theirs, own) = (begin(&victim, &provider).await, begin(&attacker, &provider).await);
    assert_eq!(victim.get(&own).await.status, 403, "an answer to somebody else's question");
    let state = |way: &str| way.split_once("&state=").unwrap().1.to_owned();
    let crossed = theirs.replace(&state(&theirs), &state(&own));
    assert_eq!(victim.get(&crossed).await.status, 403);
    let forged = format!("{}x", theirs.replace("state=", "state=1"));
    for forged in [&*forged, "/sign-in/provider/oidc/callback?code=0", &theirs.replace("oidc", "x")]
    {
        assert!([400, 403].contains(&victim.get(forged).await.status), "{forged}");
    }
    assert!(!is_signed_in(&victim).await && !is_signed_in(&attacker).await);
    assert!(provider.script().asked.iter().all(|(path, ..)| path != "/token"), "nothing was asked");
    let head = victim.http.head(format!("{}{theirs}", victim.url)).send().await.unwrap();
    assert_eq!(head.status(), 405, "looking at it changes nothing");
    assert_eq!(victim.get(&theirs).await.status, 303, "nothing was used up");
    assert_eq!(victim.get(&theirs).await.status, 403, "a replay");
}

#[tokio::test]
async fn the_code_of_another_sign_in_is_of_no_use() {
    let provider = TestProvider::spawn("s1");
    let server = server(&provider, &[]).await;
    let (victim, attacker) = (Browser::new(&server), Browser::new(&server));
    let (stolen, own) = (begin(&victim, &provider).await, begin(&attacker, &provider).await);
    assert!(stolen.contains("code=0&") && own.contains("code=1&"));
    let injected = attacker.get(&own.replace("code=1&", "code=0&")).await;
    assert_eq!(injected.status, 403);
    assert!(injected.text.contains("has refused"), "{injected:?}");
    assert!(!is_signed_in(&attacker).await);
}

#[tokio::test]
async fn two_answers_at_once_are_one_sign_in() {
    let provider = TestProvider::spawn("s1");
    let server = server(&provider, &[]).await;
    let browser = Browser::new(&server);
    let back = begin(&browser, &provider).await;
    let (one, other) = tokio::join!(browser.get(&back), browser.get(&back));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 403]);
}

#[tokio::test]
async fn an_error_of_the_provider_is_said_in_our_words() {
    let provider = TestProvider::spawn("s1");
    let server = server(&provider, &[]).await;
    for (error, said) in [
        ("access_denied", "You did not finish at"),
        ("login_required", "has refused"),
        ("<script>alert(1)</script>", "has refused"),
    ] {
        let browser = Browser::new(&server);
        let back = begin(&browser, &provider).await;
        let (place, query) = back.split_once("?code=").unwrap();
        let (_, state) = query.split_once('&').unwrap();
        let page = browser
            .get(&format!("{place}?error={error}&error_description=Call%20me&error_uri=https://evil.example&{state}"))
            .await;
        assert_eq!(page.status, 403);
        assert!(page.text.contains(said), "{page:?}");
        for theirs in ["Call me", "evil.example", "alert(1)"] {
            assert!(!page.text.contains(theirs), "{theirs}");
        }
        assert!(page.text.contains("name=\"password\""), "the other ways are offered");
        assert!(page.header("set-cookie").contains("Max-Age=0"), "nothing is left behind");
        assert_eq!(browser.get(&back).await.status, 403, "used up");
    }
}

#[tokio::test]
async fn a_provider_that_is_down_or_broken_is_a_page_with_the_other_ways() {
    let mut provider = TestProvider::spawn("s1");
    let server = server(&provider, &[]).await;
    let browser = Browser::new(&server);
    let found = |page: &Page, status, said: &str| {
        assert_eq!(page.status, status, "{page:?}");
        assert!(page.text.contains(said) && page.text.contains("name=\"password\""), "{page:?}");
    };
    for (path, status, body, answered, said) in [
        ("/token", 500, json!({}), 502, "cannot be used"),
        ("/token", 503, json!("busy"), 503, "does not answer"),
        ("/token", 200, json!({ "access_token": "x" }), 502, "cannot be used"),
        ("/token", 302, json!({ "access_token": "x", "token_type": "Bearer" }), 502, "cannot"),
        ("/token", 400, json!({ "error": "invalid_client" }), 403, "has refused"),
        ("/userinfo", 200, json!({}), 502, "cannot be used"),
        ("/userinfo", 200, json!({ "sub": "s2" }), 502, "cannot be used"),
        ("/userinfo", 200, json!({ "sub": "s1", "x": "y".repeat(300_000) }), 503, "not answer"),
    ] {
        provider.script().instead = vec![(path, status, body)];
        found(&sign_in_at(&browser, &provider, "oidc").await, answered, said);
    }
    provider.script().instead.clear();
    provider.script().user["sub"] = json!("");
    found(&sign_in_at(&browser, &provider, "oidc").await, 502, "cannot be used");
    let form = browser.get("/sign-in?to=account").await;
    provider.stop().await;
    // What is known of it is known for an hour.
    assert_eq!(choose(&browser, &form, "oidc").await.status, 303);
    server.advance(3600);
    found(&choose(&browser, &form, "oidc").await, 503, "does not answer");
    assert!(!is_signed_in(&browser).await);
}

#[tokio::test]
async fn a_provider_that_calls_itself_otherwise_is_not_the_one() {
    for (member, value) in [
        ("issuer", json!("https://id.example.org")),
        ("issuer", json!("")),
        ("token_endpoint", json!("http://id.example.org/token")),
        ("userinfo_endpoint", Value::Null),
    ] {
        let provider = TestProvider::spawn("s1");
        let url = &provider.url;
        let mut metadata = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "userinfo_endpoint": format!("{url}/userinfo"),
        });
        metadata[member] = value;
        let path = "/.well-known/openid-configuration";
        provider.script().instead = vec![(path, 200, metadata)];
        let server = server(&provider, &[]).await;
        let browser = Browser::new(&server);
        let form = browser.get("/sign-in?to=account").await;
        assert_eq!(choose(&browser, &form, "oidc").await.status, 502, "{member}");
    }
}

#[tokio::test]
async fn an_id_token_is_of_this_provider_for_us_and_of_this_sign_in() {
    let provider = TestProvider::spawn("s1");
    let server = server(&provider, &[]).await;
    for (claims, status) in [
        (json!({ "iss": "https://id.example.org" }), 502),
        (json!({ "aud": "somebody else" }), 502),
        (json!({ "nonce": "of another sign-in" }), 502),
        (json!({ "nonce": null }), 502),
        (json!({ "sub": "s2" }), 502),
        (json!({ "aud": ["somebody else", "us & them"] }), 303),
    ] {
        provider.script().claims = claims.clone();
        let browser = Browser::new(&server);
        assert_eq!(sign_in_at(&browser, &provider, "oidc").await.status, status, "{claims}");
        assert_eq!(is_signed_in(&browser).await, status == 303);
    }
}

#[tokio::test]
async fn an_answer_that_says_whose_it_is_must_say_the_right_one() {
    let provider = TestProvider::spawn("s1");
    let server = server(&provider, &[]).await;
    for (iss, status) in [("https://evil.example", 502), (provider.url.as_str(), 303)] {
        let browser = Browser::new(&server);
        let back = begin(&browser, &provider).await;
        assert_eq!(browser.get(&format!("{back}&iss={iss}")).await.status, status);
    }
}

#[tokio::test]
async fn a_secret_goes_into_the_body_where_the_provider_has_nothing_else() {
    let provider = TestProvider::spawn("s1");
    let url = &provider.url;
    let metadata = json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
    });
    provider.script().instead = vec![("/.well-known/openid-configuration", 200, metadata)];
    let server = server(&provider, &[]).await;
    assert_eq!(sign_in_at(&Browser::new(&server), &provider, "oidc").await.status, 303);
    let script = provider.script();
    let (_, basic, body) = script.asked.iter().find(|(path, ..)| path == "/token").unwrap();
    assert!(basic.is_empty() && body.contains("client_secret=p%3Aa+ss%25"), "{body}");
}

#[tokio::test]
async fn refused_sign_ins_are_counted_for_their_network() {
    let provider = TestProvider::spawn("s1");
    let more = [("oidc_allow", "sub:s9"), ("limit_sign_in_per_address", "3")];
    let server = server(&provider, &more).await;
    for _ in 0..3 {
        assert_eq!(sign_in_at(&Browser::new(&server), &provider, "oidc").await.status, 403);
    }
    let browser = Browser::new(&server);
    let form = browser.get("/sign-in?to=account").await;
    let held = choose(&browser, &form, "oidc").await;
    assert_eq!(held.status, 429);
    let wait: i64 = held.header("retry-after").parse().unwrap();
    server.advance(wait);
    assert_eq!(choose(&browser, &form, "oidc").await.status, 303);
}
