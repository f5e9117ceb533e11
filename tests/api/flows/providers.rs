//! People who sign in at another service: who comes in, as whom, and who does not.

use mcp_oauthd::storage::users::{self, User};
use serde_json::json;

use crate::support::{Browser, OAuthClient, PASSWORD, Page, TestProvider, TestServer, USER};
use crate::support::{choose, sign_in_at};

const HERE: &str = "Signed in as";

async fn server(settings: &[(&str, &str)], more: &[(&str, &str)]) -> TestServer {
    TestServer::spawn_with(&[settings, more].concat()).await
}

async fn user(server: &TestServer, name: &'static str) -> Option<User> {
    server.storage.read(|conn| users::find_by_name(conn, name)).await.unwrap()
}

/// Signs in by password, so recently that anything may be changed.
async fn sign_in(server: &TestServer, browser: &Browser) -> Page {
    let form = browser.get("/sign-in?to=account").await;
    let (to, csrf) = (form.field("to"), form.field("csrf"));
    let fields = [("to", &*to), ("csrf", &*csrf), ("username", USER), ("password", PASSWORD)];
    assert_eq!(browser.post("/sign-in", &fields).await.status, 303, "{}", server.url);
    browser.get("/account/identities").await
}

/// Links an account at the provider to whoever is signed in; the last page.
async fn link(browser: &Browser, provider: &TestProvider) -> Page {
    let page = browser.get("/account/identities").await;
    let csrf = page.own_field("csrf");
    let fields = [("csrf", &*csrf), ("do", "link"), ("provider", "oidc")];
    let sent = browser.post("/account/identities", &fields).await;
    browser.get(&provider.consent(&sent)).await
}

#[tokio::test]
async fn whoever_may_sign_up_gets_an_account_and_comes_back_to_it() {
    let provider = TestProvider::spawn("s1");
    provider.script().user["preferred_username"] = json!("Bob Miller");
    let more = [("oidc_allow", "sub:s1,sub:s2"), ("oidc_sign_up", "allowed")];
    let server = server(&provider.openid(), &more).await;
    for _ in 0..2 {
        let browser = Browser::new(&server);
        let back = sign_in_at(&browser, &provider, "oidc").await;
        assert_eq!((back.status, back.header("location")), (303, "/account"), "{back:?}");
        assert!(browser.get("/").await.text.contains("bob.miller"));
    }
    let bob = user(&server, "bob.miller").await.unwrap();
    assert_eq!((bob.role.to_string().as_str(), bob.password_hash), ("member", None));
    provider.script().user["sub"] = json!("s2");
    sign_in_at(&Browser::new(&server), &provider, "oidc").await;
    assert!(user(&server, "bob.miller2").await.is_some(), "another person of that name");
    let asked = provider.script();
    let (_, basic, _) = asked.asked.iter().find(|(path, ..)| path == "/token").unwrap();
    let expected = data_encoding::BASE64.encode(b"us+%26+them:p%3Aa+ss%25");
    assert_eq!(*basic, format!("Basic {expected}"), "each half is form-encoded");
}

#[tokio::test]
async fn nobody_gets_the_account_of_an_equal_name_or_mail_address() {
    let provider = TestProvider::spawn("s1");
    let claims = json!({ "sub": "s1", "preferred_username": USER, "email": "ada@example.org",
                         "email_verified": true });
    provider.script().user = claims;
    let mut server = server(&provider.openid(), &[]).await;
    let browser = Browser::new(&server);
    let refused = sign_in_at(&browser, &provider, "oidc").await;
    assert_eq!(refused.status, 403);
    assert!(refused.text.contains("Nobody here has this account at <bdi>Example &#60;ID&#62;"));
    assert!(refused.text.contains("name=\"password\""), "the other ways are offered");
    assert!(!browser.get("/").await.text.contains(HERE));
    server.restart_with(&[("oidc_allow", "*"), ("oidc_sign_up", "allowed")]).await;
    sign_in_at(&browser, &provider, "oidc").await;
    let home = browser.get("/").await.text;
    assert!(home.contains("<bdi>ada2</bdi>"), "an account of his own: {home}");
}

