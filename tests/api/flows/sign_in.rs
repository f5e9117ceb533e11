//! User name and password.

use mcp_oauthd::oauth::UserId;
use mcp_oauthd::storage::Role;
use mcp_oauthd::storage::users::{self, User};
use reqwest::header::ORIGIN;

use crate::support::{Browser, OAuthClient, PASSWORD, Page, TestServer, USER, page};

/// A page without what differs between any two pages.
fn without_ids(page: &Page) -> String {
    let mut text = page.text.clone();
    for name in ["request", "csrf"] {
        text = text.replace(&page.field(name), "");
    }
    text
}

async fn disable(server: &TestServer) {
    let now = server.clock.now();
    let disable = move |conn: &mut _| {
        let user = users::find_by_name(conn, USER)?.unwrap();
        // Somebody remains who can run the service.
        let other = User {
            password_hash: user.password_hash.clone(),
            ..User::new(UserId::generate(), "eve".to_owned(), Role::Owner, now)
        };
        users::insert(conn, &other)?;
        mcp_oauthd::revocation::disable_user(conn, &user.id, now)
    };
    server.storage.write(disable).await.unwrap().unwrap();
}

#[tokio::test]
async fn unknown_wrong_and_disabled_look_the_same() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let attempt = async |username: &str, password: &str| {
        let browser = Browser::new(&server);
        let form = browser.sign_in_form(&client.request()).await;
        let page = browser.send_password(&form, username, password).await;
        (page.status, without_ids(&page).replace(username, ""))
    };
    let wrong = attempt(USER, "wrong password").await;
    assert_eq!(wrong.0, 401);
    assert_eq!(attempt("bob", "wrong password").await, wrong);
    assert_eq!(attempt("not a name", "wrong password").await, wrong);
    assert_eq!(attempt("bob", &"x".repeat(5000)).await, wrong);
    disable(&server).await;
    assert_eq!(attempt(USER, PASSWORD).await, wrong);
}

#[tokio::test]
async fn the_cookie_is_new_at_each_sign_in_and_well_kept() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let mut seen = vec![];
    for _ in 0..2 {
        server.advance(1);
        let mut request = client.request();
        request.insert("prompt".to_owned(), "login".to_owned());
        let form = browser.sign_in_form(&request).await;
        let page = browser.send_password(&form, USER, PASSWORD).await;
        let cookie = page.header("set-cookie").to_owned();
        assert!(cookie.starts_with("mcp_oauthd_session=mse_"), "{cookie}");
        for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(attribute), "{attribute}");
        }
        assert!(!cookie.contains("Domain"));
        seen.push(cookie);
    }
    assert_ne!(seen[0], seen[1]);
    let old = reqwest::Client::new()
        .get(format!("{}/", server.url))
        .header("Cookie", seen[0].split(';').next().unwrap());
    let home = old.send().await.unwrap().text().await.unwrap();
    assert!(!home.contains("Signed in as"), "the session before has ended");
}

#[tokio::test]
async fn a_forged_cookie_signs_nobody_else_out() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let victim = Browser::new(&server);
    let form = victim.sign_in_form(&client.request()).await;
    let page = victim.send_password(&form, USER, PASSWORD).await;
    let session = page.header("set-cookie").split(';').next().unwrap().to_owned();
    // The id of the session, which is no secret, with another secret.
    let place = session.len() - 10;
    let other = if &session[place..=place] == "A" { "B" } else { "A" };
    let forged = format!("{}{other}{}", &session[..place], &session[place + 1..]);
    let attacker = Browser::new(&server);
    let pending = attacker.authorize(&client.request()).await;
    let form = attacker.get(pending.header("location")).await;
    let pending = pending.header("set-cookie").split(';').next().unwrap().to_owned();
    let (request, csrf) = (form.field("request"), form.field("csrf"));
    let fields =
        [("request", &*request), ("csrf", &*csrf), ("username", USER), ("password", PASSWORD)];
    let sent = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    let sent = sent.unwrap().post(format!("{}/sign-in", server.url)).header(ORIGIN, &server.url);
    let sent = sent.header("Cookie", format!("{pending}; {forged}")).form(&fields).send().await;
    assert_eq!(sent.unwrap().status(), 303);
    assert!(victim.get("/").await.text.contains("Signed in as"), "still");
}

