//! `totp_secrets`: what authenticator apps make their codes of (RFC 6238).

use diesel::prelude::*;

use super::schema::totp_secrets;
use super::{DbConnection, StorageError};
use crate::oauth::UserId;

/// Whether codes are asked of this person.
pub fn is_confirmed(conn: &mut DbConnection, user_id: &UserId) -> Result<bool, StorageError> {
    let confirmed = totp_secrets::table.find(user_id).select(totp_secrets::confirmed_at);
    Ok(confirmed.get_result::<Option<i64>>(conn).optional()?.flatten().is_some())
}
