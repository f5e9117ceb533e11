//! `one_time_links`: links that are dead when used. The database has their hashes.

use diesel::prelude::*;

use super::codec::text_enum;
use super::ids::insert_fresh;
use super::schema::one_time_links;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::{TokenHash, TokenId, TokenKind, TokenSecret, UserId};

text_enum!(
    /// What a link is for.
    Purpose {
        /// Makes the owner's account.
        Setup = "setup",
    }
);

/// A link that works once.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = one_time_links)]
pub struct OneTimeLink {
    /// Key of the link's token.
    pub id: TokenId,
    /// Of the token's whole text.
    pub hash: TokenHash,
    /// What it is for.
    pub purpose: Purpose,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it was used.
    pub used_at: Option<UnixTime>,
    /// Whose it is, if it is for somebody.
    pub user_id: Option<UserId>,
    /// Until when it works; none: until another one takes its place.
    pub expires_at: Option<UnixTime>,
}

/// Makes a link, which replaces every other one of its purpose.
pub fn replace(
    conn: &mut DbConnection,
    purpose: Purpose,
    now: UnixTime,
) -> Result<TokenSecret, StorageError> {
    remove_all(conn, purpose)?;
    insert_fresh(|id| {
        let secret = TokenSecret::generate(TokenKind::OneTimeLink, id);
        let link = OneTimeLink {
            id,
            hash: secret.hash(),
            purpose,
            created_at: now,
            used_at: None,
            user_id: None,
            expires_at: None,
        };
        diesel::insert_into(one_time_links::table).values(link).execute(conn)?;
        Ok(secret)
    })
}

/// The link with this key, used or not.
pub fn find(conn: &mut DbConnection, id: TokenId) -> Result<Option<OneTimeLink>, StorageError> {
    let link = one_time_links::table.find(id).select(OneTimeLink::as_select());
    Ok(link.get_result(conn).optional()?)
}

/// False if somebody else has used it.
pub fn consume(conn: &mut DbConnection, id: TokenId, now: UnixTime) -> Result<bool, StorageError> {
    let unused = one_time_links::table.find(id).filter(one_time_links::used_at.is_null());
    Ok(diesel::update(unused).set(one_time_links::used_at.eq(now)).execute(conn)? == 1)
}

/// Ends every link of this purpose.
pub fn remove_all(conn: &mut DbConnection, purpose: Purpose) -> Result<(), StorageError> {
    let links = one_time_links::table.filter(one_time_links::purpose.eq(purpose));
    diesel::delete(links).execute(conn)?;
    Ok(())
}
