//! Who signed in, of the record of decisions.

use diesel::prelude::*;

use super::{Event, newest};
use crate::storage::schema::{events, users};
use crate::storage::{DbConnection, StorageError};

/// Who signed in from where, of the `limit` newest events, the oldest first.
pub fn sign_ins(
    conn: &mut DbConnection,
    limit: i64,
) -> Result<Vec<(String, String)>, StorageError> {
    let newest = newest(conn)?;
    let signed_in = events::table
        .inner_join(users::table.on(events::user_id.eq(users::id.nullable())))
        .filter(events::id.gt(newest - limit))
        .filter(events::kind.eq(Event::SignedIn))
        .filter(events::address.is_not_null())
        .order(events::id)
        .select((users::username, events::address.assume_not_null()));
    Ok(signed_in.load(conn)?)
}
