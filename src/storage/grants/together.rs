//! Grants that end together: of one person, one client, one resource.

use diesel::prelude::*;

use super::{RevokedBecause, ended};
use crate::clock::UnixTime;
use crate::oauth::{ClientId, GrantId, ResourceUri, Scope, UserId};
use crate::storage::schema::oauth_grants;
use crate::storage::{DbConnection, StorageError};

/// Ends every grant of a user; how many that were.
pub fn revoke_of_user(
    conn: &mut DbConnection,
    user_id: &UserId,
    because: RevokedBecause,
    now: UnixTime,
) -> Result<usize, StorageError> {
    let live = oauth_grants::table.filter(oauth_grants::revoked_at.is_null());
    let theirs = live.filter(oauth_grants::user_id.eq(user_id));
    Ok(diesel::update(theirs).set(ended(because, now)).execute(conn)?)
}

/// Ends every grant to a client; how many that were.
pub fn revoke_of_client(
    conn: &mut DbConnection,
    client_id: &ClientId,
    because: RevokedBecause,
    now: UnixTime,
) -> Result<usize, StorageError> {
    let live = oauth_grants::table.filter(oauth_grants::revoked_at.is_null());
    let its = live.filter(oauth_grants::client_id.eq(client_id));
    Ok(diesel::update(its).set(ended(because, now)).execute(conn)?)
}

/// Ends every grant to a client that has more than this; how many that were. Its grants have a few
/// different scopes, however many there are.
pub fn revoke_beyond(
    conn: &mut DbConnection,
    client_id: &ClientId,
    most: &Scope,
    because: RevokedBecause,
    now: UnixTime,
) -> Result<usize, StorageError> {
    let live = || {
        let live = oauth_grants::table.filter(oauth_grants::revoked_at.is_null());
        live.filter(oauth_grants::client_id.eq(client_id))
    };
    let scopes = live().select(oauth_grants::scope).distinct().load::<Scope>(conn)?;
    let beyond: Vec<Scope> = scopes.into_iter().filter(|scope| !most.covers(scope)).collect();
    let doomed = live().filter(oauth_grants::scope.eq_any(beyond));
    Ok(diesel::update(doomed).set(ended(because, now)).execute(conn)?)
}

/// Ends every grant for a resource, in whatever spelling it has; how many that were.
pub fn revoke_of_resource(
    conn: &mut DbConnection,
    canonical: &str,
    because: RevokedBecause,
    now: UnixTime,
) -> Result<usize, StorageError> {
    let live = oauth_grants::table.filter(oauth_grants::revoked_at.is_null());
    let its = live.filter(oauth_grants::resource.eq_any(spellings(conn, canonical)?));
    Ok(diesel::update(its).set(ended(because, now)).execute(conn)?)
}

/// How a resource was spelt when people said yes: one step through the index for each spelling that
/// there is of any.
pub(in crate::storage) fn spellings(
    conn: &mut DbConnection,
    canonical: &str,
) -> Result<Vec<ResourceUri>, StorageError> {
    let mut found = vec![];
    let mut after = String::new();
    let first = |after: &str| {
        oauth_grants::table
            .filter(oauth_grants::resource.gt(after.to_owned()))
            .order(oauth_grants::resource)
            .limit(1)
            .select(oauth_grants::resource)
    };
    while let Some(uri) = first(&after).get_result::<ResourceUri>(conn).optional()? {
        after = uri.to_string();
        if uri.canonical() == canonical {
            found.push(uri);
        }
    }
    Ok(found)
}

/// Ends these, as far as they are live; how many that were.
pub fn revoke_all(
    conn: &mut DbConnection,
    ids: &[GrantId],
    because: RevokedBecause,
    now: UnixTime,
) -> Result<usize, StorageError> {
    let live = oauth_grants::table.filter(oauth_grants::revoked_at.is_null());
    Ok(diesel::update(live.filter(oauth_grants::id.eq_any(ids)))
        .set(ended(because, now))
        .execute(conn)?)
}
