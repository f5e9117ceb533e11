//! `serving_processes`: who else serves from this file.

use diesel::prelude::*;

use super::schema::serving_processes;
use super::{DbConnection, StorageError};

/// The ids of all, and how often each has said that it is there.
pub(super) fn list(conn: &mut DbConnection) -> Result<Vec<(i64, i64)>, StorageError> {
    let all = serving_processes::table.order(serving_processes::id);
    Ok(all.select((serving_processes::id, serving_processes::beats)).load(conn)?)
}

/// Adds one.
pub(super) fn insert(conn: &mut DbConnection, id: i64) -> Result<(), StorageError> {
    let row = (serving_processes::id.eq(id), serving_processes::beats.eq(0));
    diesel::insert_into(serving_processes::table).values(row).execute(conn)?;
    Ok(())
}

/// Says that this one is there.
pub(super) fn beat(conn: &mut DbConnection, id: i64) -> Result<(), StorageError> {
    let beats = serving_processes::beats.eq(serving_processes::beats + 1);
    diesel::update(serving_processes::table.find(id)).set(beats).execute(conn)?;
    Ok(())
}

/// Takes one off.
pub(super) fn remove(conn: &mut DbConnection, id: i64) -> Result<(), StorageError> {
    diesel::delete(serving_processes::table.find(id)).execute(conn)?;
    Ok(())
}
