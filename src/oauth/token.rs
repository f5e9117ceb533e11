//! Opaque tokens: a secret that its holder has, a hash that the server keeps.
//!
//! `<prefix>_` and base64url(8-byte id || 32-byte secret). The id is the key of the token's row, so
//! that rows are appended and not scattered; the row holds SHA-256 of the whole text.

mod at_rest;
mod imported;

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::BigInt;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

pub use at_rest::{Salt, TokenHash};

/// base64url of 40 bytes, without padding.
const BODY_LENGTH: usize = 54;

/// What a token is for. One kind never passes for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// RFC 6749 section 1.4
    Access,
    /// RFC 6749 section 1.5
    Refresh,
    /// RFC 6749 section 1.3.1
    Code,
    /// A signed-in browser's cookie.
    Session,
    /// The cookie that ties a pending authorization request to the browser that started it.
    AuthorizationRequest,
    /// A link that works once: set-up, an invitation, a reset.
    OneTimeLink,
    /// The cookie that ties a sign-in to the browser in which it was begun.
    SignIn,
    /// RFC 7591 section 1.2, "initial access token"
    InitialAccess,
}

impl TokenKind {
    /// Never `access_`, `refresh_` or `authcode_`: those are the replaced provider's.
    fn prefix(self) -> &'static str {
        match self {
            Self::Access => "mat_",
            Self::Refresh => "mrt_",
            Self::Code => "mac_",
            Self::Session => "mse_",
            Self::AuthorizationRequest => "mrq_",
            Self::OneTimeLink => "mln_",
            Self::SignIn => "msi_",
            Self::InitialAccess => "mia_",
        }
    }
}

/// The key of a token's row: 42 bits of milliseconds and 21 random ones; of a token that came from the
/// replaced provider a negative number. Not a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = BigInt)]
pub struct TokenId(pub i64);

impl TokenId {
    /// Whether the token came from the replaced provider: nobody was asked here before it was issued.
    #[must_use]
    pub fn is_imported(self) -> bool {
        self.0 < 0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The plaintext of a token. It can be made, hashed and revealed; it cannot be logged or stored.
pub struct TokenSecret {
    id: TokenId,
    text: String,
}

impl TokenSecret {
    /// A new token with 256 random bits.
    #[must_use]
    pub fn generate(kind: TokenKind, id: TokenId) -> Self {
        Self::assemble(kind, id, &rand::random())
    }

    /// The token that follows from another one: the same again for whoever holds `parent`, not to
    /// be computed from the database alone, and with a random `salt` not from `parent` alone.
    #[must_use]
    pub fn derive(kind: TokenKind, id: TokenId, parent: &Self, salt: &[u8]) -> Self {
        // A key of any length is a key: RFC 2104 section 2.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(parent.text.as_bytes()) else {
            unreachable!("HMAC takes a key of any length")
        };
        mac.update(salt);
        mac.update(kind.prefix().as_bytes());
        mac.update(&id.0.to_be_bytes());
        Self::assemble(kind, id, &mac.finalize().into_bytes().into())
    }

    /// Reads what somebody presents as a token of this kind, of ours or of the replaced provider.
    ///
    /// `None` for another kind, another length, or base64url with spare bits set: refused before
    /// the database is asked.
    #[must_use]
    pub fn parse(kind: TokenKind, text: &str) -> Option<Self> {
        let Some(body) = text.strip_prefix(kind.prefix()) else {
            return Self::parse_imported(kind, text);
        };
        let mut bytes = [0; 40];
        let body = Some(body).filter(|body| body.len() == BODY_LENGTH)?;
        BASE64URL_NOPAD.decode_mut(body.as_bytes(), &mut bytes).ok()?;
        let (id, _secret) = bytes.split_first_chunk()?;
        Some(Self { id: TokenId(i64::from_be_bytes(*id)), text: text.to_owned() })
    }

    /// Reads a token of the replaced provider, which alone has its shape.
    #[must_use]
    pub fn parse_imported(kind: TokenKind, text: &str) -> Option<Self> {
        imported::id(kind, text).map(|id| Self { id, text: text.to_owned() })
    }

    /// The key of its row.
    #[must_use]
    pub fn id(&self) -> TokenId {
        self.id
    }

    /// What its row keeps.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.text)
    }

