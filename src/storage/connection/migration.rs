//! How the tables come to be, and are brought up to date.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use super::{APPLICATION_ID, SCHEMA_VERSION, number};
use crate::clock::UnixTime;
use crate::storage::schema::events;
use crate::storage::{Event, StorageError};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Runs what has not been run on this file, and records it in the same transaction. The version
/// before; none if nothing had to be brought up to date.
pub(super) fn migrate(
    conn: &mut SqliteConnection,
    now: UnixTime,
) -> Result<Option<i64>, StorageError> {
    let has_version = "SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'";
    let before = match number(conn, has_version)? {
        1 if oldest_allowed(conn)? > SCHEMA_VERSION => return Ok(None),
        1 => Some(schema_version(conn)?),
        _ => None,
    };
    conn.batch_execute(&format!("PRAGMA application_id = {APPLICATION_ID}"))?;
    let pending =
        conn.pending_migrations(MIGRATIONS).map_err(|e| StorageError::Query(e.to_string()))?;
    for migration in &pending {
        conn.run_migration(migration).map_err(|error| StorageError::Query(error.to_string()))?;
    }
    let updated = before.filter(|_| !pending.is_empty());
    if let Some(before) = updated {
        let detail = format!("from {before} to {SCHEMA_VERSION}");
        let (at, kind) = (events::at.eq(now), events::kind.eq(Event::SchemaUpdated));
        diesel::insert_into(events::table)
            .values((at, kind, events::detail.eq(detail)))
            .execute(conn)?;
    }
    Ok(updated)
}

/// The version of the schema of a file of ours.
pub(super) fn schema_version(conn: &mut SqliteConnection) -> Result<i64, StorageError> {
    number(conn, "SELECT version FROM schema_version")
}

/// The oldest version of the schema whose program may use this file.
pub(super) fn oldest_allowed(conn: &mut SqliteConnection) -> Result<i64, StorageError> {
    number(conn, "SELECT oldest_allowed FROM schema_version")
}
