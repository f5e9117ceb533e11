//! Passkeys of people: what may be added, renamed, removed and asked for.

use data_encoding::BASE64URL_NOPAD;
use mcp_oauthd::accounts::passkeys::pending::{self, Purpose};
use mcp_oauthd::accounts::passkeys::{self, Name, Proved};
use mcp_oauthd::accounts::session::{self, SignedIn};
use mcp_oauthd::accounts::sign_in::{self, Passed, Terms};
use mcp_oauthd::accounts::ways::{WaysOn, forget_all_but_password};
use mcp_oauthd::oauth::OAuthError;
use mcp_oauthd::revocation;
use mcp_oauthd::storage::events::Event;
use mcp_oauthd::storage::identities::{self, Identity};
use mcp_oauthd::storage::passkeys as rows;
use mcp_oauthd::storage::sign_ins::Goal;
use mcp_oauthd::storage::users::{self, User};
use mcp_oauthd::storage::{Step, passkeys::Passkey, sessions};
use serde_json::json;

use crate::fixture::{Fixture, SESSIONS, browser};
use crate::passkey_ceremony::{party, proved};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

async fn add(f: &Fixture, who: &SignedIn, proved: Proved) -> Result<SignedIn, OAuthError> {
    let who = who.clone();
    f.decide(move |conn, now| {
        let recently = who.recently(now).unwrap();
        let cookie = passkeys::add(conn, &recently, &proved, &name("phone"), now)?;
        Ok(session::authenticate(conn, &cookie, SESSIONS, now)?.unwrap())
    })
    .await
}

async fn remove(f: &Fixture, who: &SignedIn, key: &str) -> Result<Option<SignedIn>, OAuthError> {
    remove_where(f, who, key, true).await
}

async fn remove_where(
    f: &Fixture,
    who: &SignedIn,
    key: &str,
    passwords: bool,
) -> Result<Option<SignedIn>, OAuthError> {
    let (who, key) = (who.clone(), key.to_owned());
    f.decide(move |conn, now| {
        let recently = who.recently(now).unwrap();
        let authorities = vec!["https://id.example.org".to_owned()];
        let on = WaysOn { password: passwords, authorities, ..here() };
        let cookie = passkeys::remove(conn, &recently, &key, &on, now)?;
        let Some(cookie) = cookie else { return Ok(None) };
        Ok(session::authenticate(conn, &cookie, SESSIONS, now)?)
    })
    .await
}

/// Passwords, and passkeys of the present host.
fn here() -> WaysOn {
    let passkeys = Some("auth.example".to_owned());
    WaysOn { password: true, passkeys, authorities: vec![], proxy: false }
}

async fn require(f: &Fixture, who: &SignedIn, on: bool) -> Result<SignedIn, OAuthError> {
    let who = who.clone();
    f.decide(move |conn, now| {
        let recently = who.recently(now).unwrap();
        let cookie = passkeys::set_required(conn, &recently, on, &here(), now)?;
        Ok(session::authenticate(conn, &cookie, SESSIONS, now)?.unwrap())
    })
    .await
}

async fn keys(f: &Fixture, user: &User) -> Vec<Passkey> {
    f.read(|conn| rows::list_of_user(conn, &user.id)).await
}

fn terms(f: &Fixture, required: bool) -> Terms {
    Terms { now: f.clock.now(), lifetimes: SESSIONS, second_factor_required: required }
}

#[tokio::test]
async fn a_passkey_is_added_and_the_session_has_another_id() {
    let f = Fixture::new().await;
    let before = f.sign_in(&f.user).await;
    let after = add(&f, &before, proved(&f.user, 1)).await.unwrap();
    assert_ne!(before.session().id, after.session().id);
    let kept = keys(&f, &f.user).await;
    assert_eq!((kept.len(), &*kept[0].name), (1, "phone"));
    assert_eq!(f.count(Event::PasskeyAdded).await, 1);
    let gone = add(&f, &before, proved(&f.user, 2)).await.unwrap_err();
    assert!(gone.description.contains("signed out meanwhile"), "{gone}");
    assert_eq!(keys(&f, &f.user).await.len(), 1, "and nothing is left of it");
}

