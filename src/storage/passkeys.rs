//! `passkeys`: public keys of what people sign in with (Web Authentication).

use diesel::prelude::*;

use super::schema::passkeys;
use super::{DbConnection, StorageError};
use crate::oauth::UserId;

/// How many this person has.
pub fn count_of_user(conn: &mut DbConnection, user_id: &UserId) -> Result<i64, StorageError> {
    Ok(passkeys::table.filter(passkeys::user_id.eq(user_id)).count().get_result(conn)?)
}