#[tokio::test]
async fn a_mail_address_counts_when_the_provider_has_verified_it() {
    let provider = TestProvider::spawn("s1");
    let more = [("oidc_allow", "@example.org"), ("oidc_sign_up", "allowed")];
    let server = server(&provider.openid(), &more).await;
    for (mail, verified, status) in [
        ("eve@example.org", json!(false), 403),
        ("eve@example.org", json!("false"), 403),
        ("eve@example.org", json!(null), 403),
        ("eve@evil-example.org", json!(true), 403),
        ("eve@sub.example.org", json!(true), 403),
        ("eve@example.org@evil.example", json!(true), 403),
        ("bob@EXAMPLE.org", json!(true), 303),
    ] {
        let user = json!({ "sub": "s1", "email": mail, "email_verified": verified });
        provider.script().user = user;
        let back = sign_in_at(&Browser::new(&server), &provider, "oidc").await;
        assert_eq!(back.status, status, "{mail} {verified}");
        let unverified = mail == "eve@example.org";
        assert_eq!(back.text.contains("has not verified"), unverified, "{mail}");
    }
    assert!(user(&server, "bob").await.is_some() && user(&server, "eve").await.is_none());
}

#[tokio::test]
async fn the_first_account_is_never_a_strangers() {
    let provider = TestProvider::spawn("s1");
    let more = [("oidc_allow", "*"), ("oidc_sign_up", "allowed")];
    let server = TestServer::spawn_empty(&[&provider.openid()[..], &more].concat());
    let back = sign_in_at(&Browser::new(&server), &provider, "oidc").await;
    assert_eq!(back.status, 403);
    assert!(back.text.contains("not set up yet"), "{back:?}");
    let count = server.storage.read(users::count).await.unwrap();
    assert_eq!(count, 0);
}

#[tokio::test]
async fn a_linked_account_signs_in_until_it_is_unlinked() {
    let provider = TestProvider::spawn("s1");
    let server = server(&provider.openid(), &[]).await;
    let browser = Browser::new(&server);
    sign_in(&server, &browser).await;
    let linked = link(&browser, &provider).await;
    assert_eq!((linked.status, linked.header("location")), (303, "/account/identities"));
    let other = Browser::new(&server);
    assert_eq!(sign_in_at(&other, &provider, "oidc").await.status, 303);
    let again = other.get("/sign-in?to=security").await;
    let again = choose(&other, &again, "oidc").await.redirect_query();
    assert_eq!(again["prompt"], "login", "whoever is signed in has come to prove it again");
    assert!(other.get("/").await.text.contains("<bdi>ada</bdi>"));
    let page = browser.get("/account/identities").await;
    let (csrf, authority) = (page.own_field("csrf"), page.field("authority"));
    let unlink = |subject| {
        [("csrf", csrf.as_str()), ("do", "unlink"), ("authority", &authority), ("subject", subject)]
    };
    assert_eq!(browser.post("/account/identities", &unlink("s2")).await.status, 404);
    assert_eq!(browser.post("/account/identities", &unlink("s1")).await.status, 303);
    assert_eq!(sign_in_at(&Browser::new(&server), &provider, "oidc").await.status, 403);
}

#[tokio::test]
async fn what_is_somebody_elses_is_nobodys_to_link_or_to_unlink() {
    let provider = TestProvider::spawn("s1");
    let more = [("oidc_allow", "sub:s1"), ("oidc_sign_up", "allowed")];
    let server = server(&provider.openid(), &more).await;
    sign_in_at(&Browser::new(&server), &provider, "oidc").await;
    let ada = Browser::new(&server);
    let page = sign_in(&server, &ada).await;
    let taken = link(&ada, &provider).await;
    assert_eq!(taken.status, 403);
    assert!(taken.text.contains("belongs to somebody else here"), "{taken:?}");
    let csrf = page.own_field("csrf");
    let fields =
        [("csrf", &*csrf), ("do", "unlink"), ("authority", &*provider.url), ("subject", "s1")];
    assert_eq!(ada.post("/account/identities", &fields).await.status, 404);
    provider.script().user["sub"] = json!("s9");
    assert!(link(&ada, &provider).await.text.contains("may not come in here"));
}

