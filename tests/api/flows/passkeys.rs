//! `/account/passkeys` and `/sign-in/passkey` over HTTP: who may, when, how often, and in whose words.

use mcp_oauthd::clock::UnixTime;
use mcp_oauthd::storage::passkeys::{self, Passkey};
use mcp_oauthd::storage::users;
use reqwest::header::{ACCEPT_LANGUAGE, ORIGIN};
use serde_json::Value;

use crate::support::{Browser, PASSWORD, Page, TestServer, USER, page};

/// A host with a name: an address cannot have passkeys. Where the tests listen does not matter to it.
const ISSUER: &str = "http://localhost";

async fn server(more: &[(&str, &str)]) -> TestServer {
    TestServer::spawn_with(&[&[("issuer", ISSUER)], more].concat()).await
}

async fn send(browser: &Browser, path: &str, form: &[(&str, &str)]) -> Page {
    let request = browser.http.post(format!("{}{path}", browser.url));
    page(request.header(ORIGIN, ISSUER).form(form)).await
}

async fn sign_in(browser: &Browser) {
    let form = browser.get("/sign-in?to=security").await;
    let csrf = form.field("csrf");
    let fields = [("to", "security"), ("csrf", &*csrf), ("username", USER), ("password", PASSWORD)];
    assert_eq!(send(browser, "/sign-in", &fields).await.status, 303);
}

