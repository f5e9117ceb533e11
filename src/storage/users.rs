//! `users`: who may sign in.

use diesel::prelude::*;

use super::codec::text_enum;
use super::connection::{directly, update};
use super::schema::{passkeys, users};
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::UserId;

/// A person.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
pub struct User {
    /// `sub`: never changes, never comes back.
    pub id: UserId,
    /// What the person types, in the one spelling that `accounts` makes.
    pub username: String,
    /// argon2id, as a PHC string; none for somebody who signs in another way, or not yet.
    pub password_hash: Option<String>,
    /// What the person may do here.
    pub role: Role,
    /// When the account was made.
    pub created_at: UnixTime,
    /// When the person last said yes to a client.
    pub last_authorized_at: Option<UnixTime>,
    /// Since when nothing works for the person.
    pub disabled_at: Option<UnixTime>,
    /// A passkey is asked for after every sign-in that was not by one.
    pub passkey_required: bool,
    /// When the person last signed in.
    pub last_signed_in_at: Option<UnixTime>,
}

impl User {
    /// An account that nobody can sign in to yet.
    #[must_use]
    pub fn new(id: UserId, username: String, role: Role, created_at: UnixTime) -> Self {
        Self {
            id,
            username,
            password_hash: None,
            role,
            created_at,
            last_authorized_at: None,
            disabled_at: None,
            passkey_required: false,
            last_signed_in_at: None,
        }
    }
}

text_enum!(
    /// What a person may do here.
    Role {
        /// Runs the service. The first user is one.
        Owner = "owner",
        /// Connects clients to resources.
        Member = "member",
    }
);

/// [`StorageError::AlreadyExists`] when the name is taken.
pub fn insert(conn: &mut DbConnection, user: &User) -> Result<(), StorageError> {
    diesel::insert_into(users::table).values(user).execute(conn)?;
    Ok(())
}

/// The user with this `sub`.
pub fn find(conn: &mut DbConnection, id: &UserId) -> Result<Option<User>, StorageError> {
    let user = users::table.find(id).select(User::as_select());
    Ok(directly!(conn => user.get_result(conn)).optional()?)
}

/// The user with this name, in its one spelling.
pub fn find_by_name(conn: &mut DbConnection, name: &str) -> Result<Option<User>, StorageError> {
    let named = users::table.filter(users::username.eq(name));
    Ok(named.select(User::as_select()).get_result(conn).optional()?)
}

/// Up to `limit` users in the order of their names, after `after`.
pub fn list(conn: &mut DbConnection, after: &str, limit: i64) -> Result<Vec<User>, StorageError> {
    let page = users::table.filter(users::username.gt(after)).order(users::username).limit(limit);
    Ok(page.select(User::as_select()).load(conn)?)
}

/// How many accounts there are.
pub fn count(conn: &mut DbConnection) -> Result<i64, StorageError> {
    Ok(users::table.count().get_result(conn)?)
}

/// Every owner who is not disabled, and whether the person has had something to sign in with, held until the transaction ends: whoever else wants to take one
/// away waits. The rows are written without being changed, which every engine takes for a lock.
pub fn hold_owners(conn: &mut DbConnection) -> Result<Vec<(UserId, bool)>, StorageError> {
    let owners =
        || users::table.filter(users::role.eq(Role::Owner)).filter(users::disabled_at.is_null());
    diesel::update(owners()).set(users::created_at.eq(users::created_at)).execute(conn)?;
    let has_come = users::password_hash.is_not_null().or(users::last_signed_in_at.is_not_null());
    Ok(owners().select((users::id, has_come)).load(conn)?)
}

/// False if the person has this role already, or is gone.
pub fn set_role(conn: &mut DbConnection, id: &UserId, role: Role) -> Result<bool, StorageError> {
    let other = users::table.find(id).filter(users::role.ne(role));
    Ok(diesel::update(other).set(users::role.eq(role)).execute(conn)? == 1)
}

