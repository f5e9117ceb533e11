//! Several tabs, several browsers, several people.

use mcp_oauthd::accounts::password::{NewPassword, Passwords};
use mcp_oauthd::accounts::{self, Username};

use crate::support::{Browser, OAuthClient, PASSWORD, TestServer, USER};

pub(super) async fn add_user(server: &TestServer, name: &str, password: &str) {
    let name = Username::parse(name).unwrap();
    let password = NewPassword::parse(password.into(), &name).unwrap();
    let hashed = Passwords::new(1).unwrap().hash(password).await.unwrap();
    let now = server.clock.now();
    let add = move |conn: &mut _| accounts::add_user(conn, &name, &hashed, None, now);
    server.storage.write(add).await.unwrap();
}

#[tokio::test]
async fn two_tabs_are_answered_in_any_order() {
    let server = TestServer::spawn().await;
    let (one, other) = (OAuthClient::register(&server).await, OAuthClient::register(&server).await);
    let browser = Browser::new(&server);
    let first = browser.sign_in_form(&one.request()).await;
    let second = browser.sign_in_form(&other.request()).await;
    let place = browser.send_password(&second, USER, PASSWORD).await;
    let later = browser.get(place.header("location")).await;
    let earlier = browser.get(&format!("/consent?request={}", first.field("request"))).await;
    assert_eq!(earlier.status, 200, "one sign-in is enough for both");
    let code = |told: std::collections::BTreeMap<String, String>| told["code"].clone();
    let for_one = code(browser.decide(&earlier, "allow").await.redirect_query());
    let for_other = code(browser.decide(&later, "allow").await.redirect_query());
    assert_eq!(one.exchange(&for_other).await.error(), (400, "invalid_grant"), "each has its own");
    assert_eq!(one.exchange(&for_one).await.status, 200);
    assert_eq!(other.exchange(&for_other).await.status, 200);
}

#[tokio::test]
async fn a_no_in_one_tab_is_not_a_no_in_another() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let (first, second) =
        (browser.question(&client.request()).await, browser.question(&client.request()).await);
    let denied = browser.decide(&first, "deny").await.redirect_query();
    assert_eq!(denied["error"], "access_denied");
    let code = browser.decide(&second, "allow").await.redirect_query()["code"].clone();
    assert_eq!(client.exchange(&code).await.status, 200);
}

/// Somebody starts a sign-in and sends the address of its page to another person.
#[tokio::test]
async fn an_address_from_another_browser_leads_nowhere() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let attacker = Browser::new(&server);
    let sent = attacker.authorize(&client.request()).await.header("location").to_owned();
    let victim = Browser::new(&server);
    victim.question(&client.request()).await;
    for place in [sent.clone(), sent.replace("/sign-in?", "/consent?")] {
        let page = victim.get(&place).await;
        assert_eq!((page.status, page.header("location")), (403, ""), "{place}");
        assert!(page.text.contains("started in another browser"), "{}", page.text);
        assert!(!page.text.contains("<form"), "there is nothing to press");
    }
    assert_eq!(attacker.get(&sent).await.status, 200);
}

#[tokio::test]
async fn another_account_answers_and_the_tokens_are_its_own() {
    let server = TestServer::spawn().await;
    add_user(&server, "grace", "a very long password").await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let question = browser.question(&client.request()).await;
    assert!(question.text.contains(USER));
    let (request, csrf) = (question.field("request"), question.field("csrf"));
    let out = browser.post("/sign-out", &[("request", &*request), ("csrf", &*csrf)]).await;
    let form = browser.get(out.header("location")).await;
    let place = browser.send_password(&form, "grace", "a very long password").await;
    let again = browser.get(place.header("location")).await;
    assert!(again.text.contains("grace") && !again.text.contains(">ada<"), "{}", again.text);
    let stale = [("request", &*request), ("csrf", &*csrf), ("decision", "allow")];
    let stale = browser.post("/consent", &stale).await;
    assert_eq!(stale.status, 403, "the form of the session before");
    let code = browser.decide(&again, "allow").await.redirect_query()["code"].clone();
    let tokens = client.exchange(&code).await;
    let told = client.introspect(&tokens.text("access_token")).await;
    assert_eq!(told.body["username"], "grace");
}

#[tokio::test]
async fn a_yes_after_signing_out_elsewhere_asks_who_it_is() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let question = browser.question(&client.request()).await;
    let home = browser.get("/").await;
    browser.post("/sign-out", &[("request", ""), ("csrf", &*home.field("csrf"))]).await;
    let asked = browser.decide(&question, "allow").await;
    assert_eq!(asked.status, 303);
    assert!(asked.header("location").starts_with("/sign-in?"), "{asked:?}");
}

/// Reload, back, a restored tab, a link preview: GET never decides.
#[tokio::test]
async fn looking_at_the_question_answers_nothing() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let question = browser.question(&client.request()).await;
    let (request, csrf) = (question.field("request"), question.field("csrf"));
    let place = format!("/consent?request={request}&csrf={csrf}&decision=allow");
    for _ in 0..3 {
        let page = browser.get(&place).await;
        assert_eq!((page.status, page.header("location")), (200, ""));
    }
    assert_eq!(browser.decide(&question, "deny").await.redirect_query()["error"], "access_denied");
}
