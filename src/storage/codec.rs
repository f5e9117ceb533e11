//! How vocabulary becomes columns: TEXT that parses, BIGINT that counts, BLOB that is a hash.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{BigInt, Binary, Text};
use diesel::sqlite::Sqlite;

use super::attempts::Story;
use super::connection::MultiBackend;
use super::events::Kind;
use super::portable::Blob;
use super::sign_ins::Goal;
use super::{
    Audience, ClientOrigin, DocumentSource, Event, Method, Purpose, RevokedBecause, Role, Step,
};
use crate::clock::UnixTime;
use crate::mcp::{Pattern, RuleKind};
use crate::oauth::{
    ClientId, ClientMetadata, CodeChallenge, GrantId, IntrospectionId, Issuer, RedirectUri,
    ResourceUri, Salt, Scope, TokenHash, TokenId, UserId,
};

macro_rules! column {
    ($sql_type:ident as $raw:ty: $($name:ty),+; read $read:expr; write $write:expr) => {$(
        impl<DB: Backend> FromSql<$sql_type, DB> for $name
        where
            $raw: FromSql<$sql_type, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
                let read: fn($raw) -> deserialize::Result<$name> = $read;
                read(<$raw>::from_sql(value)?)
            }
        }

        impl ToSql<$sql_type, Sqlite> for $name {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                let write: fn(&$name) -> _ = $write;
                out.set_value(write(self));
                Ok(IsNull::No)
            }
        }

        impl ToSql<$sql_type, MultiBackend> for $name {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
                out.set_value(($sql_type, self));
                Ok(IsNull::No)
            }
        }
    )+};
}

column!(Text as String:
    Audience, ClientId, ClientMetadata, ClientOrigin, CodeChallenge, DocumentSource, Event, Goal,
    IntrospectionId, Issuer, Kind, Method, Pattern, Purpose, RedirectUri, ResourceUri, RevokedBecause, Role,
    RuleKind, Scope, Step, Story, UserId;
    read |text| Ok(text.parse()?); write |value| value.to_string());
column!(Binary as Vec<u8>: Blob; read |bytes| Ok(bytes.into()); write |value| value.as_ref().to_vec());
column!(Binary as Vec<u8>: Salt, TokenHash;
    read |bytes| Ok(bytes.try_into()?); write |value| value.as_ref().to_vec());
column!(BigInt as i64: GrantId; read |number| Ok(GrantId(number)); write |value| value.0);
column!(BigInt as i64: TokenId; read |number| Ok(TokenId(number)); write |value| value.0);
column!(BigInt as i64: UnixTime; read |number| Ok(UnixTime(number)); write |value| value.0);

/// An enum that is one word of TEXT.
macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, serde::Serialize,
            diesel::expression::AsExpression, diesel::deserialize::FromSqlRow,
        )]
        #[diesel(sql_type = diesel::sql_types::Text)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant),+
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$variant => $text),+ })
            }
        }

        impl std::str::FromStr for $name {
            type Err = &'static str;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(concat!("must be one of:", $(" ", $text),+)),
                }
            }
        }
    };
}
pub(super) use text_enum;