#[tokio::test]
async fn on_https_cookies_are_held_to_the_host() {
    let server = TestServer::spawn_with(&[("issuer", "https://h.example"), ("limits", "on")]).await;
    let client = OAuthClient::register(&server).await;
    let page = Browser::new(&server).authorize(&client.request()).await;
    let cookie = page.header("set-cookie");
    assert!(cookie.starts_with("__Host-request-") && cookie.contains("Secure"), "{cookie}");
    assert_eq!(page.header("strict-transport-security"), "max-age=31536000");
}

/// Signs in from an address; the status, and how long to wait.
async fn attempt_from(server: &TestServer, address: &str, password: &str) -> (u16, String) {
    let client = OAuthClient::register(server).await;
    let browser = Browser::new(server);
    let form = browser.sign_in_form(&client.request()).await;
    let (request, csrf) = (form.field("request"), form.field("csrf"));
    let fields =
        [("request", &*request), ("csrf", &*csrf), ("username", "ADA"), ("password", password)];
    let request = browser.http.post(format!("{}/sign-in", server.url)).header(ORIGIN, &server.url);
    let sent = page(request.header("X-Forwarded-For", address).form(&fields)).await;
    (sent.status, sent.header("retry-after").to_owned())
}

#[tokio::test]
async fn guessing_is_held_up_wherever_it_comes_from_and_the_owner_still_gets_in() {
    let mut server = TestServer::spawn_with(&[("limit_sign_in_per_account", "3")]).await;
    let home = "198.51.100.7";
    assert_eq!(attempt_from(&server, home, PASSWORD).await.0, 303);
    for _ in 0..3 {
        assert_eq!(attempt_from(&server, "192.0.2.1", "wrong password").await.0, 401);
    }
    let (status, wait) = attempt_from(&server, "192.0.2.1", PASSWORD).await;
    assert_eq!(status, 429, "even with the right password");
    for n in 2..5 {
        let stranger = format!("192.0.2.{n}");
        assert_eq!(attempt_from(&server, &stranger, "wrong password").await.0, 401);
    }
    assert_eq!(attempt_from(&server, "192.0.2.5", "wrong password").await.0, 429, "no more");
    assert_eq!(attempt_from(&server, home, "mistyped").await.0, 401, "the owner may try");
    assert_eq!(attempt_from(&server, home, PASSWORD).await.0, 303, "and is not locked out");
    server.advance(wait.parse().unwrap());
    assert_eq!(attempt_from(&server, "192.0.2.1", PASSWORD).await.0, 303);
    server.restart().await;
    for n in 10..16 {
        let stranger = format!("192.0.2.{n}");
        assert_eq!(attempt_from(&server, &stranger, "wrong password").await.0, 401);
    }
    assert_eq!(attempt_from(&server, "192.0.2.16", "wrong password").await.0, 429);
    assert_eq!(attempt_from(&server, home, PASSWORD).await.0, 303, "after a restart too");
}

#[tokio::test]
async fn a_flood_of_passwords_is_told_to_come_back() {
    let server = TestServer::spawn_with(&[("limit_sign_in_per_address", "1000")]).await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let form = browser.sign_in_form(&client.request()).await;
    let (request, csrf) = (form.field("request"), form.field("csrf"));
    let attempts: Vec<_> = (0..150)
        .map(|n| {
            let name = format!("user{n}");
            let fields = [("request", &*request), ("csrf", &*csrf), ("username", &*name)];
            let url = format!("{}/sign-in", server.url);
            let sent = browser.http.post(url).header(ORIGIN, &server.url);
            tokio::spawn(page(sent.form(&[&fields[..], &[("password", "a guess")]].concat())))
        })
        .collect();
    let mut busy = 0;
    for attempt in attempts {
        let answer = attempt.await.unwrap();
        assert!([401, 503].contains(&answer.status), "{answer:?}");
        if answer.status == 503 {
            assert_eq!(answer.header("retry-after"), "5");
            assert!(answer.text.contains("Nothing was lost"), "{answer:?}");
            busy += 1;
        }
    }
    assert!(busy > 0);
    assert_eq!(browser.send_password(&form, USER, PASSWORD).await.status, 303);
}

