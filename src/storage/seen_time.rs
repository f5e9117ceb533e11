//! `clock`: the latest time that is believed to have been.

use diesel::prelude::*;

use super::schema::clock;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;

/// None before anything was seen.
pub fn find(conn: &mut DbConnection) -> Result<Option<UnixTime>, StorageError> {
    let seen: UnixTime = clock::table.select(clock::seen_at).get_result(conn)?;
    Ok(Some(seen).filter(|seen| *seen > UnixTime(0)))
}

/// It was so late already. Another process may have seen more.
pub fn raise(conn: &mut DbConnection, seen: UnixTime) -> Result<(), StorageError> {
    let earlier = clock::table.filter(clock::seen_at.lt(seen));
    diesel::update(earlier).set(clock::seen_at.eq(seen)).execute(conn)?;
    Ok(())
}