#[tokio::test]
async fn no_two_people_have_the_same_passkey() {
    let f = Fixture::new().await;
    let other = f.add_user("bob").await;
    let (ada, bob) = (f.sign_in(&f.user).await, f.sign_in(&other).await);
    let ada = add(&f, &ada, proved(&f.user, 1)).await.unwrap();
    let before = f.dump().await;
    for (who, proved) in [(&ada, proved(&f.user, 1)), (&bob, proved(&other, 1))] {
        let error = add(&f, who, proved).await.unwrap_err();
        assert_eq!(error.description, "This passkey is known here already");
    }
    let error = add(&f, &bob, proved(&f.user, 2)).await.unwrap_err();
    assert!(error.description.contains("another account"), "{error}");
    assert_eq!(f.dump().await, before);
}

#[tokio::test]
async fn a_device_that_has_one_is_asked_for_no_other() {
    let f = Fixture::new().await;
    add(&f, &f.sign_in(&f.user).await, proved(&f.user, 1)).await.unwrap();
    let options = party().creation(&f.user, &keys(&f, &f.user).await).unwrap().options;
    let options = &options["publicKey"];
    let id = BASE64URL_NOPAD.encode(&[1; 32]);
    assert_eq!(options["excludeCredentials"], json!([{"type": "public-key", "id": id}]));
    let selection = &options["authenticatorSelection"];
    assert_eq!(selection["residentKey"], "required");
    assert_eq!(selection["userVerification"], "required");
    assert_eq!(
        (&options["rp"]["id"], &options["attestation"]),
        (&"auth.example".into(), &"none".into())
    );
    let user = options["user"]["id"].as_str().unwrap();
    assert_eq!(user.len(), 22, "16 bytes that say nothing: {user}");
}

#[tokio::test]
async fn twenty_passkeys_are_enough() {
    let f = Fixture::new().await;
    let mut who = f.sign_in(&f.user).await;
    for id in 0..20 {
        who = add(&f, &who, proved(&f.user, id)).await.unwrap();
    }
    let error = add(&f, &who, proved(&f.user, 20)).await.unwrap_err();
    assert!(error.description.contains("no room"), "{error}");
}

#[tokio::test]
async fn a_ceremony_is_answered_once_and_for_what_it_was_begun() {
    let f = Fixture::new().await;
    let other = f.add_user("bob").await;
    let (ada, bob) = (f.sign_in(&f.user).await, f.sign_in(&other).await);
    let again = f.sign_in(&f.user).await;
    let purpose = Purpose::another(&ada);
    let begun = party().creation(&f.user, &[]).unwrap();
    let keep = move |conn: &mut _, now| pending::begin(conn, &purpose, &begun, Goal::Security, now);
    let cookie = std::sync::Arc::new(f.write(keep).await);
    let take = |purpose: Purpose| {
        let cookie = cookie.clone();
        f.decide(move |conn, now| pending::take(conn, &cookie, &purpose, now))
    };
    let before = f.dump().await;
    for purpose in [Purpose::another(&bob), Purpose::another(&again), Purpose::sign_in()] {
        assert!(take(purpose).await.is_err());
    }
    assert_eq!(f.dump().await, before, "and it waits on");
    assert!(take(Purpose::another(&ada)).await.is_ok());
    assert!(take(Purpose::another(&ada)).await.is_err());
}

#[tokio::test]
async fn of_two_answers_at_once_one_is_looked_at() {
    let f = Fixture::new().await;
    let begun = party().request(&[]).unwrap();
    let keep = move |conn: &mut _, now| {
        pending::begin(conn, &Purpose::sign_in(), &begun, Goal::Account, now)
    };
    let cookie = std::sync::Arc::new(f.write(keep).await);
    let take = || {
        let cookie = cookie.clone();
        f.decide(move |conn, now| pending::take(conn, &cookie, &Purpose::sign_in(), now))
    };
    let (one, other, third) = tokio::join!(take(), take(), take());
    let taken = [one.is_ok(), other.is_ok(), third.is_ok()];
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{taken:?}");
}

#[tokio::test]
async fn a_ceremony_ends_after_ten_minutes() {
    let f = Fixture::new().await;
    let begun = party().request(&[]).unwrap();
    let keep = move |conn: &mut _, now| {
        pending::begin(conn, &Purpose::sign_in(), &begun, Goal::Account, now)
    };
    let cookie = f.write(keep).await;
    f.clock.advance(sign_in::PATIENCE);
    let take = move |conn: &mut _, now| pending::take(conn, &cookie, &Purpose::sign_in(), now);
    assert!(f.decide(take).await.is_err());
}

