//! What the operator lets be had: at a resource, and by a client. Whatever a limit names is allowed
//! with all that it includes ([`ScopeHierarchy`]), which callers have added before they come here.

use super::admission;
use crate::clock::UnixTime;
use crate::error::Error;
use crate::oauth::{ClientId, Scope, ScopeHierarchy};
use crate::storage::events::{Event, Subject, record};
use crate::storage::resources::{self, Resource};
use crate::storage::{
    DbConnection, RevokedBecause, StorageError, clients, grants, resource_people,
};

/// Says what there is to be had at a resource; none: every scope of the settings. Grants that exceed
/// it are dead at once, as by [`admission::open_to`], which has the same to be done before and after.
///
/// # Errors
/// As there.
pub fn of_resource(
    conn: &mut DbConnection,
    resource: &Resource,
    scopes: Option<&Scope>,
    now: UnixTime,
) -> Result<(), Error> {
    let resource = admission::hold_settled(conn, resource)?;
    resources::set_scopes(conn, &resource, scopes)?;
    let about = Subject { detail: Some(in_words(scopes)), ..Subject::resource(&resource.uri) };
    record(conn, Event::ScopesChanged, about, now)?;
    let last = grants::last(conn)?;
    Ok(resources::narrow_up_to(conn, &resource, last)?)
}

/// Sets the most that a client may have; none: no limit. How many grants that ended, because they
/// had more; none if there is no such client. Codes on their way are held against it when they are
/// redeemed.
///
/// # Errors
/// The database's.
pub fn of_client(
    conn: &mut DbConnection,
    id: &ClientId,
    most: Option<&Scope>,
    now: UnixTime,
) -> Result<Option<usize>, StorageError> {
    if !clients::set_ceiling(conn, id, most)? {
        return Ok(None);
    }
    let about = Subject { detail: Some(in_words(most)), ..Subject::client(id) };
    record(conn, Event::ClientLimited, about, now)?;
    let Some(most) = most else { return Ok(Some(0)) };
    grants::revoke_beyond(conn, id, most, RevokedBecause::ClientLimited, now).map(Some)
}

/// Adds what the settings say that scopes include to every limit that was set before they said it.
/// Grants stay as they are: nobody has been asked about more.
///
/// # Errors
/// The database's.
pub fn expand(conn: &mut DbConnection, hierarchy: &ScopeHierarchy) -> Result<(), StorageError> {
    if hierarchy.is_empty() {
        return Ok(());
    }
    let grown = |scope: &Scope| Some(hierarchy.expand(scope)).filter(|more| more != scope);
    for resource in resources::list(conn)? {
        if let Some(scopes) = resource.scopes.as_ref().and_then(grown) {
            resources::set_scopes(conn, &resource, Some(&scopes))?;
        }
        if let Some(scope) = resource.scope.as_ref().and_then(grown) {
            resources::set_audience(conn, &resource, (resource.audience, Some(&scope)))?;
        }
        for (user_id, scope) in resource_people::limited(conn, &resource)? {
            if let Some(scope) = grown(&scope) {
                resource_people::replace(conn, &resource, &user_id, Some(&scope))?;
            }
        }
    }
    for (id, most) in clients::limited(conn)? {
        if let Some(most) = grown(&most) {
            clients::set_ceiling(conn, &id, Some(&most))?;
        }
    }
    Ok(())
}

fn in_words(scope: Option<&Scope>) -> String {
    scope.map_or_else(|| "everything".to_owned(), ToString::to_string)
}
