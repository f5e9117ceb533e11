//! PKCE: RFC 7636, `S256` only (OAuth 2.1 section 7.5.2). `plain` has no name here.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{ErrorCode, OAuthError, Parameters};
use crate::words;

/// `code_challenge`: SHA-256 of the verifier, RFC 7636 section 4.2.
#[derive(Debug, Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct CodeChallenge([u8; 32]);

impl CodeChallenge {
    /// The challenge of an authorization request.
    ///
    /// # Errors
    /// `invalid_request` without a challenge, and for any method but `S256`: an omitted method
    /// means `plain` (RFC 7636 section 4.3), which is refused.
    pub fn from_request(parameters: &Parameters) -> Result<Self, OAuthError> {
        let challenge = parameters.require("code_challenge")?;
        if parameters.get("code_challenge_method") != Some("S256") {
            return Err(
                ErrorCode::InvalidRequest.because(words!("code_challenge_method must be S256"))
            );
        }
        challenge
            .parse()
            .map_err(|_| ErrorCode::InvalidRequest.because(words!("code_challenge is malformed")))
    }

    /// Whether this is the challenge of that verifier: RFC 7636 section 4.6.
    #[must_use]
    pub fn matches(&self, verifier: &CodeVerifier) -> bool {
        self.0.ct_eq(&Sha256::digest(&verifier.0)).into()
    }
}

impl FromStr for CodeChallenge {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| "not base64url")?;
        bytes.try_into().map(Self).map_err(|_| "not a SHA-256 hash")
    }
}

impl fmt::Display for CodeChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

/// `code_verifier`: RFC 7636 section 4.1.
pub struct CodeVerifier(String);

impl FromStr for CodeVerifier {
    type Err = OAuthError;

    /// 43 to 128 unreserved characters. What is not one cannot match, and is `invalid_grant`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if (43..=128).contains(&text.len()) && text.bytes().all(unreserved) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ErrorCode::InvalidGrant.because("code_verifier is malformed"))
        }
    }
}

impl fmt::Debug for CodeVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeVerifier(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_rfc_vector_matches() {
        let challenge: CodeChallenge = CHALLENGE.parse().unwrap();
        assert!(challenge.matches(&VERIFIER.parse().unwrap()));
        assert_eq!(challenge.to_string(), CHALLENGE);
    }

    #[test]
    fn other_verifiers_do_not() {
        let challenge: CodeChallenge = CHALLENGE.parse().unwrap();
        for wrong in [CHALLENGE, &VERIFIER.to_lowercase(), &format!("{VERIFIER}x")] {
            assert!(!challenge.matches(&wrong.parse().unwrap()), "{wrong}");
        }
        for malformed in ["", "short", &VERIFIER[..42], &format!("{VERIFIER}="), &"a".repeat(129)] {
            assert!(malformed.parse::<CodeVerifier>().is_err(), "{malformed}");
        }
    }

    #[test]
    fn only_s256_is_a_method() {
        let request = |method: &str| {
            let query = format!("code_challenge={CHALLENGE}{method}");
            CodeChallenge::from_request(&Parameters::parse(&query).unwrap())
        };
        assert!(request("&code_challenge_method=S256").is_ok());
        for method in ["", "plain", "s256", "S512"] {
            assert!(request(&format!("&code_challenge_method={method}")).is_err(), "{method}");
        }
        assert!(request("").is_err());
    }

    #[test]
    fn a_challenge_is_43_characters_of_base64url() {
        for text in ["", "abc", &format!("{CHALLENGE}="), &CHALLENGE.replace('-', "+")] {
            assert!(text.parse::<CodeChallenge>().is_err(), "{text}");
        }
    }
}
