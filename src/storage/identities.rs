//! `identities`: accounts elsewhere that sign somebody in here.

use diesel::prelude::*;

use super::schema::identities;
use super::{DbConnection, StorageError};
use crate::oauth::UserId;

/// How many this person has.
pub fn count_of_user(conn: &mut DbConnection, user_id: &UserId) -> Result<i64, StorageError> {
    Ok(identities::table.filter(identities::user_id.eq(user_id)).count().get_result(conn)?)
}
