//! A person's answer: given once, by the browser that was asked, and the same when repeated.

use mcp_oauthd::accounts::session::SignedIn;
use mcp_oauthd::authorization::{consent, request};
use mcp_oauthd::clock::Seconds;
use mcp_oauthd::oauth::ErrorCode::AccessDenied;
use mcp_oauthd::oauth::{OAuthError, TokenKind, TokenSecret};
use mcp_oauthd::revocation;
use mcp_oauthd::storage::authorization_requests::Asked;
use mcp_oauthd::storage::users::User;
use mcp_oauthd::storage::{Event, seen_documents};

use crate::client_documents::{URL, document, fetched};
use crate::fixture::{self, CODE_LIFETIME, Fixture, REDIRECT_URI, issuer, parameter, tampered};

const LIFETIME: Seconds = Seconds(3600);

#[tokio::test]
async fn a_yes_sends_a_code_with_state_and_issuer() {
    let (f, cookie, ada) = asked().await;
    let url = approve(&f, &cookie, &ada).await.unwrap();
    assert!(url.starts_with(&format!("{REDIRECT_URI}?")));
    assert_eq!(parameter(&url, "state").as_deref(), Some("a state"));
    assert_eq!(parameter(&url, "iss").as_deref(), Some(issuer().as_str()));
    let code = parameter(&url, "code").unwrap();
    f.redeem(&f.code_form(&code)).await.unwrap();
    assert_eq!(f.count(Event::ConsentApproved).await, 1);
}

#[tokio::test]
async fn a_second_click_is_the_same_yes() {
    let (f, cookie, ada) = asked().await;
    let first = approve(&f, &cookie, &ada).await.unwrap();
    let before = f.dump().await;
    f.clock.advance(Seconds(5));
    assert_eq!(approve(&f, &cookie, &ada).await.unwrap(), first);
    assert!(f.dump().await == before);
}

#[tokio::test]
async fn a_yes_is_not_repeated_after_its_code_was_redeemed_or_has_expired() {
    let (f, cookie, ada) = asked().await;
    let url = approve(&f, &cookie, &ada).await.unwrap();
    f.redeem(&f.code_form(&parameter(&url, "code").unwrap())).await.unwrap();
    denied(approve(&f, &cookie, &ada).await);

    let (f, cookie, ada) = asked().await;
    approve(&f, &cookie, &ada).await.unwrap();
    f.clock.advance(CODE_LIFETIME);
    denied(approve(&f, &cookie, &ada).await);
}

