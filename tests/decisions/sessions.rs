//! Signed-in browsers: until when, and whose.

use mcp_oauthd::accounts::{change_password, session};
use mcp_oauthd::clock::Seconds;
use mcp_oauthd::oauth::{TokenKind, TokenSecret};
use mcp_oauthd::storage::users::User;
use mcp_oauthd::storage::{Event, sessions, users};

use crate::fixture::{DAY, Fixture, SESSIONS, browser, hashed, tampered};

#[tokio::test]
async fn a_session_ends_when_it_is_not_used() {
    let f = Fixture::new().await;
    let cookie = sign_in(&f, &f.user).await.unwrap();
    f.clock.advance(Seconds(SESSIONS.idle.0 - 1));
    assert!(is_signed_in(&f, &cookie).await);
    f.clock.advance(Seconds(1));
    assert!(!is_signed_in(&f, &cookie).await);
}

#[tokio::test]
async fn a_session_that_is_used_ends_all_the_same() {
    let f = Fixture::new().await;
    let cookie = sign_in(&f, &f.user).await.unwrap();
    let id = TokenSecret::parse(TokenKind::Session, &cookie).unwrap().id();
    for _ in 0..29 {
        f.clock.advance(DAY);
        assert!(is_signed_in(&f, &cookie).await);
        f.write(move |conn, now| sessions::touch(conn, id, now)).await;
    }
    f.clock.advance(DAY);
    assert!(!is_signed_in(&f, &cookie).await);
}

#[tokio::test]
async fn each_sign_in_has_a_session_of_its_own() {
    let f = Fixture::new().await;
    let one = sign_in(&f, &f.user).await.unwrap();
    let other = sign_in(&f, &f.user).await.unwrap();
    let signed_in = authenticate(&f, &one).await.unwrap();
    f.write(move |conn, now| session::sign_out(conn, &signed_in, now)).await;
    assert!(!is_signed_in(&f, &one).await);
    assert!(is_signed_in(&f, &other).await);
    assert_eq!((f.count(Event::SignedIn).await, f.count(Event::SignedOut).await), (2, 1));
}

#[tokio::test]
async fn a_forged_cookie_is_nobody() {
    let f = Fixture::new().await;
    let cookie = sign_in(&f, &f.user).await.unwrap();
    assert!(!is_signed_in(&f, &tampered(&cookie)).await);
    assert!(is_signed_in(&f, &cookie).await);
}

#[tokio::test]
async fn a_disabled_or_removed_user_is_nobody_and_cannot_sign_in() {
    let f = Fixture::new().await;
    let bob = f.add_user("bob").await;
    let (adas, bobs) = (sign_in(&f, &f.user).await.unwrap(), sign_in(&f, &bob).await.unwrap());
    // In the rows alone: the sessions are still there.
    let (ada, gone) = (f.user.id.clone(), bob.id.clone());
    f.write(move |conn, now| users::disable(conn, &ada, now)).await;
    f.write(move |conn, _| users::remove(conn, &gone)).await;
    for (user, cookie) in [(&f.user, &adas), (&bob, &bobs)] {
        assert!(!is_signed_in(&f, cookie).await);
        assert!(sign_in(&f, user).await.is_none());
    }
}

#[tokio::test]
async fn a_new_password_signs_the_person_out_everywhere_and_nobody_else() {
    let f = Fixture::new().await;
    let bob = f.add_user("bob").await;
    let adas = [sign_in(&f, &f.user).await.unwrap(), sign_in(&f, &f.user).await.unwrap()];
    let bobs = sign_in(&f, &bob).await.unwrap();
    let (id, password) = (f.user.id.clone(), hashed("correct horse").await);
    let ended = f.write(move |conn, now| change_password(conn, &id, &password, now)).await;
    assert_eq!(ended, 2);
    for cookie in &adas {
        assert!(!is_signed_in(&f, cookie).await);
    }
    assert!(is_signed_in(&f, &bobs).await);
}

#[tokio::test]
async fn a_last_use_is_noted_when_it_is_some_minutes_old() {
    let f = Fixture::new().await;
    let cookie = sign_in(&f, &f.user).await.unwrap();
    for (length, stale) in [(300, false), (1, true)] {
        f.clock.advance(Seconds(length));
        let signed_in = authenticate(&f, &cookie).await.unwrap();
        assert_eq!(signed_in.is_stale(f.clock.now()), stale);
    }
}

async fn sign_in(f: &Fixture, user: &User) -> Option<String> {
    let user = user.clone();
    let cookie =
        f.write(move |conn, now| session::sign_in(conn, &user, &browser(), SESSIONS, now)).await;
    cookie.map(TokenSecret::reveal)
}

async fn authenticate(f: &Fixture, cookie: &str) -> Option<session::SignedIn> {
    let secret = TokenSecret::parse(TokenKind::Session, cookie).unwrap();
    let now = f.clock.now();
    f.read(|conn| session::authenticate(conn, &secret, SESSIONS, now)).await
}

async fn is_signed_in(f: &Fixture, cookie: &str) -> bool {
    authenticate(f, cookie).await.is_some()
}
