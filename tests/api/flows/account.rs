//! `/account`: what somebody has connected, and the end of it; the password; the browsers.

use mcp_oauthd::accounts::password::{NewPassword, Passwords};
use mcp_oauthd::accounts::{Username, add_user, session};
use mcp_oauthd::storage::events::{self, Event};
use mcp_oauthd::storage::{Method, StorageError, users};
use serde_json::json;

use crate::support::{Browser, OAuthClient, PASSWORD, Page, TestServer, USER};

/// Signs in without any app.
pub(super) async fn sign_in(browser: &Browser, name: &str, password: &str, to: &str) -> Page {
    let form = browser.get(&format!("/sign-in?to={to}")).await;
    let csrf = form.field("csrf");
    let fields = [("to", to), ("csrf", &*csrf), ("username", name), ("password", password)];
    browser.post("/sign-in", &fields).await
}

/// A browser in which `name` has just signed in.
pub(super) async fn signed_in(server: &TestServer, name: &str) -> Browser {
    let browser = Browser::new(server);
    let sent = sign_in(&browser, name, PASSWORD, "account").await;
    assert_eq!((sent.status, sent.header("location")), (303, "/account"), "{sent:?}");
    browser
}

/// A member with the same password as everybody.
pub(super) async fn add(server: &TestServer, name: &str) {
    let name = Username::parse(name).unwrap();
    let hashed = NewPassword::parse(PASSWORD.into(), &name).unwrap();
    let hashed = Passwords::new(1).unwrap().hash(hashed).await.unwrap();
    let now = server.clock.now();
    let add = move |conn: &mut _| add_user(conn, &name, &hashed, None, now).map(|_| ());
    server.storage.write::<_, StorageError>(add).await.unwrap();
}

/// Ids of what stands in the list.
fn ids(page: &Page) -> Vec<String> {
    let links = page.text.split("/account/disconnect?grant=").skip(1);
    let ids = links.map(|rest| rest.split('"').next().unwrap().to_owned());
    ids.filter(|id| id != "all").collect()
}

async fn disconnect(browser: &Browser, csrf: &str, grant: &str) -> Page {
    browser.post("/account/disconnect", &[("csrf", csrf), ("grant", grant)]).await
}

async fn events_of(server: &TestServer, kind: Event) -> Vec<Option<String>> {
    let all = server.storage.read(|conn| events::list(conn, 1000)).await.unwrap();
    all.into_iter().filter(|event| event.kind == kind).map(|event| event.subject.detail).collect()
}

#[tokio::test]
async fn a_connected_app_is_shown_and_dead_at_its_next_request_when_it_is_disconnected() {
    let server = TestServer::spawn().await;
    let browser = signed_in(&server, USER).await;
    assert!(browser.get("/account").await.text.contains("No app is connected"));
    let client = OAuthClient::register_with(
        &server,
        json!({ "token_endpoint_auth_method": "none", "client_name": "<b>Clau\u{202e}de</b>" }),
    )
    .await;
    let tokens = client.connect(&browser).await;
    server.advance(2 * 3600);
    let tokens = client.refresh(&tokens.text("refresh_token")).await;
    server.advance(60);
    let browser = signed_in(&server, USER).await;
    let page = browser.get("/account").await;
    for shown in [
        "<bdi>&#60;b&#62;Claude&#60;/b&#62;</bdi>",
        "Self-declared",
        "https://wiki.example.org/mcp",
        "<bdi>wiki</bdi>",
        "call its tools",
        ">2 hours ago</time>",
        ">1 minute ago</time>, from <bdi>127.0.0.1</bdi>",
    ] {
        assert!(page.text.contains(shown), "{shown} in {}", page.text);
    }
    let [id] = &*ids(&page) else { panic!("{page:?}") };
    let question = browser.get(&format!("/account/disconnect?grant={id}")).await;
    assert!(question.text.contains("it asks you to connect again"), "{question:?}");
    assert_eq!(client.introspect(&tokens.text("access_token")).await.body["active"], true);
    let ended = disconnect(&browser, &question.csrf("/account/disconnect"), id).await;
    assert_eq!((ended.status, ended.header("location")), (303, "/account"));
    assert_eq!(client.introspect(&tokens.text("access_token")).await.body["active"], false);
    let refused = client.refresh(&tokens.text("refresh_token")).await;
    assert_eq!(refused.error(), (400, "invalid_grant"));
    assert_eq!(events_of(&server, Event::GrantRevoked).await, [Some("person".to_owned())]);
    assert!(browser.get("/account").await.text.contains("No app is connected"));
    let again = disconnect(&browser, &question.csrf("/account/disconnect"), id).await;
    assert_eq!(again.status, 303, "pressed twice: it is over all the same");
}

