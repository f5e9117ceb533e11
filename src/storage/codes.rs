//! `oauth_codes`: RFC 6749 section 4.1.2. Redeemed once, then kept to recognise a replay.

use diesel::prelude::*;

use super::connection::{LookUp, directly, update};
use super::error::once;
use super::ids::{edge, insert_fresh};
use super::schema::oauth_codes;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::{
    ClientId, CodeChallenge, GrantId, RedirectUri, ResourceUri, Scope, TokenHash, TokenId,
    TokenSecret, UserId,
};

/// A code, and the terms to which a person said yes.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_codes, treat_none_as_default_value = false)]
pub struct Code {
    /// Its key.
    pub id: TokenId,
    /// Of its whole text.
    pub hash: TokenHash,
    /// To whom it was issued.
    pub client_id: ClientId,
    /// Who said yes.
    pub user_id: UserId,
    /// Where it was sent.
    pub redirect_uri: RedirectUri,
    /// Whose verifier redeems it.
    pub code_challenge: CodeChallenge,
    /// To what.
    pub scope: Scope,
    /// Where.
    pub resource: ResourceUri,
    /// Until when.
    pub expires_at: UnixTime,
    /// When it was redeemed.
    pub redeemed_at: Option<UnixTime>,
    /// The grant that it became.
    pub grant_id: Option<GrantId>,
}

/// Draws a key, from which `make` makes the token and its row; hands the token back.
pub fn insert(
    conn: &mut DbConnection,
    make: impl Fn(TokenId) -> (TokenSecret, Code),
) -> Result<TokenSecret, StorageError> {
    insert_fresh(|id| {
        let (secret, row) = make(id);
        directly!(conn => diesel::insert_into(oauth_codes::table).values(row).execute(conn))?;
        Ok(secret)
    })
}

/// Adds a code from elsewhere, which has its key already.
///
/// [`StorageError::AlreadyExists`] when the key is taken.
pub fn take(conn: &mut DbConnection, row: &Code) -> Result<(), StorageError> {
    diesel::insert_into(oauth_codes::table).values(row).execute(conn)?;
    Ok(())
}

/// The code with this key, redeemed or not.
pub fn find(conn: &mut DbConnection, id: TokenId) -> Result<Option<Code>, StorageError> {
    static LOOK_UP: LookUp = LookUp::new();
    let code = LOOK_UP.by(id, |id| oauth_codes::table.find(id).select(Code::as_select()));
    Ok(directly!(conn => code.get_result(conn)).optional()?)
}

/// Redeems the code, once, for this grant, or for nothing: the row decides, not the caller.
///
/// [`StorageError::Unavailable`] if somebody else was first, whom this transaction has not seen.
pub fn consume(
    conn: &mut DbConnection,
    id: TokenId,
    grant_id: Option<GrantId>,
    now: UnixTime,
) -> Result<(), StorageError> {
    let unused = oauth_codes::table.find(id).filter(oauth_codes::redeemed_at.is_null());
    let redeemed =
        update(unused, (oauth_codes::redeemed_at.eq(now), oauth_codes::grant_id.eq(grant_id)));
    once(directly!(conn => redeemed.execute(conn))?)
}

/// Ends the codes of which `which` is true and that could still be redeemed: as if they had been. Their
/// rows stay, so that nobody brings one back. Reads those of a day or so.
pub fn end_open(
    conn: &mut DbConnection,
    now: UnixTime,
    which: impl Fn(&Code) -> bool,
) -> Result<(), StorageError> {
    let open = oauth_codes::table
        .filter(oauth_codes::redeemed_at.is_null())
        .filter(oauth_codes::expires_at.gt(now))
        .select(Code::as_select())
        .load::<Code>(conn)?;
    for code in open.iter().filter(|code| which(code)) {
        consume(conn, code.id, None, now)?;
    }
    Ok(())
}

/// Deletes up to `limit` codes that were drawn before `drawn_before`, from the left edge of the
/// table, and expired before `before`.
pub fn delete_expired(
    conn: &mut DbConnection,
    drawn_before: UnixTime,
    before: UnixTime,
    limit: i64,
) -> Result<usize, StorageError> {
    let expired = oauth_codes::table
        .filter(oauth_codes::id.lt(edge(drawn_before)))
        .filter(oauth_codes::expires_at.lt(before))
        .order(oauth_codes::id)
        .limit(limit)
        .select(oauth_codes::id)
        .load::<TokenId>(conn)?;
    Ok(diesel::delete(oauth_codes::table.filter(oauth_codes::id.eq_any(expired))).execute(conn)?)
}
