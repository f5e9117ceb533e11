//! `identities`: accounts elsewhere that sign somebody in here. One of them is one person's.

use diesel::prelude::*;

use super::schema::identities;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::UserId;

/// The most that are listed of one person.
const MOST: i64 = 100;

/// An account elsewhere.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = identities, treat_none_as_default_value = false)]
pub struct Identity {
    /// Whose accounts they are: an issuer, or where GitHub is. Not the name in the settings, which
    /// may be another provider's tomorrow.
    pub provider: String,
    /// Which account.
    pub subject: String,
    /// Whom it signs in.
    pub user_id: UserId,
    /// What the provider calls the account, for people.
    pub label: String,
    /// Since when.
    pub created_at: UnixTime,
    /// When it last signed somebody in.
    pub last_used_at: Option<UnixTime>,
}

/// [`StorageError::AlreadyExists`] when it is somebody's.
pub fn insert(conn: &mut DbConnection, identity: &Identity) -> Result<(), StorageError> {
    diesel::insert_into(identities::table).values(identity).execute(conn)?;
    Ok(())
}

/// The one of this provider with this subject.
pub fn find(
    conn: &mut DbConnection,
    provider: &str,
    subject: &str,
) -> Result<Option<Identity>, StorageError> {
    let one = identities::table.find((provider, subject)).select(Identity::as_select());
    Ok(one.get_result(conn).optional()?)
}

/// Those of somebody, the oldest first.
pub fn list_of_user(
    conn: &mut DbConnection,
    user_id: &UserId,
) -> Result<Vec<Identity>, StorageError> {
    let theirs = identities::table.filter(identities::user_id.eq(user_id));
    let theirs = theirs.order((identities::created_at, identities::subject)).limit(MOST);
    Ok(theirs.select(Identity::as_select()).load(conn)?)
}

/// Notes that it has signed somebody in, and what it is called by now.
pub fn touch(
    conn: &mut DbConnection,
    identity: &Identity,
    label: &str,
    now: UnixTime,
) -> Result<(), StorageError> {
    let one = identities::table.find((&identity.provider, &identity.subject));
    let noted = (identities::label.eq(label), identities::last_used_at.eq(now));
    diesel::update(one).set(noted).execute(conn)?;
    Ok(())
}

/// False if this person has no such one.
pub fn remove(
    conn: &mut DbConnection,
    user_id: &UserId,
    (provider, subject): (&str, &str),
) -> Result<bool, StorageError> {
    let one = identities::table.find((provider, subject)).filter(identities::user_id.eq(user_id));
    Ok(diesel::delete(one).execute(conn)? == 1)
}

/// Those of somebody who has gone.
pub fn remove_of_user(conn: &mut DbConnection, user_id: &UserId) -> Result<(), StorageError> {
    diesel::delete(identities::table.filter(identities::user_id.eq(user_id))).execute(conn)?;
    Ok(())
}

/// How many this person has.
pub fn count_of_user(conn: &mut DbConnection, user_id: &UserId) -> Result<i64, StorageError> {
    Ok(identities::table.filter(identities::user_id.eq(user_id)).count().get_result(conn)?)
}