#[tokio::test]
async fn the_last_way_to_sign_in_stays() {
    let provider = TestProvider::spawn("s1");
    let more = [
        ("oidc_allow", "*"),
        ("oidc_sign_up", "allowed"),
        ("password", "off"),
        ("passkeys", "off"),
    ];
    let server = server(&provider.openid(), &more).await;
    let browser = Browser::new(&server);
    let form = browser.get("/sign-in?to=account").await;
    assert!(!form.text.contains("password") && form.text.contains("Continue with"), "{form:?}");
    let (to, csrf) = (form.field("to"), form.field("csrf"));
    let fields = [("to", &*to), ("csrf", &*csrf), ("username", USER), ("password", PASSWORD)];
    assert_eq!(browser.post("/sign-in", &fields).await.status, 403, "it is off");
    sign_in_at(&browser, &provider, "oidc").await;
    let page = browser.get("/account/identities").await;
    let (csrf, authority) = (page.own_field("csrf"), page.field("authority"));
    let fields =
        [("csrf", &*csrf), ("do", "unlink"), ("authority", &*authority), ("subject", "s1")];
    let refused = browser.post("/account/identities", &fields).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("last way"), "{refused:?}");
    assert_eq!(sign_in_at(&Browser::new(&server), &provider, "oidc").await.status, 303);
}

#[tokio::test]
async fn changing_what_signs_in_needs_a_recent_sign_in_and_our_own_form() {
    let provider = TestProvider::spawn("s1");
    let server = server(&provider.openid(), &[]).await;
    let browser = Browser::new(&server);
    let to_sign_in = "/sign-in?to=security";
    assert_eq!(browser.get("/account/identities").await.header("location"), to_sign_in);
    let page = sign_in(&server, &browser).await;
    let csrf = page.own_field("csrf");
    let fields = |csrf| [("csrf", csrf), ("do", "link"), ("provider", "oidc")];
    assert_eq!(browser.post("/account/identities", &fields("x")).await.status, 403);
    let unknown = [("csrf", &*csrf), ("do", "link"), ("provider", "nobody")];
    assert_eq!(browser.post("/account/identities", &unknown).await.status, 400);
    let sent = browser.post("/account/identities", &fields(&csrf)).await;
    let back = provider.consent(&sent);
    server.advance(900);
    assert_eq!(
        browser.post("/account/identities", &fields(&csrf)).await.header("location"),
        to_sign_in
    );
    assert_eq!(browser.get(&back).await.status, 403, "the step is over");
}

#[tokio::test]
async fn linking_ends_in_the_session_in_which_it_began() {
    let provider = TestProvider::spawn("s1");
    let more = [("oidc_allow", "*"), ("oidc_sign_up", "allowed")];
    let server = server(&provider.openid(), &more).await;
    let browser = Browser::new(&server);
    let page = sign_in(&server, &browser).await;
    let csrf = page.own_field("csrf");
    let fields = [("csrf", &*csrf), ("do", "link"), ("provider", "oidc")];
    let sent = browser.post("/account/identities", &fields).await;
    let back = provider.consent(&sent);
    // Meanwhile somebody else has signed in in the same browser.
    provider.script().user["sub"] = json!("s2");
    sign_in_at(&browser, &provider, "oidc").await;
    provider.script().user["sub"] = json!("s1");
    assert_eq!(browser.get(&back).await.status, 403);
    sign_in(&server, &browser).await;
    assert!(!browser.get("/account/identities").await.text.contains("value=\"s1\""));
}