/// The field of the form that is sent to this path.
fn csrf_of(page: &Page, path: &str) -> String {
    let (_, rest) = page.text.split_once(&format!("action=\"{path}\"")).unwrap();
    let (_, rest) = rest.split_once("name=\"csrf\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

fn json(page: &Page) -> Value {
    serde_json::from_str(&page.text).unwrap_or_else(|_| panic!("{page:?}"))
}

#[tokio::test]
async fn options_are_json_and_the_ceremony_is_tied_to_the_browser() {
    let server = server(&[]).await;
    let browser = Browser::new(&server);
    let form = browser.get("/sign-in?to=account").await;
    let policy = form.header("content-security-policy");
    assert!(policy.contains("script-src 'self'") && policy.contains("connect-src 'self'"));
    assert!(!policy.contains("unsafe") && policy.contains("default-src 'none'"), "{policy}");
    let csrf = csrf_of(&form, "/sign-in/passkey");
    let fields = [("to", "account"), ("csrf", &*csrf)];
    let begun = send(&browser, "/sign-in/passkey/options", &fields).await;
    assert_eq!((begun.status, begun.header("cache-control")), (200, "no-store"));
    let said = json(&begun);
    let ceremony = said["ceremony"].as_str().unwrap();
    let cookie = format!("mcp_oauthd_sign-in-{ceremony}=");
    assert!(begun.header("set-cookie").starts_with(&cookie), "{begun:?}");
    assert!(!begun.text.contains("allow_backup"), "the state stays here: {}", begun.text);
    assert_eq!(said["options"]["publicKey"]["rpId"], "localhost");
    // The next one takes its place, and a cancelled one leaves nothing.
    let again = [("to", "account"), ("csrf", &*csrf), ("ceremony", ceremony)];
    let next = send(&browser, "/sign-in/passkey/options", &again).await;
    let cleared = |page: &Page, id: &str| {
        let cookies = page.headers.get_all("set-cookie").iter();
        let expected = format!("mcp_oauthd_sign-in-{id}=;");
        cookies.filter(|cookie| cookie.to_str().unwrap().starts_with(&expected)).count()
    };
    assert_eq!(cleared(&next, ceremony), 1, "{next:?}");
    let said = json(&next);
    let ceremony = said["ceremony"].as_str().unwrap();
    let cancel = [("to", "account"), ("csrf", &*csrf), ("ceremony", ceremony), ("cancel", "yes")];
    let cancelled = send(&browser, "/sign-in/passkey/options", &cancel).await;
    assert_eq!((cancelled.status, cleared(&cancelled, ceremony)), (204, 1), "{cancelled:?}");
    let waiting = server.storage.read(mcp_oauthd::storage::sign_ins::count).await;
    assert_eq!(waiting.unwrap(), 0);
}

#[tokio::test]
async fn a_passkey_is_changed_shortly_after_a_sign_in_only() {
    let server = server(&[]).await;
    let browser = Browser::new(&server);
    sign_in(&browser).await;
    let fresh = browser.get("/account/passkeys").await;
    let csrf = csrf_of(&fresh, "/account/passkeys");
    server.advance(15 * 60);
    let stale = browser.get("/account/passkeys").await;
    assert_eq!(stale.status, 200);
    assert!(stale.text.contains("sign in again first") && !stale.text.contains("data-passkey="));
    for path in ["", "/options", "/rename", "/remove", "/required"] {
        let fields = [("csrf", &*csrf), ("name", "phone"), ("required", "yes")];
        let sent = send(&browser, &format!("/account/passkeys{path}"), &fields).await;
        assert_eq!((sent.status, sent.header("location")), (303, "/sign-in?to=security"), "{path}");
    }
}

#[tokio::test]
async fn every_form_is_for_one_thing_and_one_session() {
    let server = server(&[]).await;
    let (browser, other) = (Browser::new(&server), Browser::new(&server));
    sign_in(&browser).await;
    sign_in(&other).await;
    let own = csrf_of(&browser.get("/account/passkeys").await, "/account/passkeys");
    let foreign = csrf_of(&other.get("/account/passkeys").await, "/account/passkeys");
    for path in ["", "/options", "/rename", "/remove", "/required"] {
        for csrf in ["", &*foreign] {
            let fields = [("csrf", csrf), ("name", "phone"), ("required", "yes")];
            let sent = send(&browser, &format!("/account/passkeys{path}"), &fields).await;
            assert_eq!(sent.status, 403, "{path}");
        }
    }
    let fields = [("csrf", &*own), ("required", "yes")];
    let sent = send(&browser, "/account/passkeys/required", &fields).await;
    assert_eq!(sent.status, 403, "the proof of the other form");
    assert_eq!(
        browser.get("/account/passkeys/required").await.header("location"),
        "/account/passkeys"
    );
    assert_eq!(browser.get("/account/passkeys/options").await.status, 405);
    assert_eq!(
        browser.get("/sign-in/passkey?to=account").await.header("location"),
        "/sign-in?to=account"
    );
}

#[tokio::test]
async fn what_is_refused_is_said_in_the_persons_language() {
    let server = server(&[]).await;
    let browser = Browser::new(&server);
    sign_in(&browser).await;
    let csrf = csrf_of(&browser.get("/account/passkeys").await, "/account/passkeys");
    let request = browser.http.post(format!("{}/account/passkeys/options", browser.url));
    let request = request.header(ORIGIN, ISSUER).header(ACCEPT_LANGUAGE, "de");
    let sent = page(request.form(&[("csrf", &*csrf), ("name", "\u{200b}")])).await;
    assert_eq!(sent.status, 422);
    let problem = json(&sent)["problem"].as_str().unwrap().to_owned();
    assert_eq!(problem, "Geben Sie dem Passkey einen Namen, an dem Sie ihn wiedererkennen.");
    let form = browser.get("/account/passkeys").await;
    let csrf = csrf_of(&form, "/account/passkeys");
    let sent = send(&browser, "/account/passkeys", &[("csrf", &csrf), ("name", "phone")]).await;
    assert_eq!(sent.status, 403, "without a ceremony: {sent:?}");
}

#[tokio::test]
async fn passkeys_of_a_former_host_are_named_as_such() {
    let server = server(&[]).await;
    let browser = Browser::new(&server);
    sign_in(&browser).await;
    let keep = |conn: &mut _| {
        let user_id = users::find_by_name(conn, USER)?.unwrap().id;
        users::set_passkey_required(conn, &user_id, true)?;
        let passkey = Passkey {
            credential_id: "a".to_owned(),
            user_id,
            name: "phone".to_owned(),
            passkey: "{}".to_owned(),
            created_at: UnixTime(1),
            last_used_at: None,
            host: Some("old.example".to_owned()),
        };
        passkeys::insert(conn, &passkey)
    };
    server.storage.write(keep).await.unwrap();
    let listed = browser.get("/account/passkeys").await;
    assert!(listed.text.contains("it does not sign you in here"), "{}", listed.text);
    let stranger = Browser::new(&server);
    let form = stranger.get("/sign-in?to=security").await;
    let csrf = form.field("csrf");
    let fields = [("to", "security"), ("csrf", &*csrf), ("username", USER), ("password", PASSWORD)];
    let next = send(&stranger, "/sign-in", &fields).await;
    let step = stranger.get(next.header("location")).await;
    let second = stranger.get(step.header("location")).await;
    assert!(second.text.contains("old.example") && second.text.contains("work only there"));
    assert!(second.text.contains("data-passkey="), "the browser knows better: {second:?}");
}

#[tokio::test]
async fn ceremonies_from_one_network_are_bounded() {
    let server = server(&[("limits", "on"), ("limit_authorize_per_address", "3")]).await;
    let browser = Browser::new(&server);
    let form = browser.get("/sign-in?to=account").await;
    let csrf = csrf_of(&form, "/sign-in/passkey");
    let fields = [("to", "account"), ("csrf", &*csrf)];
    for _ in 0..3 {
        assert_eq!(send(&browser, "/sign-in/passkey/options", &fields).await.status, 200);
    }
    let refused = send(&browser, "/sign-in/passkey/options", &fields).await;
    assert_eq!(refused.status, 429);
    assert!(!refused.header("retry-after").is_empty());
    assert!(json(&refused)["problem"].as_str().unwrap().contains("Too many attempts"));
}

#[tokio::test]
async fn where_passkeys_are_not_offered_there_is_nothing() {
    for settings in [&[("issuer", ISSUER), ("passkeys", "off")][..], &[]] {
        let server = TestServer::spawn_with(settings).await;
        let browser = Browser::new(&server);
        let form = browser.get("/sign-in?to=account").await;
        assert!(!form.text.to_lowercase().contains("passkey"), "{}", form.text);
        assert!(!form.header("content-security-policy").contains("script-src"));
        for path in [
            "/account/passkeys",
            "/sign-in/passkey?to=account",
            "/sign-in/second-factor/passkey?step=1",
            "/sign-in/new-second-factor/passkey?step=1",
        ] {
            assert_eq!(browser.get(path).await.status, 404, "{path}");
        }
        for path in ["/sign-in/passkey/options", "/account/passkeys", "/account/passkeys/options"] {
            let origin = if settings.is_empty() { &*server.url } else { ISSUER };
            let request = browser.http.post(format!("{}{path}", browser.url));
            let request = request.header(ORIGIN, origin).form(&[("to", "account")]);
            assert_eq!(page(request).await.status, 404, "{path}");
        }
    }
}
