//! `oauth_refresh_tokens`: each is used once, and then kept to answer a retry or to know a replay.

use diesel::prelude::*;

use super::connection::{LookUp, Numbered, directly, update};
use super::error::once;
use super::ids::{FIRST_DRAWN, edge, insert_fresh};
use super::schema::oauth_refresh_tokens;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::{GrantId, Salt, TokenHash, TokenId, TokenSecret};

/// A refresh token. Used ones say which pair followed, and hold the salt from which the holder's
/// token gives that pair again.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_refresh_tokens, treat_none_as_default_value = false)]
pub struct RefreshToken {
    /// Its key.
    pub id: TokenId,
    /// Of its whole text.
    pub hash: TokenHash,
    /// Whose yes it stands for.
    pub grant_id: GrantId,
    /// The token whose use made this one.
    pub previous: Option<TokenId>,
    /// When it expires unused.
    pub expires_at: UnixTime,
    /// When it was first used.
    pub used_at: Option<UnixTime>,
    /// Erased when no retry can need it.
    pub salt: Option<Salt>,
    /// The refresh token that followed.
    pub successor_id: Option<TokenId>,
    /// The access token that followed.
    pub access_id: Option<TokenId>,
    /// When the access token of its own pair was first seen at work: the client has the pair.
    pub confirmed_at: Option<UnixTime>,
}

/// Draws a key, from which `make` makes the token and its row; hands the token back.
pub fn insert(
    conn: &mut DbConnection,
    make: impl Fn(TokenId) -> (TokenSecret, RefreshToken),
) -> Result<TokenSecret, StorageError> {
    insert_fresh(|id| {
        let (secret, row) = make(id);
        let query = diesel::insert_into(oauth_refresh_tokens::table).values(row);
        directly!(conn => query.execute(conn))?;
        Ok(secret)
    })
}

/// Adds a token from elsewhere, which has its key already.
///
/// [`StorageError::AlreadyExists`] when the key is taken.
pub fn take(conn: &mut DbConnection, row: &RefreshToken) -> Result<(), StorageError> {
    diesel::insert_into(oauth_refresh_tokens::table).values(row).execute(conn)?;
    Ok(())
}

/// The token with this key, used or not.
pub fn find(conn: &mut DbConnection, id: TokenId) -> Result<Option<RefreshToken>, StorageError> {
    static LOOK_UP: LookUp = LookUp::new();
    let token =
        LOOK_UP.by(id, |id| oauth_refresh_tokens::table.find(id).select(RefreshToken::as_select()));
    Ok(directly!(conn => token.get_result(conn)).optional()?)
}

/// What is noted of a token when it is used.
#[derive(Debug)]
pub struct Use {
    /// When.
    pub at: UnixTime,
    /// From which its holder's token gives the pair again.
    pub salt: Salt,
    /// The refresh token that follows.
    pub successor_id: TokenId,
    /// The access token that follows.
    pub access_id: TokenId,
}

/// Uses the token, once: the row decides, not the caller.
///
/// [`StorageError::Unavailable`] if somebody else was first, whom this transaction has not seen.
pub fn consume(conn: &mut DbConnection, id: TokenId, by: Use) -> Result<(), StorageError> {
    let unused =
        oauth_refresh_tokens::table.find(id).filter(oauth_refresh_tokens::used_at.is_null());
    let used = update(
        unused,
        (
            oauth_refresh_tokens::used_at.eq(by.at),
            oauth_refresh_tokens::salt.eq(by.salt),
            oauth_refresh_tokens::successor_id.eq(by.successor_id),
            oauth_refresh_tokens::access_id.eq(by.access_id),
        ),
    );
    once(directly!(conn => used.execute(conn))?)
}

/// Puts another access token into the pair that followed from a used token.
pub fn replace_access(
    conn: &mut DbConnection,
    id: TokenId,
    access_id: TokenId,
) -> Result<(), StorageError> {
    diesel::update(oauth_refresh_tokens::table.find(id))
        .set(oauth_refresh_tokens::access_id.eq(access_id))
        .execute(conn)?;
    Ok(())
}

/// Notes that the client has this pair. Once.
pub fn confirm(conn: &mut DbConnection, id: TokenId, now: UnixTime) -> Result<(), StorageError> {
    let unconfirmed =
        oauth_refresh_tokens::table.find(id).filter(oauth_refresh_tokens::confirmed_at.is_null());
    let confirmed = update(unconfirmed, oauth_refresh_tokens::confirmed_at.eq(now));
    directly!(conn => confirmed.execute(conn))?;
    Ok(())
}

/// From now on nobody derives again what followed from this used token and those before it, `hops` in all, as
/// far as they were used by `until`. They are erased in order, so the first without a salt ends the walk.
pub fn erase_salts(
    conn: &mut DbConnection,
    last: TokenId,
    hops: i64,
    until: UnixTime,
) -> Result<(), StorageError> {
    // One statement: most of a chain is looked at in vain, at each refresh of it.
    const ERASE: &str = "
        WITH RECURSIVE used (id, previous, used_at, hop) AS (
            SELECT id, previous, used_at, 1 FROM oauth_refresh_tokens
            WHERE id = ? AND salt IS NOT NULL
            UNION ALL
            SELECT token.id, token.previous, token.used_at, used.hop + 1
            FROM used JOIN oauth_refresh_tokens AS token ON token.id = used.previous
            WHERE used.hop < ? AND token.salt IS NOT NULL
        )
        UPDATE oauth_refresh_tokens SET salt = NULL
        WHERE id IN (SELECT id FROM used WHERE used_at <= ?)";
    let erased = Numbered(ERASE, [last.0, hops, until.0]);
    directly!(conn => erased.execute(conn))?;
    Ok(())
}

/// Deletes up to `limit` tokens that were drawn before `drawn_before`, from the left edge of the
/// table, expired before `before`, and were not used since `drawn_before`. Those of the replaced
/// provider stay.
pub fn delete_expired(
    conn: &mut DbConnection,
    drawn_before: UnixTime,
    before: UnixTime,
    limit: i64,
) -> Result<usize, StorageError> {
    let unused = oauth_refresh_tokens::used_at.is_null();
    let used = oauth_refresh_tokens::used_at.assume_not_null().lt(drawn_before);
    let expired = oauth_refresh_tokens::table
        .filter(oauth_refresh_tokens::id.ge(FIRST_DRAWN))
        .filter(oauth_refresh_tokens::id.lt(edge(drawn_before)))
        .filter(oauth_refresh_tokens::expires_at.lt(before))
        .filter(unused.or(used))
        .order(oauth_refresh_tokens::id)
        .limit(limit)
        .select(oauth_refresh_tokens::id)
        .load::<TokenId>(conn)?;
    let doomed = oauth_refresh_tokens::table.filter(oauth_refresh_tokens::id.eq_any(expired));
    Ok(diesel::delete(doomed).execute(conn)?)
}