#[tokio::test]
async fn another_persons_passkey_is_neither_renamed_nor_removed() {
    let f = Fixture::new().await;
    let other = f.add_user("bob").await;
    add(&f, &f.sign_in(&f.user).await, proved(&f.user, 1)).await.unwrap();
    let bob = f.sign_in(&other).await;
    let before = f.dump().await;
    let theirs = keys(&f, &f.user).await[0].credential_id.clone();
    for key in [&*theirs, "nobody"] {
        assert!(remove(&f, &bob, key).await.unwrap().is_none());
        let (bob, key) = (bob.clone(), key.to_owned());
        let rename = move |conn: &mut _, now| {
            let recently = bob.recently(now).unwrap();
            passkeys::rename(conn, &recently, &key, &name("mine"), now)
        };
        assert!(f.decide(rename).await.unwrap().is_none());
    }
    assert_eq!(f.dump().await, before);
}

#[tokio::test]
async fn the_last_way_to_sign_in_stays() {
    let f = Fixture::new().await;
    let ada = add(&f, &f.sign_in(&f.user).await, proved(&f.user, 1)).await.unwrap();
    let ada = add(&f, &ada, proved(&f.user, 2)).await.unwrap();
    let kept = keys(&f, &f.user).await;
    let last = &kept[1].credential_id;
    let ada = remove_where(&f, &ada, &kept[0].credential_id, false).await.unwrap().unwrap();
    let (user_id, now) = (f.user.id.clone(), f.clock.now());
    let identity = Identity {
        provider: "https://gone.example".to_owned(),
        subject: "s1".to_owned(),
        user_id,
        label: "ada".to_owned(),
        created_at: now,
        last_used_at: None,
    };
    // Nobody signs in there any more.
    f.write(move |conn, _| identities::insert(conn, &identity)).await;
    let before = f.dump().await;
    let error = remove_where(&f, &ada, last, false).await.unwrap_err();
    assert!(error.description.contains("only way to sign in"), "passwords are off: {error}");
    assert_eq!(f.dump().await, before);
    assert!(remove(&f, &ada, last).await.unwrap().is_some(), "the password is left");
    assert_eq!(f.count(Event::PasskeyRemoved).await, 2);
}

#[tokio::test]
async fn a_passkey_of_a_former_host_is_no_way_to_sign_in() {
    let f = Fixture::new().await;
    let ada = add(&f, &f.sign_in(&f.user).await, proved(&f.user, 1)).await.unwrap();
    let ada = add(&f, &ada, proved(&f.user, 2)).await.unwrap();
    let kept = keys(&f, &f.user).await;
    assert_eq!(kept[0].host.as_deref(), Some("auth.example"));
    f.sql(format!("UPDATE passkeys SET host = NULL WHERE name = '{}'", kept[0].name)).await;
    f.write(|conn, _| rows::settle(conn, "old.example")).await;
    let added = add(&f, &ada, proved(&f.user, 3)).await.unwrap();
    let ada = require(&f, &added, true).await.unwrap();
    let [there, here] = [[1; 32], [3; 32]].map(|id| BASE64URL_NOPAD.encode(&id));
    let error = remove_where(&f, &ada, &here, false).await.unwrap_err();
    assert!(error.description.contains("only way to sign in"), "{error}");
    let ada = remove(&f, &ada, &here).await.unwrap().unwrap();
    assert!(!ada.user().passkey_required, "nobody could answer with one of the others");
    assert_eq!(require(&f, &ada, true).await.unwrap_err().description, "Add a passkey first");
    assert_eq!(keys(&f, &f.user).await.len(), 2);
    f.sql("UPDATE users SET passkey_required = TRUE".to_owned()).await;
    let ada = remove(&f, &ada, &there).await.unwrap().unwrap();
    assert!(ada.user().passkey_required, "the other one is asked for where it works");
}

