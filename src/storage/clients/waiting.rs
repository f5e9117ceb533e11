//! `oauth_clients`, those that are new where the owner decides: who waits for the yes, and has it.

use diesel::prelude::*;

use crate::clock::UnixTime;
use crate::oauth::{ClientId, UserId};
use crate::storage::schema::oauth_clients;
use crate::storage::{DbConnection, StorageError};

/// Notes that it waits for the owner, and who met it first. False if that was noted before, or there
/// is nothing to wait for.
pub fn ask(
    conn: &mut DbConnection,
    id: &ClientId,
    by: &UserId,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let new = oauth_clients::table
        .find(id)
        .filter(oauth_clients::asked_by.is_null())
        .filter(oauth_clients::approved_at.is_null())
        .filter(oauth_clients::disabled_at.is_null());
    let noted = (oauth_clients::asked_at.eq(now), oauth_clients::asked_by.eq(by));
    Ok(diesel::update(new).set(noted).execute(conn)? == 1)
}

/// Notes the owner's yes to a client. False if there is no such client, it has a yes, or it is
/// disabled: decided in the row that [`super::disable`] writes.
pub fn approve(
    conn: &mut DbConnection,
    id: &ClientId,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let without = oauth_clients::table
        .find(id)
        .filter(oauth_clients::approved_at.is_null())
        .filter(oauth_clients::disabled_at.is_null());
    Ok(diesel::update(without).set(oauth_clients::approved_at.eq(now)).execute(conn)? == 1)
}

/// Takes the owner's yes back. Whoever said yes since then relied on it: he is asked as about a new one.
pub fn disapprove(
    conn: &mut DbConnection,
    id: &ClientId,
    now: UnixTime,
) -> Result<(), StorageError> {
    let (row, none): (_, Option<UnixTime>) = (oauth_clients::table.find(id), None);
    diesel::update(row).set(oauth_clients::approved_at.eq(none)).execute(conn)?;
    let used = row.filter(oauth_clients::last_used_at.is_not_null());
    let nobody: Option<UserId> = None;
    let anew = (oauth_clients::asked_at.eq(now), oauth_clients::asked_by.eq(nobody));
    diesel::update(used).set(anew).execute(conn)?;
    Ok(())
}

/// Those whom [`super::Client::is_waiting`] is true of.
#[diesel::dsl::auto_type(no_type_alias)]
pub(in crate::storage) fn waiting() -> _ {
    let since = oauth_clients::last_used_at
        .is_null()
        .or(oauth_clients::last_used_at.le(oauth_clients::asked_at));
    oauth_clients::asked_by
        .is_not_null()
        .and(oauth_clients::approved_at.is_null())
        .and(oauth_clients::disabled_at.is_null())
        .and(since)
}

/// How many wait for the owner.
pub fn count_waiting(conn: &mut DbConnection) -> Result<i64, StorageError> {
    Ok(oauth_clients::table.filter(waiting().assume_not_null()).count().get_result(conn)?)
}
