//! Names and machine-made secrets of clients, users and resources.
//!
//! What we issue is `[A-Za-z0-9]` only: Basic credentials arrive raw, form-encoded or over-encoded
//! (RFC 6749 section 2.3.1 and its readers), and these characters are the same in all three.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::{BigInt, Text};
use rand::distr::{Alphanumeric, SampleString as _};
use serde::{Deserialize, Serialize, Serializer};

use super::client_id_url::{self, ClientIdUrl};
use super::token::TokenHash;

/// 22 characters of base 62 are 130 bits.
const ID_LENGTH: usize = 22;
/// 43 characters of base 62 are 256 bits.
const SECRET_LENGTH: usize = 43;

macro_rules! text_identifier {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, AsExpression,
            FromSqlRow,
        )]
        #[diesel(sql_type = Text)]
        #[serde(try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// A new one that nobody can guess.
            #[must_use]
            pub fn generate() -> Self {
                let drawn = Alphanumeric.sample_string(&mut rand::rng(), ID_LENGTH);
                Self(($prefix.to_owned() + &drawn).into())
            }

            /// As it stands on the wire and in the database.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = &'static str;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let read: fn(&str) -> Result<(), &'static str> = $check;
                read(text).map(|()| Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.as_str().to_owned()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_identifier!(
    /// `client_id`: RFC 6749 section 2.2. One that begins with `https://` is the address of a document
    /// ([`ClientIdUrl`]); we make none of those.
    ClientId,
    "mcpc",
    client_id
);
text_identifier!(
    /// `sub`, the name of a person that never changes: RFC 7662 section 2.2.
    UserId,
    "mcpu",
    plain
);
text_identifier!(
    /// The user name with which a resource authenticates at introspection: RFC 7662 section 2.1.
    IntrospectionId,
    "mcpr",
    plain
);

macro_rules! of_every_token {
    ($($name:ident),+) => {$(
        impl $name {
            /// For whoever keeps many, and each text once.
            pub(crate) fn text_mut(&mut self) -> &mut Arc<str> {
                &mut self.0
            }
        }
    )+};
}

of_every_token!(ClientId, UserId);

impl ClientId {
    /// Of a client that is described there.
    #[must_use]
    pub(super) fn of_url(url: &ClientIdUrl) -> Self {
        Self(url.as_str().into())
    }
}

/// `VSCHAR`s (RFC 6749 appendix A.1) without space and colon, 1 to 255 of them.
fn plain(text: &str) -> Result<(), &'static str> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    if (1..=255).contains(&text.len()) && text.bytes().all(plain) {
        Ok(())
    } else {
        Err("an identifier is 1 to 255 printable ASCII characters, without ':' or space")
    }
}

fn client_id(text: &str) -> Result<(), &'static str> {
    if text.starts_with(client_id_url::SCHEME) {
        text.parse::<ClientIdUrl>().map(|_| ())
    } else {
        plain(text)
    }
}

/// One person's yes to one client: the row of `oauth_grants`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, AsExpression, FromSqlRow,
)]
#[diesel(sql_type = BigInt)]
#[serde(into = "String")]
pub struct GrantId(pub i64);

impl From<GrantId> for String {
    fn from(id: GrantId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for GrantId {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| "a grant id is a whole number")
    }
}

/// A secret made here for a machine: generated, hashed, revealed once.
pub struct MachineSecret(String);

impl MachineSecret {
    /// A `client_secret`: RFC 7591 section 3.2.1.
    #[must_use]
    pub fn for_client() -> Self {
        Self::generate("mcps")
    }

    /// A `registration_access_token`: RFC 7592 section 3.
    #[must_use]
    pub fn for_registration() -> Self {
        Self::generate("mcpm")
    }

    /// A resource's secret for introspection.
    #[must_use]
    pub fn for_resource() -> Self {
        Self::generate("mcpk")
    }

    /// What the database keeps of it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// Hands the plaintext out. The only way.
    #[must_use]
    pub fn reveal(self) -> String {
        self.0
    }

    fn generate(prefix: &str) -> Self {
        Self(prefix.to_owned() + &Alphanumeric.sample_string(&mut rand::rng(), SECRET_LENGTH))
    }
}

impl fmt::Debug for MachineSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MachineSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_called_by_its_number() {
        assert_eq!(GrantId(7).to_string(), "7");
        assert_eq!(String::from(GrantId(7)), "7");
        assert_eq!("7".parse(), Ok(GrantId(7)));
        assert!("7a".parse::<GrantId>().is_err());
    }

    #[test]
    fn what_we_issue_is_alphanumeric() {
        let issued = [
            ClientId::generate().to_string(),
            UserId::generate().to_string(),
            IntrospectionId::generate().to_string(),
            MachineSecret::for_client().reveal(),
            MachineSecret::for_registration().reveal(),
            MachineSecret::for_resource().reveal(),
        ];
        for text in issued {
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{text}");
        }
    }

    #[test]
    fn identifiers_that_cannot_travel_are_refused() {
        for text in ["", "a b", "a:b", "a\n", "ä", &"x".repeat(256)] {
            assert!(text.parse::<ClientId>().is_err(), "{text:?}");
        }
        assert_eq!("wiki".parse::<IntrospectionId>().unwrap().as_str(), "wiki");
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", MachineSecret::for_client()), "MachineSecret(..)");
    }
}
