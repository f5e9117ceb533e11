//! `totp_secrets`: what authenticator apps make their codes of (RFC 6238).

use diesel::prelude::*;

use super::schema::totp_secrets;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::UserId;

/// What one person's app and we know.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = totp_secrets, treat_none_as_default_value = false)]
pub struct TotpSecret {
    /// Whose.
    pub user_id: UserId,
    /// As it is, for no code can be made of its hash.
    pub secret: Vec<u8>,
    /// When the first code was right.
    pub created_at: UnixTime,
    /// The time step of the last code that was accepted.
    pub last_step: i64,
}

/// [`StorageError::AlreadyExists`] when the person has one.
pub fn insert(conn: &mut DbConnection, secret: &TotpSecret) -> Result<(), StorageError> {
    diesel::insert_into(totp_secrets::table).values(secret).execute(conn)?;
    Ok(())
}

/// What codes of this person are made of, if any are asked for.
pub fn find(conn: &mut DbConnection, user_id: &UserId) -> Result<Option<TotpSecret>, StorageError> {
    let secret = totp_secrets::table.find(user_id).select(TotpSecret::as_select());
    Ok(secret.get_result(conn).optional()?)
}

/// Whether codes are asked of this person.
pub fn exists(conn: &mut DbConnection, user_id: &UserId) -> Result<bool, StorageError> {
    let created_at = totp_secrets::table.find(user_id).select(totp_secrets::created_at);
    Ok(created_at.get_result::<UnixTime>(conn).optional()?.is_some())
}

/// Notes that a code of this step was accepted. False if it is not newer than the last one.
pub fn accept(conn: &mut DbConnection, user_id: &UserId, step: i64) -> Result<bool, StorageError> {
    let earlier = totp_secrets::table.find(user_id).filter(totp_secrets::last_step.lt(step));
    Ok(diesel::update(earlier).set(totp_secrets::last_step.eq(step)).execute(conn)? == 1)
}

/// False if the person has none.
pub fn remove(conn: &mut DbConnection, user_id: &UserId) -> Result<bool, StorageError> {
    Ok(diesel::delete(totp_secrets::table.find(user_id)).execute(conn)? == 1)
}
