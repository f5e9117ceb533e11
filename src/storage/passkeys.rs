//! `passkeys`: public keys of what people sign in with (Web Authentication).

use diesel::prelude::*;

use super::schema::passkeys;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::UserId;

/// One of somebody's passkeys.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = passkeys, treat_none_as_default_value = false)]
pub struct Passkey {
    /// In base64url. No two people have the same.
    pub credential_id: String,
    /// Whose it is.
    pub user_id: UserId,
    /// What the person calls it.
    pub name: String,
    /// The public key, its counter, and what else belongs to it: JSON.
    pub passkey: String,
    /// When it was added.
    pub created_at: UnixTime,
    /// When it was last used to sign in.
    pub last_used_at: Option<UnixTime>,
    /// Its RP id, the host for which it was made; none for one that an older version has made: it is taken
    /// for the present issuer's.
    pub host: Option<String>,
}

impl Passkey {
    /// Whether it signs in at this host (Web Authentication section 5.1.3): not at another one.
    #[must_use]
    pub fn is_for(&self, host: &str) -> bool {
        self.elsewhere(host).is_none()
    }

    /// Where it signs in, if that is another host than this.
    #[must_use]
    pub fn elsewhere(&self, here: &str) -> Option<&str> {
        self.host.as_deref().filter(|its| *its != here)
    }
}

/// [`StorageError::AlreadyExists`] when somebody has it already.
pub fn insert(conn: &mut DbConnection, passkey: &Passkey) -> Result<(), StorageError> {
    diesel::insert_into(passkeys::table).values(passkey).execute(conn)?;
    Ok(())
}

/// The passkey with this id, whosever it is.
pub fn find(conn: &mut DbConnection, credential_id: &str) -> Result<Option<Passkey>, StorageError> {
    let passkey = passkeys::table.find(credential_id).select(Passkey::as_select());
    Ok(passkey.get_result(conn).optional()?)
}

/// All of this person's, the oldest first.
pub fn list_of_user(
    conn: &mut DbConnection,
    user_id: &UserId,
) -> Result<Vec<Passkey>, StorageError> {
    let theirs = passkeys::table.filter(passkeys::user_id.eq(user_id));
    let ordered = theirs.order((passkeys::created_at, passkeys::credential_id));
    Ok(ordered.select(Passkey::as_select()).load(conn)?)
}

/// How many this person has.
pub fn count_of_user(conn: &mut DbConnection, user_id: &UserId) -> Result<i64, StorageError> {
    Ok(passkeys::table.filter(passkeys::user_id.eq(user_id)).count().get_result(conn)?)
}

/// Those of which it is not known are of this host: before it was kept, there was no other.
pub fn settle(conn: &mut DbConnection, host: &str) -> Result<(), StorageError> {
    let unknown = passkeys::table.filter(passkeys::host.is_null());
    diesel::update(unknown).set(passkeys::host.eq(host)).execute(conn)?;
    Ok(())
}

/// Calls it something else. False if this person has no such passkey.
pub fn rename(
    conn: &mut DbConnection,
    user_id: &UserId,
    credential_id: &str,
    name: &str,
) -> Result<bool, StorageError> {
    let theirs = passkeys::table.find(credential_id).filter(passkeys::user_id.eq(user_id));
    Ok(diesel::update(theirs).set(passkeys::name.eq(name)).execute(conn)? == 1)
}

/// Notes a use, and what it has changed: the counter, whether it is backed up. False if the passkey
/// is gone, or was used at the same time: the row decides.
pub fn record_use(
    conn: &mut DbConnection,
    known: &Passkey,
    passkey: &str,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let unchanged = passkeys::table
        .find(&known.credential_id)
        .filter(passkeys::user_id.eq(&known.user_id))
        .filter(passkeys::passkey.eq(&known.passkey));
    let used = (passkeys::passkey.eq(passkey), passkeys::last_used_at.eq(now));
    Ok(diesel::update(unchanged).set(used).execute(conn)? == 1)
}

/// False if this person has no such passkey.
pub fn remove(
    conn: &mut DbConnection,
    user_id: &UserId,
    credential_id: &str,
) -> Result<bool, StorageError> {
    let theirs = passkeys::table.find(credential_id).filter(passkeys::user_id.eq(user_id));
    Ok(diesel::delete(theirs).execute(conn)? == 1)
}

/// Of somebody who is gone.
pub fn remove_of_user(conn: &mut DbConnection, user_id: &UserId) -> Result<(), StorageError> {
    diesel::delete(passkeys::table.filter(passkeys::user_id.eq(user_id))).execute(conn)?;
    Ok(())
}
