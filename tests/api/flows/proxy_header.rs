//! A reverse proxy that says who is there: believed from where it is declared, and nowhere else.

use mcp_oauthd::storage::users;
use reqwest::header::ORIGIN;

use crate::support::{Browser, Page, TestServer, page};

const FROM_HERE: [(&str, &str); 2] =
    [("proxy_header", "Remote-User"), ("proxy_header_from", "127.0.0.1")];
const HEADER: &str = "Remote-User";

async fn get(browser: &Browser, path: &str, names: &[&str]) -> Page {
    let mut request = browser.http.get(format!("{}{path}", browser.url));
    for name in names {
        request = request.header(HEADER, *name);
    }
    page(request).await
}

/// Presses the button of a page on which `shown` stands, while the proxy says `names`.
async fn press(browser: &Browser, shown: &str, names: &[&str]) -> Page {
    let form = get(browser, "/sign-in?to=account", &[shown]).await;
    let (to, csrf) = (form.field("to"), form.field("csrf"));
    let fields = [("to", &*to), ("csrf", &*csrf), ("name", shown)];
    let mut request = browser.http.post(format!("{}/sign-in/proxy", browser.url));
    for name in names {
        request = request.header(HEADER, *name);
    }
    page(request.header(ORIGIN, &browser.url).form(&fields)).await
}

#[tokio::test]
async fn whom_the_proxy_names_is_signed_in_by_a_button_and_not_by_looking() {
    let server = TestServer::spawn_with(&FROM_HERE).await;
    let browser = Browser::new(&server);
    let form = get(&browser, "/sign-in?to=account", &["Ada"]).await;
    assert!(form.text.contains("Continue as <bdi>ada</bdi>"), "{form:?}");
    assert!(!browser.get("/").await.text.contains("Signed in as"), "looking changes nothing");
    let passed = press(&browser, "ada", &["Ada"]).await;
    assert_eq!((passed.status, passed.header("location")), (303, "/account"), "{passed:?}");
    assert!(browser.get("/").await.text.contains("<bdi>ada</bdi>"));
}

#[tokio::test]
async fn from_anywhere_else_the_header_says_nothing() {
    let elsewhere =
        [FROM_HERE[0], ("proxy_header_from", "10.0.0.0/8"), ("trusted_proxies", "127.0.0.1")];
    let server = TestServer::spawn_with(&elsewhere).await;
    let browser = Browser::new(&server);
    let url = format!("{}/sign-in?to=account", server.url);
    let claiming =
        browser.http.get(url).header(HEADER, "ada").header("X-Forwarded-For", "10.0.0.1");
    let form = page(claiming).await;
    assert!(!form.text.contains("Continue as"), "the connection counts: {form:?}");
    let refused = press(&browser, "ada", &["ada"]).await;
    assert_eq!(refused.status, 403);
    assert!(refused.text.contains("has not come by the way"), "{refused:?}");
    assert!(!browser.get("/").await.text.contains("Signed in as"));
}

#[tokio::test]
async fn it_is_one_name_or_nobody() {
    let server = TestServer::spawn_with(&FROM_HERE).await;
    for names in [&[][..], &[""], &["ada", "ada"], &["eve", "ada"], &["ada, eve"], &["a b"]] {
        let browser = Browser::new(&server);
        let refused = press(&browser, "ada", names).await;
        assert_eq!(refused.status, 403, "{names:?}");
        assert!(!browser.get("/").await.text.contains("Signed in as"), "{names:?}");
    }
}

#[tokio::test]
async fn without_the_setting_there_is_no_such_way() {
    let server = TestServer::spawn().await;
    let browser = Browser::new(&server);
    assert!(!get(&browser, "/sign-in?to=account", &["ada"]).await.text.contains("Continue as"));
    assert_eq!(press(&browser, "ada", &["ada"]).await.status, 403);
}

#[tokio::test]
async fn who_is_unknown_here_gets_an_account_where_the_operator_wants_that() {
    let mut server = TestServer::spawn_with(&FROM_HERE).await;
    let unknown = press(&Browser::new(&server), "bob", &["bob"]).await;
    assert_eq!(unknown.status, 403);
    assert!(unknown.text.contains("Nobody here is called <bdi>bob</bdi>"), "{unknown:?}");
    server.restart_with(&[("proxy_header_sign_up", "allowed")]).await;
    assert_eq!(press(&Browser::new(&server), "bob", &["bob"]).await.status, 303);
    let bob = server.storage.read(|conn| users::find_by_name(conn, "bob")).await.unwrap().unwrap();
    assert_eq!(bob.role.to_string(), "member");
    let now = server.clock.now();
    let disable = move |conn: &mut _| mcp_oauthd::revocation::disable_user(conn, &bob.id, now);
    server.storage.write(disable).await.unwrap();
    let off = press(&Browser::new(&server), "bob", &["bob"]).await;
    assert!(off.status == 403 && off.text.contains("switched off"), "{off:?}");
    let empty =
        TestServer::spawn_empty(&[&FROM_HERE[..], &[("proxy_header_sign_up", "allowed")]].concat());
    assert_eq!(press(&Browser::new(&empty), "eve", &["eve"]).await.status, 403, "no owner yet");
}

#[tokio::test]
async fn a_session_of_the_proxys_is_not_used_for_somebody_else() {
    let settings = [&FROM_HERE[..], &[("proxy_header_sign_up", "allowed")]].concat();
    let server = TestServer::spawn_with(&settings).await;
    let browser = Browser::new(&server);
    press(&browser, "ada", &["ada"]).await;
    assert!(get(&browser, "/", &["ada"]).await.text.contains("Signed in as"));
    assert!(get(&browser, "/", &[]).await.text.contains("Signed in as"), "nothing is said here");
    assert!(!get(&browser, "/", &["bob"]).await.text.contains("Signed in as"));
    let page = get(&browser, "/account/identities", &["bob"]).await;
    assert_eq!(page.header("location"), "/sign-in?to=security");
    assert_eq!(press(&browser, "bob", &["bob"]).await.status, 303);
    assert!(get(&browser, "/", &["bob"]).await.text.contains("<bdi>bob</bdi>"));
    assert_eq!(press(&browser, "ada", &["bob"]).await.status, 403, "the page said another name");
}

#[tokio::test]
async fn a_second_factor_is_asked_for_after_the_proxy_too() {
    let settings = [&FROM_HERE[..], &[("second_factor", "required")]].concat();
    let server = TestServer::spawn_with(&settings).await;
    let browser = Browser::new(&server);
    let passed = press(&browser, "ada", &["ada"]).await;
    assert!(passed.header("location").starts_with("/sign-in/new-second-factor?"), "{passed:?}");
    assert!(!browser.get("/").await.text.contains("Signed in as"));
}

#[tokio::test]
async fn it_can_be_the_only_way() {
    let off = [("password", "off"), ("passkeys", "off")];
    let server = TestServer::spawn_with(&[&FROM_HERE[..], &off].concat()).await;
    let form = get(&Browser::new(&server), "/sign-in?to=account", &["ada"]).await;
    assert!(!form.text.contains("password") && form.text.contains("Continue as"), "{form:?}");
    assert_eq!(press(&Browser::new(&server), "ada", &["ada"]).await.status, 303);
}