#[tokio::test]
async fn an_app_of_somebody_else_is_the_same_as_none() {
    let server = TestServer::spawn().await;
    add(&server, "bob").await;
    let (ada, bob) = (signed_in(&server, USER).await, signed_in(&server, "bob").await);
    let client = OAuthClient::register(&server).await;
    let tokens = client.connect(&ada).await;
    let id = ids(&ada.get("/account").await).pop().unwrap();
    assert!(ids(&bob.get("/account").await).is_empty());
    let csrf = bob.get("/account/disconnect?grant=all").await.csrf("/account/disconnect");
    let mut answers = vec![];
    for grant in [&*id, "1", "x", ""] {
        let asked = bob.get(&format!("/account/disconnect?grant={grant}")).await;
        let sent = disconnect(&bob, &csrf, grant).await;
        for page in [asked, sent] {
            let message = page.text.split("<p class=\"lead\">").nth(1).unwrap();
            answers.push((page.status, message.split("</p>").next().unwrap().to_owned()));
        }
    }
    assert_eq!(answers[0].0, 404);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(disconnect(&bob, &csrf, "all").await.status, 303);
    assert_eq!(client.introspect(&tokens.text("access_token")).await.body["active"], true);
}

#[tokio::test]
async fn all_apps_are_disconnected_at_once() {
    let server = TestServer::spawn().await;
    let browser = signed_in(&server, USER).await;
    let client = OAuthClient::register(&server).await;
    let tokens = [client.connect(&browser).await, client.connect(&browser).await];
    assert_eq!(ids(&browser.get("/account").await).len(), 2);
    // A yes that the app has not made use of yet.
    let code = client.code(&browser).await;
    let question = browser.get("/account/disconnect?grant=all").await;
    assert_eq!(
        disconnect(&browser, &question.csrf("/account/disconnect"), "all").await.status,
        303
    );
    for tokens in tokens {
        assert_eq!(client.introspect(&tokens.text("access_token")).await.body["active"], false);
    }
    assert_eq!(client.exchange(&code).await.error(), (400, "invalid_grant"));
    assert_eq!(events_of(&server, Event::AppsDisconnected).await, [Some("2".to_owned())]);
}

#[tokio::test]
async fn nobody_sees_or_changes_anything_without_a_session_or_the_form_of_it() {
    let server = TestServer::spawn().await;
    let paths = [
        ("/account", "account"),
        ("/account/disconnect", "account"),
        ("/account/security", "security"),
        ("/account/password", "security"),
        ("/account/sessions", "security"),
        ("/account/totp", "security"),
    ];
    let (stranger, ada) = (Browser::new(&server), signed_in(&server, USER).await);
    add(&server, "bob").await;
    let bob = signed_in(&server, "bob").await;
    for (path, goal) in paths {
        let page = stranger.get(path).await;
        let place = format!("/sign-in?to={goal}");
        assert_eq!((page.status, page.header("location")), (303, &*place), "{path}");
        if path == "/account" || path == "/account/security" {
            assert_eq!(stranger.post(path, &[]).await.status, 405, "{path}");
            continue;
        }
        let sent = stranger.post(path, &[]).await;
        assert_eq!((sent.status, sent.header("location")), (303, &*place), "{path}");
        assert_eq!(ada.post(path, &[]).await.status, 403, "{path} without its token");
        let asked =
            if path == "/account/disconnect" { format!("{path}?grant=all") } else { path.into() };
        let bobs = bob.get(&asked).await.csrf(path);
        assert_eq!(ada.post(path, &[("csrf", &bobs)]).await.status, 403, "{path} of another");
    }
    server.advance(15 * 60);
    for (path, goal) in paths {
        let page = ada
            .get(&if path == "/account/disconnect" {
                format!("{path}?grant=all")
            } else {
                path.into()
            })
            .await;
        let only_recently = goal == "security" && path != "/account/security";
        assert_eq!(page.status, if only_recently { 303 } else { 200 }, "{path}");
    }
}