#[tokio::test]
async fn forms_from_elsewhere_are_refused() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let form = browser.sign_in_form(&client.request()).await;
    let (request, csrf) = (form.field("request"), form.field("csrf"));
    let fields =
        |csrf| [("request", &*request), ("csrf", csrf), ("username", USER), ("password", PASSWORD)];
    let stale = browser.post("/sign-in", &fields("x")).await;
    assert_eq!(stale.status, 403);
    assert!(stale.text.contains("Please sign in again"));
    let foreign =
        browser.http.post(format!("{}/sign-in", server.url)).header(ORIGIN, "https://evil.example");
    assert_eq!(foreign.form(&fields(&csrf)).send().await.unwrap().status(), 403);
    assert_eq!(Browser::new(&server).post("/sign-in", &fields(&csrf)).await.status, 403);
    let in_url = format!("/sign-in?request={request}&username={USER}&password={PASSWORD}");
    assert_eq!(browser.get(&in_url).await.status, 200, "credentials count in a body only");
    assert_eq!(browser.send_password(&form, USER, PASSWORD).await.status, 303);
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_at_its_end() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    browser.question(&client.request()).await;
    let signed_in = async || browser.get("/").await.text.contains("Signed in as");
    for _ in 0..4 {
        server.advance(6 * 86_400);
        assert!(signed_in().await, "used within a week");
    }
    server.advance(6 * 86_400);
    assert!(!signed_in().await, "thirty days are the end");
    browser.question(&client.request()).await;
    server.advance(7 * 86_400);
    assert!(!signed_in().await, "a week without use, too");
}

#[tokio::test]
async fn signing_out_ends_the_session_on_this_side() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let question = browser.question(&client.request()).await;
    let (request, csrf) = (question.field("request"), question.field("csrf"));
    let wrong = browser.post("/sign-out", &[("request", &*request), ("csrf", "x")]).await;
    assert_eq!(wrong.status, 403);
    let out = browser.post("/sign-out", &[("request", &*request), ("csrf", &*csrf)]).await;
    assert_eq!(
        (out.status, out.header("location")),
        (303, &*format!("/sign-in?request={request}"))
    );
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert!(!browser.get("/").await.text.contains("Signed in as"));
    let again = browser.get(out.header("location")).await;
    assert_eq!(
        browser.send_password(&again, USER, PASSWORD).await.status,
        303,
        "the request goes on"
    );
}

#[tokio::test]
async fn signing_out_is_one_page_away() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    assert!(browser.get("/sign-out").await.text.contains("You are signed out"));
    for from_the_question in [true, false] {
        let question = browser.question(&client.request()).await;
        let asked = browser.get("/sign-out").await;
        assert!(asked.text.contains("Sign out?") && asked.text.contains(USER), "{asked:?}");
        let (request, csrf) = (question.field("request"), question.field("csrf"));
        let (enough, plain) = (("then", "nothing"), asked.field("csrf"));
        let form = if from_the_question {
            &[("request", &*request), ("csrf", &*csrf), enough][..]
        } else {
            &[("csrf", &*plain)]
        };
        let out = browser.post("/sign-out", form).await;
        assert_eq!((out.status, out.header("location")), (303, "/sign-out"));
        assert!(browser.get("/sign-out").await.text.contains("You are signed out"));
    }
}

#[tokio::test]
async fn disabling_a_user_ends_everything_at_once() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let tokens = client.connect(&browser).await;
    let code = client.code(&browser).await;
    disable(&server).await;
    assert!(!client.is_active(&tokens.text("access_token")).await);
    assert_eq!(client.refresh(&tokens.text("refresh_token")).await.error(), (400, "invalid_grant"));
    assert_eq!(client.exchange(&code).await.error(), (400, "invalid_grant"));
    assert!(!browser.get("/").await.text.contains("Signed in as"));
}
