//! Codes of an authenticator app: RFC 6238, with what every app understands (SHA-1, six digits, 30
//! seconds).

use data_encoding::BASE32_NOPAD;
use totp_rs::{Builder, Totp};

use crate::clock::UnixTime;
use crate::oauth::{Issuer, TokenSecret, UserId};
use crate::storage::totp_secrets::{self, TotpSecret};
use crate::storage::{DbConnection, StorageError};

/// RFC 4226 section 4, R6.
const LENGTH: usize = 20;
/// How many letters stand together when a person has to type the secret.
const GROUP: usize = 4;
/// RFC 6238 section 4.1, X.
const STEP: u64 = 30;
/// One step of clock skew: RFC 6238 section 5.2.
const SKEW: u16 = 1;

/// What a person's app and we know.
pub struct Secret(Vec<u8>);

impl Secret {
    /// The one that is offered to the browser with this cookie. It follows from the cookie, so that
    /// nothing is kept of it before the first code was right, no other browser ever sees it, and it
    /// is another one after every change.
    #[must_use]
    pub fn offered_to(cookie: &TokenSecret) -> Self {
        Self(cookie.key("totp")[..LENGTH].to_vec())
    }

    /// For whoever has to type it: base32 in groups.
    #[must_use]
    pub fn in_groups(&self) -> String {
        let text = BASE32_NOPAD.encode(&self.0);
        text.as_bytes().chunks(GROUP).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
    }

    /// The address that an authenticator app opens. Apps show the host and the user name.
    #[must_use]
    pub fn link(&self, issuer: &Issuer, username: &str) -> String {
        let secret = BASE32_NOPAD.encode(&self.0);
        let (host, name) = (percent_encoded(&host(issuer)), percent_encoded(username));
        format!("otpauth://totp/{host}:{name}?secret={secret}&issuer={host}")
    }

    /// The time step whose code this is, of those that count now.
    #[must_use]
    pub fn step_of(&self, code: &str, now: UnixTime) -> Option<i64> {
        let digits: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
        let step = self.totp().check(&digits, u64::try_from(now.0).ok()?)?;
        i64::try_from(step).ok()
    }

    /// For the database.
    #[must_use]
    pub fn row(&self, user_id: &UserId, step: i64, now: UnixTime) -> TotpSecret {
        let secret = self.0.clone();
        TotpSecret { user_id: user_id.clone(), secret, created_at: now, last_step: step }
    }

    fn totp(&self) -> Totp {
        let builder = Builder::new().with_step_duration(STEP).with_skew(SKEW);
        builder.with_secret(self.0.clone()).build_noncompliant()
    }
}

/// Takes a code. False if it is not right, or if it or a later one was taken before: "the verifier
/// MUST NOT accept the second attempt" (RFC 6238 section 5.2).
///
/// # Errors
/// The database's.
pub fn accept(
    conn: &mut DbConnection,
    user_id: &UserId,
    code: &str,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let Some(row) = totp_secrets::find(conn, user_id)? else { return Ok(false) };
    let Some(step) = Secret(row.secret).step_of(code, now) else { return Ok(false) };
    totp_secrets::accept(conn, user_id, step)
}

/// Without its port: a colon ends the name of whoever issues.
fn host(issuer: &Issuer) -> String {
    let url = url::Url::parse(issuer.as_str()).ok();
    url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

fn percent_encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::{TokenId, TokenKind};

    #[test]
    fn codes_are_those_of_rfc_6238_appendix_b() {
        let secret = Secret(b"12345678901234567890".to_vec());
        // The last six of the eight digits there.
        for (at, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(secret.step_of(code, UnixTime(at)), Some(at / 30), "{at}");
            for (late, taken) in [(-60, false), (-30, true), (30, true), (60, false)] {
                assert_eq!(secret.step_of(code, UnixTime(at + late)).is_some(), taken, "{late}");
            }
        }
        assert_eq!(secret.step_of(" 287 082 ", UnixTime(59)), Some(1), "as apps show it");
        for wrong in ["", "287083", "28708", "2870820", "+87082", "\u{662}87082"] {
            assert_eq!(secret.step_of(wrong, UnixTime(59)), None, "{wrong}");
        }
    }

    #[test]
    fn each_cookie_is_offered_a_secret_of_its_own() {
        let cookie = || TokenSecret::generate(TokenKind::Session, TokenId(1));
        let (one, other) = (cookie(), cookie());
        let offered = |cookie| Secret::offered_to(cookie).in_groups();
        assert_eq!(offered(&one), offered(&one));
        assert_ne!(offered(&one), offered(&other));
        assert_eq!(offered(&one).split(' ').count(), 8);
    }

    #[test]
    fn the_link_says_whose_it_is() {
        let secret = Secret(b"12345678901234567890".to_vec());
        let issuer = "https://auth.example.org:8443/as".parse().unwrap();
        assert_eq!(
            secret.link(&issuer, "ada+1@example.org"),
            "otpauth://totp/auth%2Eexample%2Eorg:ada%2B1%40example%2Eorg\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=auth%2Eexample%2Eorg"
        );
    }
}
