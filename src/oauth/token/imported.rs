//! Tokens of the replaced provider, as their holders go on presenting them: a prefix and random
//! hexadecimal digits. They say nothing of the row that they are in, so that is made of them.

use sha2::{Digest as _, Sha256};

use super::{TokenId, TokenKind};

/// The key of the row of such a token: apart from all of ours by its sign, and none of the bits that
/// are compared. `None` for what is not of that shape.
pub(super) fn id(kind: TokenKind, text: &str) -> Option<TokenId> {
    let (prefix, digits) = match kind {
        TokenKind::Access => ("access_", 64),
        TokenKind::Refresh => ("refresh_", 64),
        TokenKind::Code => ("authcode_", 40),
        _ => return None,
    };
    let body = text.strip_prefix(prefix).filter(|body| body.len() == digits)?;
    if !body.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let digest = Sha256::new().chain_update("id").chain_update(text).finalize();
    let (id, _rest) = digest.split_first_chunk()?;
    Some(TokenId(i64::from_be_bytes(*id) | i64::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::{TokenHash, TokenSecret};

    #[test]
    fn a_token_of_the_replaced_provider_has_a_key_that_none_of_ours_has() {
        let digits = "0123456789abcdef".repeat(4);
        for (kind, text) in [
            (TokenKind::Access, format!("access_{digits}")),
            (TokenKind::Refresh, format!("refresh_{digits}")),
            (TokenKind::Code, format!("authcode_{}", &digits[..40])),
        ] {
            let token = TokenSecret::parse(kind, &text).unwrap();
            assert!(token.id().is_imported(), "{text}");
            assert_eq!(token.hash(), TokenHash::of(&text), "as of every other");
            let others = [TokenKind::Access, TokenKind::Refresh, TokenKind::Code];
            for other in others.into_iter().filter(|other| *other != kind) {
                assert!(TokenSecret::parse(other, &text).is_none(), "{text}");
            }
        }
        let ours = TokenSecret::generate(TokenKind::Access, TokenId(1));
        assert!(!ours.id().is_imported());
    }

    /// Whoever changes how it is made loses the rows that are there.
    #[test]
    fn the_key_is_made_as_it_always_was() {
        let token = format!("access_{}", "0".repeat(64));
        assert_eq!(id(TokenKind::Access, &token), Some(TokenId(-1_608_192_079_781_911_783)));
    }

    #[test]
    fn whatever_only_looks_like_one_is_refused() {
        let digits = "a".repeat(64);
        for text in [
            format!("access_{}", &digits[1..]),
            format!("access_{digits}a"),
            format!("access_{}A", &digits[1..]),
            format!("access_{}g", &digits[1..]),
            format!("ACCESS_{digits}"),
            digits,
            "access_".to_owned(),
        ] {
            assert!(id(TokenKind::Access, &text).is_none(), "{text}");
        }
        assert!(id(TokenKind::Session, &format!("access_{}", "a".repeat(64))).is_none());
    }
}
