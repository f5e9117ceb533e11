//! `oauth_tokens`: access tokens, RFC 6749 section 1.4.

use std::sync::Arc;

use diesel::prelude::*;

use super::connection::{LookUp, directly};
use super::grants::Grant;
use super::ids::{FIRST_DRAWN, edge, insert_fresh};
use super::schema::{oauth_grants, oauth_refresh_tokens, oauth_tokens, users};
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::{GrantId, Scope, TokenHash, TokenId, TokenSecret};

/// An access token.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_tokens, treat_none_as_default_value = false)]
pub struct AccessToken {
    /// Its key.
    pub id: TokenId,
    /// Of its whole text.
    pub hash: TokenHash,
    /// Whose yes it stands for.
    pub grant_id: GrantId,
    /// The refresh token of the same pair.
    pub generation: Option<TokenId>,
    /// Perhaps less than the grant's.
    pub scope: Scope,
    /// `iat`
    pub issued_at: UnixTime,
    /// `exp`
    pub expires_at: UnixTime,
}

/// An access token with all that introspection says of it.
#[derive(Debug, Clone)]
pub struct Described {
    /// The token.
    pub token: AccessToken,
    /// Its grant.
    pub grant: Grant,
    /// The user's name; none when the account is gone.
    pub username: Option<Arc<str>>,
    /// Whether its pair has been confirmed as received, or has no refresh token.
    pub confirmed: bool,
}

impl Described {
    /// Every text of it that other tokens may have in common with it.
    pub(super) fn texts_mut(&mut self) -> impl Iterator<Item = &mut Arc<str>> {
        let grant = &mut self.grant;
        let ids = [grant.client_id.text_mut(), grant.user_id.text_mut()];
        let scopes = [self.token.scope.text_mut(), grant.scope.text_mut()];
        ids.into_iter().chain(scopes).chain(grant.resource.texts_mut()).chain(&mut self.username)
    }
}

/// Draws a key, from which `make` makes the token and its row; hands the token back.
pub fn insert(
    conn: &mut DbConnection,
    make: impl Fn(TokenId) -> (TokenSecret, AccessToken),
) -> Result<TokenSecret, StorageError> {
    insert_fresh(|id| {
        let (secret, row) = make(id);
        directly!(conn => diesel::insert_into(oauth_tokens::table).values(row).execute(conn))?;
        Ok(secret)
    })
}

/// Adds a token from elsewhere, which has its key already.
///
/// [`StorageError::AlreadyExists`] when the key is taken.
pub fn take(conn: &mut DbConnection, row: &AccessToken) -> Result<(), StorageError> {
    diesel::insert_into(oauth_tokens::table).values(row).execute(conn)?;
    Ok(())
}

/// The token with this key, alive or not.
pub fn find(conn: &mut DbConnection, id: TokenId) -> Result<Option<AccessToken>, StorageError> {
    static LOOK_UP: LookUp = LookUp::new();
    let token = LOOK_UP.by(id, |id| oauth_tokens::table.find(id).select(AccessToken::as_select()));
    Ok(directly!(conn => token.get_result(conn)).optional()?)
}

/// The token with this key, alive or not, and what it stands for: one look-up.
pub fn describe(conn: &mut DbConnection, id: TokenId) -> Result<Option<Described>, StorageError> {
    type Row = (AccessToken, Grant, Option<String>, Option<TokenId>, Option<UnixTime>);
    static LOOK_UP: LookUp = LookUp::new();
    let query = LOOK_UP.by(id, |id| {
        oauth_tokens::table
            .inner_join(oauth_grants::table.on(oauth_grants::id.eq(oauth_tokens::grant_id)))
            .left_join(users::table.on(users::id.eq(oauth_grants::user_id)))
            .left_join(
                oauth_refresh_tokens::table
                    .on(oauth_tokens::generation.eq(oauth_refresh_tokens::id.nullable())),
            )
            .filter(oauth_tokens::id.eq(id))
            .select((
                AccessToken::as_select(),
                Grant::as_select(),
                users::username.nullable(),
                oauth_refresh_tokens::id.nullable(),
                oauth_refresh_tokens::confirmed_at.nullable(),
            ))
    });
    let row = directly!(conn => query.get_result::<Row>(conn)).optional()?;
    Ok(row.map(|(token, grant, username, pair, confirmed_at)| Described {
        token,
        grant,
        username: username.map(Arc::from),
        confirmed: pair.is_none() || confirmed_at.is_some(),
    }))
}

/// Deletes up to `limit` tokens that were drawn before `drawn_before`, from the left edge of the
/// table, and expired before `before`. Those of the replaced provider stay.
pub fn delete_expired(
    conn: &mut DbConnection,
    drawn_before: UnixTime,
    before: UnixTime,
    limit: i64,
) -> Result<usize, StorageError> {
    let expired = oauth_tokens::table
        .filter(oauth_tokens::id.ge(FIRST_DRAWN))
        .filter(oauth_tokens::id.lt(edge(drawn_before)))
        .filter(oauth_tokens::expires_at.lt(before))
        .order(oauth_tokens::id)
        .limit(limit)
        .select(oauth_tokens::id)
        .load::<TokenId>(conn)?;
    Ok(diesel::delete(oauth_tokens::table.filter(oauth_tokens::id.eq_any(expired)))
        .execute(conn)?)
}