#[tokio::test]
async fn the_owner_forgets_what_may_be_in_other_hands() {
    let f = Fixture::new().await;
    let bob = f.add_user("bob").await;
    let bobs = add(&f, &f.sign_in(&bob).await, proved(&bob, 9)).await.unwrap();
    let ada = add(&f, &f.sign_in(&f.user).await, proved(&f.user, 1)).await.unwrap();
    let ada = require(&f, &ada, true).await.unwrap();
    let (user_id, now) = (f.user.id.clone(), f.clock.now());
    let identity = Identity {
        provider: "https://other.example".to_owned(),
        subject: "s1".to_owned(),
        user_id,
        label: "ada".to_owned(),
        created_at: now,
        last_used_at: None,
    };
    f.write(move |conn, _| identities::insert(conn, &identity)).await;
    let id = f.user.id.clone();
    f.write(move |conn, now| forget_all_but_password(conn, &id, now)).await;
    assert!(keys(&f, &f.user).await.is_empty());
    let id = f.user.id.clone();
    assert_eq!(f.read(move |conn| identities::count_of_user(conn, &id)).await, 0);
    for (session, is_there) in [(&ada, false), (&bobs, true)] {
        let id = session.session().id;
        assert_eq!(f.read(move |conn| sessions::find(conn, id)).await.is_some(), is_there);
    }
    assert_eq!(keys(&f, &bob).await.len(), 1, "another person's stays");
    assert!(matches!(first_factor(&f, false).await, Passed::SignedIn(_)), "the password does");
    let said = [f.count(Event::PasskeyRemoved).await, f.count(Event::IdentityUnlinked).await];
    assert_eq!(said, [1, 1]);
}

#[tokio::test]
async fn a_passkey_is_asked_for_while_there_is_one() {
    let f = Fixture::new().await;
    let ada = f.sign_in(&f.user).await;
    assert_eq!(require(&f, &ada, true).await.unwrap_err().description, "Add a passkey first");
    let ada = add(&f, &ada, proved(&f.user, 1)).await.unwrap();
    assert!(matches!(first_factor(&f, false).await, Passed::SignedIn(_)));
    let ada = require(&f, &ada, true).await.unwrap();
    assert!(matches!(first_factor(&f, false).await, Passed::Next(_, Step::SecondFactor)));
    let key = keys(&f, &f.user).await[0].credential_id.clone();
    let ada = remove(&f, &ada, &key).await.unwrap().unwrap();
    assert!(!ada.user().passkey_required);
    assert!(matches!(first_factor(&f, false).await, Passed::SignedIn(_)));
    let said = [f.count(Event::PasskeyRequired).await, f.count(Event::PasskeyNotRequired).await];
    assert_eq!(said, [1, 1]);
}

async fn first_factor(f: &Fixture, required: bool) -> Passed {
    let (id, terms) = (f.user.id.clone(), terms(f, required));
    f.write(move |conn, _| {
        let user = users::find(conn, &id)?.unwrap();
        sign_in::first_factor(conn, &user, Goal::Account, &browser(), &terms)
    })
    .await
}

#[tokio::test]
async fn whoever_has_a_second_factor_by_now_does_not_make_another() {
    let f = Fixture::new().await;
    let Passed::Next(cookie, Step::NewSecondFactor) = first_factor(&f, true).await else {
        panic!("a second factor is asked for")
    };
    // In another window, by the person.
    add(&f, &f.sign_in(&f.user).await, proved(&f.user, 1)).await.unwrap();
    let late = proved(&f.user, 2);
    let add = move |conn: &mut _, now| {
        let passed = sign_in::passed_first_factor(conn, &cookie, Step::NewSecondFactor, now)?;
        passkeys::add_as_second_factor(conn, &passed, &late, &name("thief"), now)
    };
    let error = f.decide(add).await.unwrap_err();
    assert!(error.description.contains("has a second factor by now"), "{error}");
    assert_eq!(keys(&f, &f.user).await.len(), 1);
}

#[tokio::test]
async fn the_passkeys_of_whoever_is_removed_are_gone() {
    let f = Fixture::new().await;
    add(&f, &f.sign_in(&f.user).await, proved(&f.user, 1)).await.unwrap();
    let id = f.user.id.clone();
    f.decide(move |conn, now| revocation::remove_user(conn, &id, now)).await.unwrap();
    assert!(keys(&f, &f.user).await.is_empty());
}
