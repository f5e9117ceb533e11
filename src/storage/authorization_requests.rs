//! `authorization_requests`: what waits for a person. In the database, so that a restart between
//! the sign-in page and the yes costs nothing.

use diesel::prelude::*;

use super::ids::insert_fresh;
use super::schema::authorization_requests;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::{
    ClientId, CodeChallenge, Issuer, RedirectUri, ResourceUri, Scope, TokenHash, TokenId,
    TokenKind, TokenSecret,
};

/// A pending request, and the answer that it was given.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = authorization_requests, treat_none_as_default_value = false)]
pub struct PendingRequest {
    /// Key of the cookie.
    pub id: TokenId,
    /// Of the cookie, which ties the request to the browser that started it.
    pub hash: TokenHash,
    /// What is asked for.
    #[diesel(embed)]
    pub asked: Asked,
    /// When it came.
    pub created_at: UnixTime,
    /// Until when it can be answered.
    pub expires_at: UnixTime,
    /// When a person answered.
    pub decided_at: Option<UnixTime>,
    /// The code, when the answer was yes.
    pub code_id: Option<TokenId>,
}

/// A valid authorization request: RFC 6749 section 4.1.1.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = authorization_requests, treat_none_as_default_value = false)]
pub struct Asked {
    /// Who asks.
    pub client_id: ClientId,
    /// Where the answer goes, as the request spelt it.
    pub redirect_uri: RedirectUri,
    /// Given back as it came.
    pub state: Option<String>,
    /// RFC 7636.
    pub code_challenge: CodeChallenge,
    /// Narrowed to what is offered.
    pub scope: Scope,
    /// In the registered spelling.
    pub resource: ResourceUri,
    /// `prompt=login`: a session older than the request does not do.
    pub fresh_sign_in: bool,
    /// By whose authorization endpoint it came. Not known of what an older program has kept.
    pub issuer: Option<Issuer>,
}

/// Keeps a request. The secret is the cookie.
pub fn insert(
    conn: &mut DbConnection,
    asked: &Asked,
    now: UnixTime,
    expires_at: UnixTime,
) -> Result<TokenSecret, StorageError> {
    insert_fresh(|id| {
        let secret = TokenSecret::generate(TokenKind::AuthorizationRequest, id);
        let pending = PendingRequest {
            id,
            hash: secret.hash(),
            asked: asked.clone(),
            created_at: now,
            expires_at,
            decided_at: None,
            code_id: None,
        };
        diesel::insert_into(authorization_requests::table).values(pending).execute(conn)?;
        Ok(secret)
    })
}

/// The request with this key, answered or not.
pub fn find(conn: &mut DbConnection, id: TokenId) -> Result<Option<PendingRequest>, StorageError> {
    let pending = authorization_requests::table.find(id).select(PendingRequest::as_select());
    Ok(pending.get_result(conn).optional()?)
}

/// Notes that it was answered. False if it was before.
pub fn decide(conn: &mut DbConnection, id: TokenId, now: UnixTime) -> Result<bool, StorageError> {
    let open =
        authorization_requests::table.find(id).filter(authorization_requests::decided_at.is_null());
    Ok(diesel::update(open).set(authorization_requests::decided_at.eq(now)).execute(conn)? == 1)
}

/// Notes the code that answered it.
pub fn set_code(
    conn: &mut DbConnection,
    id: TokenId,
    code_id: TokenId,
) -> Result<(), StorageError> {
    diesel::update(authorization_requests::table.find(id))
        .set(authorization_requests::code_id.eq(code_id))
        .execute(conn)?;
    Ok(())
}

/// How many there are, answered or not.
pub fn count(conn: &mut DbConnection) -> Result<i64, StorageError> {
    Ok(authorization_requests::table.count().get_result(conn)?)
}

/// Deletes the `limit` oldest.
pub fn delete_oldest(conn: &mut DbConnection, limit: i64) -> Result<usize, StorageError> {
    let oldest = authorization_requests::table
        .order(authorization_requests::id)
        .limit(limit)
        .select(authorization_requests::id)
        .load::<TokenId>(conn)?;
    let doomed = authorization_requests::table.filter(authorization_requests::id.eq_any(oldest));
    Ok(diesel::delete(doomed).execute(conn)?)
}

/// Deletes up to `limit` that can no longer be answered.
pub fn delete_expired(
    conn: &mut DbConnection,
    now: UnixTime,
    limit: i64,
) -> Result<usize, StorageError> {
    let expired = authorization_requests::table
        .filter(authorization_requests::expires_at.lt(now))
        .order(authorization_requests::id)
        .limit(limit)
        .select(authorization_requests::id)
        .load::<TokenId>(conn)?;
    let doomed = authorization_requests::table.filter(authorization_requests::id.eq_any(expired));
    Ok(diesel::delete(doomed).execute(conn)?)
}
