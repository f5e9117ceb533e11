//! `registration_tokens`: who may register where not everybody may (RFC 7591 section 3). The database
//! has their hashes.

use diesel::prelude::*;

use super::ids::insert_fresh;
use super::schema::registration_tokens;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::{TokenHash, TokenId, TokenKind, TokenSecret};

/// An initial access token.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = registration_tokens, treat_none_as_default_value = false)]
pub struct RegistrationToken {
    /// Key of the token.
    pub id: TokenId,
    /// Of the token's whole text.
    pub hash: TokenHash,
    /// What the operator calls it; no two have one name.
    pub name: String,
    /// When it was made.
    pub created_at: UnixTime,
    /// Until when it works; none: for ever.
    pub expires_at: Option<UnixTime>,
    /// How often it still works; none: as often as anybody likes.
    pub uses_left: Option<i64>,
    /// When somebody last registered with it.
    pub last_used_at: Option<UnixTime>,
}

impl RegistrationToken {
    /// Whether somebody may register with it.
    #[must_use]
    pub fn works(&self, now: UnixTime) -> bool {
        self.uses_left.is_none_or(|left| left > 0) && self.expires_at.is_none_or(|end| now < end)
    }
}

/// Makes a token.
///
/// # Errors
/// [`StorageError::AlreadyExists`] when the name is taken.
pub fn insert(
    conn: &mut DbConnection,
    name: &str,
    (uses_left, expires_at): (Option<i64>, Option<UnixTime>),
    now: UnixTime,
) -> Result<TokenSecret, StorageError> {
    let named = registration_tokens::table.filter(registration_tokens::name.eq(name));
    if named.count().get_result::<i64>(conn)? > 0 {
        return Err(StorageError::AlreadyExists);
    }
    insert_fresh(|id| {
        let secret = TokenSecret::generate(TokenKind::InitialAccess, id);
        let row = RegistrationToken {
            id,
            hash: secret.hash(),
            name: name.to_owned(),
            created_at: now,
            expires_at,
            uses_left,
            last_used_at: None,
        };
        diesel::insert_into(registration_tokens::table).values(row).execute(conn)?;
        Ok(secret)
    })
}

/// The token with this key, whether it works or not.
pub fn find(
    conn: &mut DbConnection,
    id: TokenId,
) -> Result<Option<RegistrationToken>, StorageError> {
    let token = registration_tokens::table.find(id).select(RegistrationToken::as_select());
    Ok(token.get_result(conn).optional()?)
}

/// Uses it once. False if it does not work any more: the row decides who had the last use.
pub fn consume(conn: &mut DbConnection, id: TokenId, now: UnixTime) -> Result<bool, StorageError> {
    use registration_tokens::{expires_at, last_used_at, uses_left};
    let working = registration_tokens::table
        .find(id)
        .filter(uses_left.is_null().or(uses_left.gt(0)))
        .filter(expires_at.is_null().or(expires_at.gt(now)));
    let columns = (uses_left.eq(uses_left - 1), last_used_at.eq(now));
    Ok(diesel::update(working).set(columns).execute(conn)? == 1)
}

/// All of them, the oldest first.
pub fn list(conn: &mut DbConnection) -> Result<Vec<RegistrationToken>, StorageError> {
    let all = registration_tokens::table.order(registration_tokens::id);
    Ok(all.select(RegistrationToken::as_select()).load(conn)?)
}

/// False if there is none of this name.
pub fn remove(conn: &mut DbConnection, name: &str) -> Result<bool, StorageError> {
    let named = registration_tokens::table.filter(registration_tokens::name.eq(name));
    Ok(diesel::delete(named).execute(conn)? > 0)
}
