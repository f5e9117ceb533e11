//! `scope`: RFC 6749 section 3.3.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize, Serializer};

/// A set of scope tokens, so that order and duplicates never matter. May be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
#[serde(try_from = "String")]
pub struct Scope(
    /// The tokens in alphabetical order, with spaces between them: there are few, and many a scope is
    /// kept in memory.
    Arc<str>,
);

impl Scope {
    /// What a request asks for, read kindly: what is not a scope token is nobody's scope.
    #[must_use]
    pub fn requested(text: &str) -> Self {
        Self::of(text.split_whitespace().filter(|token| is_token(token)))
    }

    /// What of `requested` lies within this scope; all of it when the request names none, or
    /// nothing that is here.
    ///
    /// May shrink, never grow: RFC 6749 sections 3.3 and 6. Real clients ask for scopes that
    /// nobody offered, and a refusal would end in a browser window.
    #[must_use]
    pub fn narrow(&self, requested: &Self) -> Self {
        let common = self.common(requested);
        if common.is_empty() { self.clone() } else { common }
    }

    /// What is here and there.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        Self::of(self.tokens().filter(|token| other.has(token)))
    }

    /// Whether every token of `needed` is here.
    #[must_use]
    pub fn covers(&self, needed: &Self) -> bool {
        needed.tokens().all(|token| self.has(token))
    }

    /// What is here or there.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::of(self.tokens().chain(other.tokens()))
    }

    /// What is here and not there.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self::of(self.tokens().filter(|token| !other.has(token)))
    }

    /// Whether no token is here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tokens in alphabetical order, with a space between: RFC 6749 section 3.3.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For whoever keeps many, and each text once.
    pub(crate) fn text_mut(&mut self) -> &mut Arc<str> {
        &mut self.0
    }

    /// The tokens in alphabetical order.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|token| !token.is_empty())
    }

    fn of<'a>(tokens: impl Iterator<Item = &'a str>) -> Self {
        let mut tokens: Vec<_> = tokens.collect();
        tokens.sort_unstable();
        tokens.dedup();
        Self(tokens.join(" ").into())
    }

    fn has(&self, token: &str) -> bool {
        self.tokens().any(|known| known == token)
    }
}

impl FromStr for Scope {
    type Err = &'static str;

    /// Tokens with single spaces between them, or nothing.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        if text.split(' ').all(is_token) {
            Ok(Self::of(text.split(' ')))
        } else {
            Err("is not a list of scope tokens with single spaces between them")
        }
    }
}

impl TryFrom<String> for Scope {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.as_str().to_owned()
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `scope-token`, of NQCHARs: RFC 6749 appendix A.4.
fn is_token(token: &str) -> bool {
    let nqchar = |byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    !token.is_empty() && token.bytes().all(nqchar)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        text.parse().unwrap()
    }

    #[test]
    fn order_does_not_matter() {
        assert_eq!(scope("b a"), scope("a b"));
        assert_eq!(scope("b a").to_string(), "a b");
        assert_eq!((scope("b a").as_str(), String::from(scope("b a"))), ("a b", "a b".to_owned()));
    }

    #[test]
    fn malformed_lists_are_refused() {
        for text in ["a  b", " a", "a\tb", "a\"b", "ä"] {
            assert!(text.parse::<Scope>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_request_is_clipped_and_never_refused() {
        let granted = scope("read write");
        for (requested, narrowed) in [
            ("", "read write"),
            ("read", "read"),
            ("read admin", "read"),
            ("openid email", "read write"),
            ("  read \t write ", "read write"),
        ] {
            assert_eq!(
                granted.narrow(&Scope::requested(requested)),
                scope(narrowed),
                "{requested}"
            );
        }
    }
}