/// Notes that the person said yes to a client. False if the account is disabled or gone: decided
/// in the row that [`disable`] writes, so that no grant slips through beside it.
pub fn authorize(
    conn: &mut DbConnection,
    id: &UserId,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let enabled = users::table.find(id).filter(users::disabled_at.is_null());
    let authorized = update(enabled, users::last_authorized_at.eq(now));
    Ok(directly!(conn => authorized.execute(conn))? == 1)
}

/// Notes that the person signed in. False if the account is disabled or gone: decided in the row
/// that [`disable`] writes.
pub fn sign_in(conn: &mut DbConnection, id: &UserId, now: UnixTime) -> Result<bool, StorageError> {
    let enabled = users::table.find(id).filter(users::disabled_at.is_null());
    Ok(diesel::update(enabled).set(users::last_signed_in_at.eq(now)).execute(conn)? == 1)
}

/// False if there is no such user.
pub fn set_password(
    conn: &mut DbConnection,
    id: &UserId,
    password_hash: &str,
) -> Result<bool, StorageError> {
    let user = users::table.find(id);
    Ok(diesel::update(user).set(users::password_hash.eq(password_hash)).execute(conn)? == 1)
}

/// Puts a password hash in the place of `before`, or of none. False if another one is there.
pub fn replace_password(
    conn: &mut DbConnection,
    id: &UserId,
    before: Option<&str>,
    password_hash: &str,
) -> Result<bool, StorageError> {
    let (user, new) = (users::table.find(id), users::password_hash.eq(password_hash));
    let changed = if let Some(before) = before {
        let unchanged = user.filter(users::password_hash.eq(before));
        diesel::update(unchanged).set(new).execute(conn)?
    } else {
        let unchanged = user.filter(users::password_hash.is_null());
        diesel::update(unchanged).set(new).execute(conn)?
    };
    Ok(changed == 1)
}

/// A passkey is not asked for any more. False if it was not.
pub fn unrequire_passkey(conn: &mut DbConnection, id: &UserId) -> Result<bool, StorageError> {
    let required = users::table.find(id).filter(users::passkey_required.eq(true));
    Ok(diesel::update(required).set(users::passkey_required.eq(false)).execute(conn)? == 1)
}

/// Whether a passkey is asked for after every sign-in that was not by one. False if there is no
/// such user.
pub fn set_passkey_required(
    conn: &mut DbConnection,
    id: &UserId,
    required: bool,
) -> Result<bool, StorageError> {
    let user = users::table.find(id);
    Ok(diesel::update(user).set(users::passkey_required.eq(required)).execute(conn)? == 1)
}

/// False if there is no such user, or it is disabled already.
pub fn disable(conn: &mut DbConnection, id: &UserId, now: UnixTime) -> Result<bool, StorageError> {
    let enabled = users::table.find(id).filter(users::disabled_at.is_null());
    Ok(diesel::update(enabled).set(users::disabled_at.eq(now)).execute(conn)? == 1)
}

/// False if there is no such user, or it is not disabled.
pub fn enable(conn: &mut DbConnection, id: &UserId) -> Result<bool, StorageError> {
    let disabled = users::table.find(id).filter(users::disabled_at.is_not_null());
    let none: Option<UnixTime> = None;
    Ok(diesel::update(disabled).set(users::disabled_at.eq(none)).execute(conn)? == 1)
}

/// False if there is no such user.
pub fn remove(conn: &mut DbConnection, id: &UserId) -> Result<bool, StorageError> {
    Ok(diesel::delete(users::table.find(id)).execute(conn)? == 1)
}

/// Those who have a passkey, and are not disabled, by their names.
pub fn with_passkeys(conn: &mut DbConnection) -> Result<Vec<User>, StorageError> {
    let owners = passkeys::table.select(passkeys::user_id);
    let theirs = users::table.filter(users::id.eq_any(owners)).filter(users::disabled_at.is_null());
    Ok(theirs.order(users::username).select(User::as_select()).load(conn)?)
}
