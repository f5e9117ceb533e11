//! `resource_people`: who is named for a resource, and what of it each may have.

use diesel::prelude::*;

use super::resources::Resource;
use super::schema::{resource_people, users};
use super::{DbConnection, StorageError};
use crate::oauth::{Scope, UserId};

/// Somebody who is named for a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Who.
    pub user_id: UserId,
    /// Under which name.
    pub username: String,
    /// What of it; none: every scope there is.
    pub scope: Option<Scope>,
}

/// What a person is named for; none: the person is not named. Inside: nothing for every scope there
/// is.
pub fn find(
    conn: &mut DbConnection,
    resource: &Resource,
    user_id: &UserId,
) -> Result<Option<Option<Scope>>, StorageError> {
    let named = resource_people::table.find((&resource.canonical, user_id));
    Ok(named.select(resource_people::scope).get_result(conn).optional()?)
}

/// Up to `limit` people who are named, in the order of their names, after `after`.
pub fn list(
    conn: &mut DbConnection,
    resource: &Resource,
    after: &str,
    limit: i64,
) -> Result<Vec<Named>, StorageError> {
    let named = resource_people::table
        .inner_join(users::table.on(users::id.eq(resource_people::user_id)))
        .filter(resource_people::resource.eq(&resource.canonical))
        .filter(users::username.gt(after))
        .order(users::username)
        .limit(limit)
        .select((users::id, users::username, resource_people::scope))
        .load::<(UserId, String, Option<Scope>)>(conn)?;
    let named = named.into_iter();
    Ok(named.map(|(user_id, username, scope)| Named { user_id, username, scope }).collect())
}

/// How many are named.
pub fn count(conn: &mut DbConnection, resource: &Resource) -> Result<i64, StorageError> {
    let named = resource_people::table.filter(resource_people::resource.eq(&resource.canonical));
    Ok(named.count().get_result(conn)?)
}

/// Who has a limit at this resource, and which. The operator has set each.
pub fn limited(
    conn: &mut DbConnection,
    resource: &Resource,
) -> Result<Vec<(UserId, Scope)>, StorageError> {
    let limited = resource_people::table
        .filter(resource_people::resource.eq(&resource.canonical))
        .filter(resource_people::scope.is_not_null());
    let columns = (resource_people::user_id, resource_people::scope.assume_not_null());
    Ok(limited.select(columns).load(conn)?)
}

/// Names a person, in place of what was said about it before.
pub fn replace(
    conn: &mut DbConnection,
    resource: &Resource,
    user_id: &UserId,
    scope: Option<&Scope>,
) -> Result<(), StorageError> {
    remove(conn, resource, user_id)?;
    diesel::insert_into(resource_people::table)
        .values((
            resource_people::resource.eq(&resource.canonical),
            resource_people::user_id.eq(user_id),
            resource_people::scope.eq(scope),
        ))
        .execute(conn)?;
    Ok(())
}

/// False if the person was not named.
pub fn remove(
    conn: &mut DbConnection,
    resource: &Resource,
    user_id: &UserId,
) -> Result<bool, StorageError> {
    let named = resource_people::table.find((&resource.canonical, user_id));
    Ok(diesel::delete(named).execute(conn)? == 1)
}

/// The resource is gone.
pub fn remove_of_resource(
    conn: &mut DbConnection,
    resource: &Resource,
) -> Result<(), StorageError> {
    let named = resource_people::table.filter(resource_people::resource.eq(&resource.canonical));
    diesel::delete(named).execute(conn)?;
    Ok(())
}