#[tokio::test]
async fn a_new_password_signs_others_out_and_gives_this_browser_another_cookie() {
    let server = TestServer::spawn().await;
    let (ada, elsewhere) = (signed_in(&server, USER).await, signed_in(&server, USER).await);
    let client = OAuthClient::register(&server).await;
    let tokens = client.connect(&ada).await;
    let form = ada.get("/account/password").await;
    assert!(form.text.contains(r#"value="ada" autocomplete="username" hidden"#), "{form:?}");
    let csrf = form.csrf("/account/password");
    let change = async |current: &str, new: &str, apps: &str| {
        let csrf = if apps.is_empty() {
            csrf.clone()
        } else {
            ada.get("/account/password").await.csrf("/account/password")
        };
        let fields = [("csrf", &*csrf), ("current", current), ("password", new), ("apps", apps)];
        ada.post("/account/password", &fields).await
    };
    let wrong = change("not this", "another phrase", "").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("current-problem") && wrong.text.contains("aria-invalid"));
    let easy = change(PASSWORD, "password1", "").await;
    assert_eq!(easy.status, 422);
    assert!(easy.text.contains(r#"id="password-problem">This password is one of the first"#));
    let done = change(PASSWORD, "another phrase", "").await;
    assert_eq!(done.status, 303, "{done:?}");
    assert!(done.header("set-cookie").starts_with("mcp_oauthd_session=mse_"));
    let overview = ada.get(done.header("location")).await;
    assert!(overview.text.contains("Your password is changed"), "{overview:?}");
    assert!(!ada.get("/account/security?done=forged").await.text.contains("is changed"));
    assert_eq!(elsewhere.get("/account").await.status, 303, "signed out");
    assert_eq!(client.introspect(&tokens.text("access_token")).await.body["active"], true);
    assert_eq!(
        change("another phrase", PASSWORD, "").await.status,
        403,
        "a form of the old cookie"
    );
    assert_eq!(change("another phrase", "a third phrase", "disconnect").await.status, 303);
    assert_eq!(client.introspect(&tokens.text("access_token")).await.body["active"], false);
    let again = sign_in(&Browser::new(&server), USER, PASSWORD, "account").await;
    assert_eq!(again.status, 401, "the old one");
    let again = sign_in(&Browser::new(&server), USER, "a third phrase", "account").await;
    assert_eq!(again.status, 303);
}

#[tokio::test]
async fn wrong_current_passwords_count_like_a_sign_in() {
    let server = TestServer::spawn_with(&[("limit_sign_in_per_account", "3")]).await;
    let ada = signed_in(&server, USER).await;
    let csrf = ada.get("/account/password").await.csrf("/account/password");
    let fields = [("csrf", &*csrf), ("current", "a guess"), ("password", "another phrase")];
    for _ in 0..3 {
        assert_eq!(ada.post("/account/password", &fields).await.status, 422);
    }
    let held_up = ada.post("/account/password", &fields).await;
    assert_eq!(held_up.status, 429);
    assert!(held_up.header("retry-after").parse::<u32>().unwrap() > 0);
    let elsewhere = sign_in(&Browser::new(&server), USER, PASSWORD, "account").await;
    assert_eq!(elsewhere.status, 429, "they are the same attempts");
}

#[tokio::test]
async fn where_there_is_no_password_the_first_one_is_set() {
    let server = TestServer::spawn().await;
    let name = "eve";
    let now = server.clock.now();
    // Somebody who has come in another way.
    let arrival = mcp_oauthd::storage::sessions::Arrival::by(Method::Provider);
    let browser = session::Browser { arrival, before: None };
    let lifetimes = session::SessionLifetimes {
        absolute: mcp_oauthd::clock::Seconds(3600),
        idle: mcp_oauthd::clock::Seconds(3600),
    };
    let enter = move |conn: &mut _| {
        let id = mcp_oauthd::oauth::UserId::generate();
        let role = mcp_oauthd::storage::Role::Member;
        let user = users::User::new(id, name.to_owned(), role, now);
        users::insert(conn, &user)?;
        session::sign_in(conn, &user, &browser, lifetimes, now)
    };
    let cookie = server.storage.write(enter).await.unwrap().unwrap().reveal();
    let eve = Browser::with_cookie(&server, &format!("mcp_oauthd_session={cookie}"));
    let overview = eve.get("/account/security").await;
    assert!(overview.text.contains("You have no password"), "{overview:?}");
    let form = eve.get("/account/password").await;
    assert!(!form.text.contains("Current password"));
    let fields = [("csrf", &*form.csrf("/account/password")), ("password", "a first phrase")];
    assert_eq!(eve.post("/account/password", &fields).await.status, 303);
    let entered = sign_in(&Browser::new(&server), name, "a first phrase", "account").await;
    assert_eq!(entered.status, 303);
}

#[tokio::test]
async fn passwords_that_are_switched_off_cannot_be_set() {
    let mut server = TestServer::spawn().await;
    let ada = signed_in(&server, USER).await;
    let proxy = [("proxy_header", "Remote-User"), ("proxy_header_from", "192.0.2.1")];
    server.restart_with(&[&proxy[..], &[("password", "off")]].concat()).await;
    let page = ada.get("/account/password").await;
    assert!(page.text.contains("Passwords are switched off"), "{page:?}");
    assert!(!page.text.contains("name=\"password\""), "there is no form");
    let csrf = ada.get("/account/totp").await.csrf("/account/totp");
    let fields = [("csrf", &*csrf), ("current", PASSWORD), ("password", "another phrase")];
    assert_eq!(ada.post("/account/password", &fields).await.status, 403);
}

#[tokio::test]
async fn browsers_are_listed_and_signed_out_one_by_one_and_all_at_once() {
    let server = TestServer::spawn().await;
    add(&server, "bob").await;
    let bob = signed_in(&server, "bob").await;
    let ada = signed_in(&server, USER).await;
    let phone = Browser::with_agent(&server, "Mozilla/5.0 (Android 15; rv:143.0) Firefox/143.0");
    assert_eq!(sign_in(&phone, USER, PASSWORD, "account").await.status, 303);
    let odd = Browser::with_agent(&server, "<script>alert(1)</script>");
    assert_eq!(sign_in(&odd, USER, PASSWORD, "account").await.status, 303);
    let page = ada.get("/account/sessions").await;
    for shown in ["<bdi>Firefox</bdi> on <bdi>Android</bdi>", "This browser", "with a password"] {
        assert!(page.text.contains(shown), "{shown} in {}", page.text);
    }
    assert_eq!(page.text.matches("This browser").count(), 1);
    assert_eq!(page.text.matches("Unknown browser").count(), 2);
    assert!(!page.text.contains("<script"));
    let csrf = page.csrf("/account/sessions");
    let id = page.text.split("Firefox</bdi>").next().unwrap();
    let id = id.rsplit("id=\"browser-").next().unwrap().split('"').next().unwrap().to_owned();
    let bobs = bob.get("/account/sessions").await;
    let stolen = [("csrf", &*bobs.csrf("/account/sessions")), ("session", &*id)];
    assert_eq!(bob.post("/account/sessions", &stolen).await.status, 404, "not his");
    let sent = ada.post("/account/sessions", &[("csrf", &csrf), ("session", &id)]).await;
    assert_eq!(sent.status, 303);
    assert_eq!(phone.get("/account").await.status, 303, "signed out");
    assert_eq!(odd.get("/account").await.status, 200);
    let sent = ada.post("/account/sessions", &[("csrf", &csrf), ("session", &id)]).await;
    assert_eq!(sent.status, 404, "there is none any more");
    let sent = ada.post("/account/sessions", &[("csrf", &csrf), ("which", "others")]).await;
    assert_eq!(sent.status, 303);
    assert_eq!((odd.get("/account").await.status, ada.get("/account").await.status), (303, 200));
    assert_eq!(ada.post("/account/sessions", &[("csrf", &csrf)]).await.status, 400);
    let sent = ada.post("/account/sessions", &[("csrf", &csrf), ("which", "all")]).await;
    assert_eq!((sent.status, sent.header("location")), (303, "/sign-out"));
    assert_eq!(ada.get("/account").await.status, 303);
    assert_eq!(bob.get("/account").await.status, 200, "nobody else");
}
