//! Passkeys of people: what may be added, renamed, removed and asked for; and what a browser says
//! of a new one (Web Authentication section 7.1), with answers made by hand.

use data_encoding::BASE64URL_NOPAD;
use mcp_oauthd::accounts::passkeys::ceremony::{Begun, RelyingParty};
use mcp_oauthd::accounts::passkeys::pending::{self, Purpose};
use mcp_oauthd::accounts::passkeys::{self, Name, Proved};
use mcp_oauthd::accounts::session::{self, SignedIn};
use mcp_oauthd::accounts::sign_in::{self, Passed, Terms};
use mcp_oauthd::config::{Config, Sources};
use mcp_oauthd::oauth::OAuthError;
use mcp_oauthd::revocation;
use mcp_oauthd::storage::events::Event;
use mcp_oauthd::storage::passkeys as rows;
use mcp_oauthd::storage::sign_ins::Goal;
use mcp_oauthd::storage::users::{self, User};
use mcp_oauthd::storage::{Step, passkeys::Passkey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::fixture::{Fixture, SESSIONS, browser};

const ORIGIN: &str = "https://auth.example";

fn config(issuer: &str, more: &[(&str, &str)]) -> Config {
    let issuer = [("MCP_OAUTH_ISSUER", issuer)];
    let settings = issuer.iter().chain(more).map(|(key, text)| ((*key).into(), (*text).into()));
    Config::from_sources(&Sources::gather(&[], None, settings).unwrap()).unwrap()
}

fn party() -> RelyingParty {
    RelyingParty::of(&config(ORIGIN, &[])).unwrap()
}

/// What a device says of a new key; each test gets one thing wrong.
struct Device {
    kind: &'static str,
    origin: &'static str,
    rp_id: &'static str,
    flags: u8,
    id: u8,
}

impl Default for Device {
    /// Present, verified, with a key.
    fn default() -> Self {
        let (kind, rp_id) = ("webauthn.create", "auth.example");
        Self { kind, origin: ORIGIN, rp_id, flags: 0x45, id: 1 }
    }
}

impl Device {
    fn answer(&self, begun: &Begun) -> String {
        let challenge = &begun.options["publicKey"]["challenge"];
        let client = json!({"type": self.kind, "challenge": challenge, "origin": self.origin});
        let client = BASE64URL_NOPAD.encode(client.to_string().as_bytes());
        let id = [self.id; 32];
        let mut data = Sha256::digest(self.rp_id).to_vec();
        data.extend([self.flags, 0, 0, 0, 0]);
        data.extend([0; 16]);
        data.extend([0, 32]);
        data.extend(id);
        data.extend(cose_key());
        // {"fmt": "none", "attStmt": {}, "authData": h'…'}
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(data);
        let id = BASE64URL_NOPAD.encode(&id);
        let object = BASE64URL_NOPAD.encode(&object);
        let response = json!({"attestationObject": object, "clientDataJSON": client});
        json!({"id": id, "rawId": id, "type": "public-key", "response": response}).to_string()
    }
}

/// A point of P-256 (its generator) as ES256: RFC 9053 section 7.1.
fn cose_key() -> Vec<u8> {
    let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
    let mut key = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20".to_vec();
    key.extend(hex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"));
    key.extend(b"\x22\x58\x20");
    key.extend(hex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"));
    key
}

fn proved(user: &User, id: u8) -> Proved {
    let begun = party().creation(user, &[]).unwrap();
    let answer = Device { id, ..Device::default() }.answer(&begun);
    party().created(&user.id, &begun.state, &answer).unwrap()
}

fn refusal(user: &User, device: &Device) -> String {
    let begun = party().creation(user, &[]).unwrap();
    let refused = party().created(&user.id, &begun.state, &device.answer(&begun));
    refused.unwrap_err().description.into_owned()
}

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
        let cookie = passkeys::remove(conn, &recently, &key, passwords, now)?;
        let Some(cookie) = cookie else { return Ok(None) };
        Ok(session::authenticate(conn, &cookie, SESSIONS, now)?)
    })
    .await
}

async fn require(f: &Fixture, who: &SignedIn, on: bool) -> Result<SignedIn, OAuthError> {
    let who = who.clone();
    f.decide(move |conn, now| {
        let recently = who.recently(now).unwrap();
        let cookie = passkeys::set_required(conn, &recently, on, now)?;
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
async fn challenges_are_random_and_ask_at_once() {
    let f = Fixture::new().await;
    let begun = [party().request(&[]).unwrap(), party().request(&[]).unwrap()];
    let challenge = |begun: &Begun| begun.options["publicKey"]["challenge"].clone();
    assert_ne!(challenge(&begun[0]), challenge(&begun[1]));
    assert_eq!(challenge(&begun[0]).as_str().unwrap().len(), 43, "32 bytes");
    assert_eq!(begun[0].options["publicKey"]["userVerification"], "required");
    assert_eq!(begun[0].options.get("mediation"), None::<&Value>);
    let created = party().creation(&f.user, &[]).unwrap();
    assert_ne!(challenge(&begun[0]), challenge(&created));
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
async fn a_new_passkey_with_one_thing_wrong_is_refused() {
    let f = Fixture::new().await;
    let wrong = "The answer of the passkey was not right. Please try again";
    for device in [
        Device { kind: "webauthn.get", ..Device::default() },
        Device { origin: "https://evil.example", ..Device::default() },
        Device { origin: "https://sub.auth.example", ..Device::default() },
        Device { origin: "https://auth.example:8443", ..Device::default() },
        Device { origin: "http://auth.example", ..Device::default() },
        Device { rp_id: "evil.example", ..Device::default() },
        Device { rp_id: "example", ..Device::default() },
        Device { flags: 0x44, ..Device::default() },
    ] {
        assert_eq!(refusal(&f.user, &device), wrong);
    }
    let unverified = refusal(&f.user, &Device { flags: 0x41, ..Device::default() });
    assert!(unverified.contains("did not check who you are"), "{unverified}");
    let (one, other) =
        (party().creation(&f.user, &[]).unwrap(), party().creation(&f.user, &[]).unwrap());
    let answer = Device::default().answer(&one);
    party().created(&f.user.id, &one.state, &answer).unwrap();
    let error = party().created(&f.user.id, &other.state, &answer).unwrap_err();
    assert_eq!(error.description, wrong, "another challenge");
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
    let before = f.dump().await;
    let error = remove_where(&f, &ada, last, false).await.unwrap_err();
    assert!(error.description.contains("only way to sign in"), "passwords are off: {error}");
    assert_eq!(f.dump().await, before);
    assert!(remove(&f, &ada, last).await.unwrap().is_some(), "the password is left");
    assert_eq!(f.count(Event::PasskeyRemoved).await, 2);
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

#[test]
fn an_address_and_a_switch_offer_nothing() {
    let offered = |issuer, more: &[_]| passkeys::are_offered(&config(issuer, more));
    for issuer in ["https://auth.example/as", "http://localhost:8080", "https://intranet"] {
        assert!(offered(issuer, &[]), "{issuer}");
        assert!(!offered(issuer, &[("MCP_OAUTH_PASSKEYS", "off")]), "{issuer}");
    }
    for issuer in ["http://127.0.0.1:8080", "http://[::1]:8080", "https://192.0.2.1"] {
        assert!(!offered(issuer, &[]), "{issuer}");
    }
}