    /// Proof for a form that it was made for the holder of this token: HMAC of `message`.
    #[must_use]
    pub fn sign(&self, message: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.text.as_bytes()) else {
            unreachable!("HMAC takes a key of any length")
        };
        mac.update(b"sign");
        mac.update(message.as_bytes());
        BASE64URL_NOPAD.encode(&mac.finalize().into_bytes())
    }

    /// 256 bits that nobody knows but the holder of this token, and whoever it presents it to: one
    /// value for each purpose. Nothing of it can be computed from the database.
    #[must_use]
    pub fn key(&self, purpose: &str) -> [u8; 32] {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.text.as_bytes()) else {
            unreachable!("HMAC takes a key of any length")
        };
        mac.update(b"key");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// Whether `signature` is [`TokenSecret::sign`] of `message`, in constant time.
    #[must_use]
    pub fn verifies(&self, message: &str, signature: &str) -> bool {
        self.sign(message).as_bytes().ct_eq(signature.as_bytes()).into()
    }

    /// Hands the plaintext to its holder. The only way out.
    #[must_use]
    pub fn reveal(self) -> String {
        self.text
    }

    fn assemble(kind: TokenKind, id: TokenId, secret: &[u8; 32]) -> Self {
        let mut bytes = [0; 40];
        bytes[..8].copy_from_slice(&id.0.to_be_bytes());
        bytes[8..].copy_from_slice(secret);
        Self { id, text: format!("{}{}", kind.prefix(), BASE64URL_NOPAD.encode(&bytes)) }
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_access(text: &str) -> Option<TokenSecret> {
        TokenSecret::parse(TokenKind::Access, text)
    }

    #[test]
    fn each_token_has_a_key_for_each_purpose() {
        let [one, other] = [1, 2].map(|id| TokenSecret::generate(TokenKind::SignIn, TokenId(id)));
        assert_eq!(one.key("nonce"), one.key("nonce"));
        assert_ne!(one.key("nonce"), one.key("verifier"));
        assert_ne!(one.key("nonce"), other.key("nonce"));
    }

    #[test]
    fn a_token_survives_the_round_trip() {
        let token = TokenSecret::generate(TokenKind::Access, TokenId(42));
        let (id, hash, text) = (token.id(), token.hash(), token.reveal());
        assert_eq!(text.len(), "mat_".len() + BODY_LENGTH);
        let parsed = parse_access(&text).unwrap();
        assert_eq!((parsed.id(), parsed.hash()), (id, hash));
    }

    #[test]
    fn one_kind_never_passes_for_another() {
        let text = TokenSecret::generate(TokenKind::Refresh, TokenId(1)).reveal();
        assert!(parse_access(&text).is_none());
        assert!(parse_access(&text.replace("mrt_", "mat_")).is_some(), "only its hash differs");
    }

    #[test]
    fn tampered_text_is_refused() {
        let text = TokenSecret::generate(TokenKind::Access, TokenId(1)).reveal();
        let spare_bits = format!("{}{}", &text[..text.len() - 1], "B");
        for wrong in ["", "mat_", &text[1..], &text[..57], &format!("{text}="), &spare_bits] {
            assert!(parse_access(wrong).is_none(), "{wrong}");
        }
        assert!(parse_access(&text.replace('_', "\0")).is_none());
    }

    #[test]
    fn a_derived_token_is_the_same_again_for_its_parent_only() {
        let parent = TokenSecret::generate(TokenKind::Refresh, TokenId(1));
        let stranger = TokenSecret::generate(TokenKind::Refresh, TokenId(1));
        let salt = Salt::generate();
        let derive = |parent, salt: &Salt| {
            TokenSecret::derive(TokenKind::Refresh, TokenId(2), parent, salt.as_ref()).reveal()
        };
        assert_eq!(derive(&parent, &salt), derive(&parent, &salt));
        assert_ne!(derive(&parent, &salt), derive(&stranger, &salt));
        assert_ne!(derive(&parent, &salt), derive(&parent, &Salt::generate()));
    }

    #[test]
    fn a_signature_is_for_one_message() {
        let token = TokenSecret::generate(TokenKind::Session, TokenId(1));
        assert!(token.verifies("a", &token.sign("a")));
        assert!(!token.verifies("b", &token.sign("a")));
        assert!(!token.verifies("a", ""));
    }
}