#[tokio::test]
async fn a_no_is_told_to_the_client_and_stays_no() {
    let (f, cookie, ada) = asked().await;
    let url = deny(&f, &cookie, &ada).await.unwrap();
    assert_eq!(parameter(&url, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(&url, "state").as_deref(), Some("a state"));
    assert_eq!(parameter(&url, "iss").as_deref(), Some(issuer().as_str()));
    assert_eq!(deny(&f, &cookie, &ada).await.unwrap(), url, "a second click");
    assert_eq!(f.count(Event::ConsentDenied).await, 1);
    denied(approve(&f, &cookie, &ada).await);
}

#[tokio::test]
async fn a_yes_stays_yes() {
    let (f, cookie, ada) = asked().await;
    let url = approve(&f, &cookie, &ada).await.unwrap();
    denied(deny(&f, &cookie, &ada).await);
    f.redeem(&f.code_form(&parameter(&url, "code").unwrap())).await.unwrap();
}

#[tokio::test]
async fn another_persons_yes_does_not_get_the_code_of_the_first() {
    let (f, cookie, ada) = asked().await;
    let bob = f.add_user("bob").await;
    let bob = f.sign_in(&bob).await;
    approve(&f, &cookie, &ada).await.unwrap();
    denied(approve(&f, &cookie, &bob).await);
}

#[tokio::test]
async fn only_the_browser_that_asked_can_answer() {
    let (f, cookie, ada) = asked().await;
    let forged = tampered(&cookie);
    let before = f.dump().await;
    denied(approve(&f, &forged, &ada).await);
    denied(deny(&f, &forged, &ada).await);
    assert!(f.dump().await == before);
    approve(&f, &cookie, &ada).await.unwrap();
}

#[tokio::test]
async fn a_request_expires() {
    let (f, cookie, ada) = asked().await;
    f.clock.advance(Seconds(LIFETIME.0 - 1));
    let found = TokenSecret::parse(TokenKind::AuthorizationRequest, &cookie).unwrap();
    f.decide(move |conn, now| consent::find(conn, &found, now)).await.unwrap();
    f.clock.advance(Seconds(1));
    let before = f.dump().await;
    denied(approve(&f, &cookie, &ada).await);
    denied(deny(&f, &cookie, &ada).await);
    assert!(f.dump().await == before);
}

#[tokio::test]
async fn a_fresh_sign_in_is_one_after_the_request() {
    let f = Fixture::new().await;
    let old = f.sign_in(&f.user).await;
    f.clock.advance(Seconds(1));
    let cookie = keep(&f, Asked { fresh_sign_in: true, ..f.asked(&f.client) }).await;
    let before = f.dump().await;
    denied(approve(&f, &cookie, &old).await);
    assert!(f.dump().await == before, "the request waits for a new sign-in");
    f.clock.advance(Seconds(1));
    let new = f.sign_in(&f.user).await;
    approve(&f, &cookie, &new).await.unwrap();
}

#[tokio::test]
async fn a_disabled_client_gets_no_code() {
    let (f, cookie, ada) = asked().await;
    let id = f.client.client_id.clone();
    f.write(move |conn, now| revocation::disable_client(conn, &id, now)).await.unwrap();
    let before = f.dump().await;
    denied(approve(&f, &cookie, &ada).await);
    assert!(f.dump().await == before);
}

#[tokio::test]
async fn a_person_disabled_after_the_page_was_shown_cannot_say_yes() {
    let (f, cookie, ada) = asked().await;
    let id = f.user.id.clone();
    f.decide(move |conn, now| revocation::disable_user(conn, &id, now)).await.unwrap().unwrap();
    let before = f.dump().await;
    denied(approve(&f, &cookie, &ada).await);
    assert!(f.dump().await == before);
}

#[tokio::test]
async fn requests_in_several_tabs_are_answered_each_for_itself() {
    let (f, one, ada) = asked().await;
    let other = keep(&f, f.asked(&f.client)).await;
    let yes = approve(&f, &one, &ada).await.unwrap();
    deny(&f, &other, &ada).await.unwrap();
    f.redeem(&f.code_form(&parameter(&yes, "code").unwrap())).await.unwrap();
}

#[tokio::test]
async fn a_yes_is_not_sent_where_the_app_does_not_want_answers_any_more() {
    let f = Fixture::new().await;
    let client = fetched(&f, URL, &document(URL, REDIRECT_URI), None).await;
    let cookie = keep(&f, f.asked(&client)).await;
    let ada = f.sign_in(&f.user).await;
    fetched(&f, URL, &document(URL, "https://app.example/other"), None).await;
    let before = f.dump().await;
    denied(approve(&f, &cookie, &ada).await);
    assert!(f.dump().await == before);
    fetched(&f, URL, &document(URL, REDIRECT_URI), None).await;
    approve(&f, &cookie, &ada).await.unwrap();
}

#[tokio::test]
async fn a_document_that_changes_before_the_code_is_redeemed_leads_it_nowhere_else() {
    let f = Fixture::new().await;
    let client = fetched(&f, URL, &document(URL, REDIRECT_URI), None).await;
    let cookie = keep(&f, f.asked(&client)).await;
    let ada = f.sign_in(&f.user).await;
    let url = approve(&f, &cookie, &ada).await.unwrap();
    assert!(url.starts_with(REDIRECT_URI));
    fetched(&f, URL, &document(URL, "https://app.example/other"), None).await;
    let form = f.code_form(&parameter(&url, "code").unwrap()).with("client_id", URL);
    let elsewhere = form.with("redirect_uri", "https://app.example/other");
    f.redeem(&elsewhere).await.unwrap_err();
    f.redeem(&form).await.unwrap_err();
    fetched(&f, URL, &document(URL, REDIRECT_URI), None).await;
    f.redeem(&form).await.unwrap();
}

#[tokio::test]
async fn what_a_person_saw_of_a_document_is_noted_with_the_yes_for_each_person() {
    let f = Fixture::new().await;
    let client = fetched(&f, URL, &document(URL, REDIRECT_URI), None).await;
    let bob = f.add_user("bob").await;
    let cookie = keep(&f, f.asked(&client)).await;
    let ada = f.sign_in(&f.user).await;
    let seen = async |user: &User| {
        f.read(|conn| seen_documents::find(conn, &user.id, &client.client_id)).await
    };
    deny(&f, &keep(&f, f.asked(&client)).await, &ada).await.unwrap();
    assert!(seen(&f.user).await.is_none(), "a no is no yes");
    approve(&f, &cookie, &ada).await.unwrap();
    let (metadata, seen_at) = seen(&f.user).await.unwrap();
    assert_eq!((&metadata, seen_at), (&client.metadata, f.clock.now()));
    assert!(seen(&bob).await.is_none());

    let changed = document(URL, REDIRECT_URI).replace("\"App\"", "\"Other\"");
    let changed = fetched(&f, URL, &changed, None).await;
    assert_eq!(seen(&f.user).await.unwrap().0, client.metadata, "until the next yes");
    approve(&f, &keep(&f, f.asked(&changed)).await, &ada).await.unwrap();
    assert_eq!(seen(&f.user).await.unwrap().0, changed.metadata);

    approve(&f, &keep(&f, f.asked(&f.client)).await, &ada).await.unwrap();
    let of_registered = |conn: &mut _| seen_documents::find(conn, &f.user.id, &f.client.client_id);
    assert!(f.read(of_registered).await.is_none(), "who registers anew is another client");
}

/// A request that waits for its answer, its cookie, and somebody signed in.
async fn asked() -> (Fixture, String, SignedIn) {
    let f = Fixture::new().await;
    let cookie = keep(&f, f.asked(&f.client)).await;
    let ada = f.sign_in(&f.user).await;
    (f, cookie, ada)
}

async fn keep(f: &Fixture, asked: Asked) -> String {
    f.write(move |conn, now| request::keep(conn, &asked, LIFETIME, 100, now)).await.reveal()
}

async fn approve(f: &Fixture, cookie: &str, who: &SignedIn) -> Result<String, OAuthError> {
    let cookie = TokenSecret::parse(TokenKind::AuthorizationRequest, cookie).unwrap();
    let who = who.clone();
    let approve = move |conn: &mut _, now| fixture::approve(conn, &cookie, &who, now);
    f.decide(approve).await
}

async fn deny(f: &Fixture, cookie: &str, who: &SignedIn) -> Result<String, OAuthError> {
    let cookie = TokenSecret::parse(TokenKind::AuthorizationRequest, cookie).unwrap();
    let who = who.clone();
    f.decide(move |conn, now| consent::deny(conn, &cookie, &who, &issuer(), now)).await
}

fn denied(outcome: Result<String, OAuthError>) {
    assert_eq!(outcome.unwrap_err().code, AccessDenied);
}
