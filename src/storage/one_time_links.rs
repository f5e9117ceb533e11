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
        /// Lets somebody in for the first time.
        Invite = "invite",
        /// Lets somebody in again.
        Reset = "reset",
    }
);

/// A link that works once.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = one_time_links, treat_none_as_default_value = false)]
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
    insert(conn, (purpose, None), now, None)
}

/// Makes a link for a person, which replaces every other one of the person.
pub fn replace_of_user(
    conn: &mut DbConnection,
    purpose: Purpose,
    user_id: &UserId,
    (now, expires_at): (UnixTime, UnixTime),
) -> Result<TokenSecret, StorageError> {
    remove_of_user(conn, user_id)?;
    insert(conn, (purpose, Some(user_id)), now, Some(expires_at))
}

fn insert(
    conn: &mut DbConnection,
    (purpose, user_id): (Purpose, Option<&UserId>),
    now: UnixTime,
    expires_at: Option<UnixTime>,
) -> Result<TokenSecret, StorageError> {
    insert_fresh(|id| {
        let secret = TokenSecret::generate(TokenKind::OneTimeLink, id);
        let link = OneTimeLink {
            id,
            hash: secret.hash(),
            purpose,
            created_at: now,
            used_at: None,
            user_id: user_id.cloned(),
            expires_at,
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

/// Ends every link of a person.
pub fn remove_of_user(conn: &mut DbConnection, user_id: &UserId) -> Result<(), StorageError> {
    let links = one_time_links::table.filter(one_time_links::user_id.eq(user_id));
    diesel::delete(links).execute(conn)?;
    Ok(())
}

/// The link of a person that is neither used nor over, if there is one.
pub fn find_open(
    conn: &mut DbConnection,
    user_id: &UserId,
    now: UnixTime,
) -> Result<Option<OneTimeLink>, StorageError> {
    let open = one_time_links::table
        .filter(one_time_links::user_id.eq(user_id))
        .filter(one_time_links::used_at.is_null())
        .filter(one_time_links::expires_at.gt(now));
    Ok(open.select(OneTimeLink::as_select()).get_result(conn).optional()?)
}

/// Deletes up to `limit` links whose time is over.
pub fn delete_expired(
    conn: &mut DbConnection,
    now: UnixTime,
    limit: i64,
) -> Result<usize, StorageError> {
    let expired = one_time_links::table
        .filter(one_time_links::expires_at.lt(now))
        .order(one_time_links::id)
        .limit(limit)
        .select(one_time_links::id)
        .load::<TokenId>(conn)?;
    let doomed = one_time_links::table.filter(one_time_links::id.eq_any(expired));
    Ok(diesel::delete(doomed).execute(conn)?)
}