#[tokio::test]
async fn a_disabled_account_does_not_come_in() {
    let provider = TestProvider::spawn("s1");
    let more = [("oidc_allow", "*"), ("oidc_sign_up", "allowed")];
    let server = server(&provider.openid(), &more).await;
    sign_in_at(&Browser::new(&server), &provider, "oidc").await;
    let (id, now) = (user(&server, "user").await.unwrap().id, server.clock.now());
    let disable = move |conn: &mut _| mcp_oauthd::revocation::disable_user(conn, &id, now);
    server.storage.write(disable).await.unwrap();
    let browser = Browser::new(&server);
    let back = sign_in_at(&browser, &provider, "oidc").await;
    assert_eq!(back.status, 403);
    assert!(back.text.contains("switched off") && !browser.get("/").await.text.contains(HERE));
}

#[tokio::test]
async fn a_second_factor_is_asked_for_after_a_provider_too() {
    let provider = TestProvider::spawn("s1");
    let more = [("oidc_allow", "*"), ("oidc_sign_up", "allowed"), ("second_factor", "required")];
    let server = server(&provider.openid(), &more).await;
    let browser = Browser::new(&server);
    let back = sign_in_at(&browser, &provider, "oidc").await;
    let place = back.header("location").to_owned();
    assert!(place.starts_with("/sign-in/new-second-factor?step="), "{back:?}");
    assert!(!browser.get("/").await.text.contains(HERE), "not signed in before that");
}

#[tokio::test]
async fn an_app_gets_its_answer_by_way_of_a_provider() {
    let provider = TestProvider::spawn("s1");
    let more = [("oidc_allow", "*"), ("oidc_sign_up", "allowed")];
    let server = server(&provider.openid(), &more).await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let form = browser.sign_in_form(&client.request()).await;
    let (request, csrf) = (form.field("request"), form.field("csrf"));
    let fields = [("request", &*request), ("csrf", &*csrf), ("provider", "oidc")];
    let sent = browser.post("/sign-in/provider", &fields).await;
    let back = browser.get(&provider.consent(&sent)).await;
    assert_eq!(back.header("location"), format!("/consent?request={request}"));
    assert_eq!(browser.get(back.header("location")).await.status, 200);
}

#[tokio::test]
async fn github_knows_people_by_number_verified_mail_and_organisation() {
    let provider = TestProvider::spawn("");
    provider.script().emails = json!([
        { "email": "octo@old.example", "verified": false, "primary": true, "visibility": null },
        { "email": "Octo@Example.org", "verified": true, "primary": false, "visibility": null },
    ]);
    let sign_up = ("github_sign_up", "allowed");
    let mut server =
        server(&provider.github(), &[("github_allow", "user:OCTO-ADA"), sign_up]).await;
    let entered = async |server: &TestServer| {
        sign_in_at(&Browser::new(server), &provider, "github").await.status
    };
    assert_eq!(entered(&server).await, 303);
    assert!(user(&server, "octo-ada").await.is_some());
    for (allow, status) in [
        ("@example.org", 303),
        ("@old.example", 403),
        ("sub:4711", 303),
        ("user:ada", 403),
        ("org:acme", 403),
    ] {
        server.restart_with(&[("github_allow", allow)]).await;
        assert_eq!(entered(&server).await, status, "{allow}");
    }
    provider.script().organisations.push("acme");
    server.restart_with(&[("github_allow", "org:Acme")]).await;
    assert_eq!(entered(&server).await, 303);
    // Another account with the login of before is another person.
    provider.script().user["id"] = json!(4712);
    assert_eq!(entered(&server).await, 303);
    assert!(user(&server, "octo-ada2").await.is_some());
    let form = Browser::new(&server).get("/sign-in?to=account").await;
    let sent = choose(&Browser::new(&server), &form, "github").await;
    assert_eq!(sent.status, 403, "another browser's form: {sent:?}");
}
