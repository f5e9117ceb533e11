//! A device that makes passkeys, by hand; and what a new one may say (Web Authentication section
//! 7.1), and where.

use data_encoding::BASE64URL_NOPAD;
use mcp_oauthd::accounts::passkeys::ceremony::{Begun, RelyingParty};
use mcp_oauthd::accounts::passkeys::{self, Proved};
use mcp_oauthd::config::{Config, Sources};
use mcp_oauthd::storage::users::User;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::fixture::Fixture;

const ORIGIN: &str = "https://auth.example";

fn config(issuer: &str, more: &[(&str, &str)]) -> Config {
    let issuer = [("MCP_OAUTH_ISSUER", issuer)];
    let settings = issuer.iter().chain(more).map(|(key, text)| ((*key).into(), (*text).into()));
    Config::from_sources(&Sources::gather(&[], None, settings).unwrap()).unwrap()
}

pub(crate) fn party() -> RelyingParty {
    let config = config(ORIGIN, &[]);
    RelyingParty::at(&config.issuer, &config).unwrap()
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

pub(crate) fn proved(user: &User, id: u8) -> Proved {
    let begun = party().creation(user, &[]).unwrap();
    let answer = Device { id, ..Device::default() }.answer(&begun);
    party().created(&user.id, &begun.state, &answer).unwrap()
}

fn refusal(user: &User, device: &Device) -> String {
    let begun = party().creation(user, &[]).unwrap();
    let refused = party().created(&user.id, &begun.state, &device.answer(&begun));
    refused.unwrap_err().description.into_owned()
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

/// After a move of the service, passkeys go on at the host for which they were made.
#[tokio::test]
async fn a_former_issuer_has_its_own_passkeys() {
    let f = Fixture::new().await;
    let config = config("https://login.example", &[]);
    let former = RelyingParty::at(&ORIGIN.parse().unwrap(), &config).unwrap();
    let begun = former.creation(&f.user, &[]).unwrap();
    assert_eq!(begun.options["publicKey"]["rp"]["id"], "auth.example");
    let device = Device::default();
    assert!(former.created(&f.user.id, &begun.state, &device.answer(&begun)).is_ok());
    let present = RelyingParty::at(&config.issuer, &config).unwrap();
    let begun = present.creation(&f.user, &[]).unwrap();
    assert!(present.created(&f.user.id, &begun.state, &device.answer(&begun)).is_err());
}

#[test]
fn an_address_and_a_switch_offer_nothing() {
    let offered = |issuer, more: &[_]| {
        let config = config(issuer, more);
        passkeys::are_offered(&config, &config.issuer)
    };
    for issuer in ["https://auth.example/as", "http://localhost:8080", "https://intranet"] {
        assert!(offered(issuer, &[]), "{issuer}");
        assert!(!offered(issuer, &[("MCP_OAUTH_PASSKEYS", "off")]), "{issuer}");
    }
    for issuer in ["http://127.0.0.1:8080", "http://[::1]:8080", "https://192.0.2.1"] {
        assert!(!offered(issuer, &[]), "{issuer}");
    }
}
