//! Whether the database answers, and whether it can be written.

use diesel::prelude::*;

use super::schema::schema_version;
use super::{DbConnection, StorageError};

/// One row.
///
/// # Errors
/// Why it cannot be read.
pub fn read(conn: &mut DbConnection) -> Result<i64, StorageError> {
    Ok(schema_version::table.select(schema_version::version).get_result(conn)?)
}

/// Writes a page to the disk, with another value and then the one that was there: SQLite leaves a page
/// alone whose cells are overwritten with what they hold.
///
/// # Errors
/// Why it cannot be written.
pub fn write(conn: &mut DbConnection) -> Result<(), StorageError> {
    diesel::update(schema_version::table)
        .set(schema_version::version.eq(schema_version::version + 1))
        .execute(conn)?;
    diesel::update(schema_version::table)
        .set(schema_version::version.eq(schema_version::version - 1))
        .execute(conn)?;
    Ok(())
}
