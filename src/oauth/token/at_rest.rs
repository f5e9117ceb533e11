//! What the database keeps of a token: nothing that can be presented.

use std::fmt;
use std::hash::{Hash, Hasher};

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Binary;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// SHA-256 of a token or of a machine-made secret, which is what the database holds.
#[derive(Debug, Clone, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The hash of the whole text, prefix included.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }
}

/// In constant time.
impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}

impl Hash for TokenHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl TryFrom<Vec<u8>> for TokenHash {
    type Error = &'static str;
    fn try_from(bytes: Vec<u8>) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self).map_err(|_| "not a SHA-256 hash")
    }
}

impl AsRef<[u8]> for TokenHash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// What makes derived tokens random: 256 bits, erased when nobody may derive from them any more.
#[derive(Clone, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub struct Salt([u8; 32]);

impl Salt {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        Self(rand::random())
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

impl TryFrom<Vec<u8>> for Salt {
    type Error = &'static str;
    fn try_from(bytes: Vec<u8>) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self).map_err(|_| "not a salt")
    }
}

impl AsRef<[u8]> for Salt {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
