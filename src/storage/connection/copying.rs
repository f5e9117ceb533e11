//! A copy of a database that is in use.
//!
//! `VACUUM INTO`, and not SQLite's backup interface: it reads one state of the file in one pass, where
//! the interface begins anew whenever another process writes, and under load never ends. Nobody waits
//! for it: it takes no lock that a writer needs, and checkpoints go on up to the state that it reads;
//! only the start of the log cannot be used again before it ends. It leaves out the free pages, and
//! with them what has been deleted.

use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::{
    APPLICATION_ID, Fixed, SCHEMA_VERSION, application_id, establish, number, oldest_allowed,
    patiently, schema_version, tables, texts, unreadable, uri,
};
use crate::clock::UnixTime;
use crate::storage::{OpenError, StorageError};

/// The table that only a copy has: when it was taken. No database in use has it, so that no copy is
/// used as one before somebody has looked to it that what was revoked since does not come back.
pub(super) const MARK: &str = "copy_taken";

/// What a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) struct Copied {
    /// When it was taken, if it is one of ours.
    pub(in crate::storage) taken_at: Option<UnixTime>,
    /// The version of its schema.
    pub(in crate::storage) version: i64,
    /// The id of the last event that is recorded in it, and when that was; 0 if there is none.
    pub(in crate::storage) last_event: (i64, Option<UnixTime>),
}

/// Writes the state that `source` has now into the empty file `copy`, marks it, and looks at all of it.
///
/// # Errors
/// [`OpenError`] of the source; the copy's own are [`StorageError`]s.
pub(in crate::storage) fn copy_into(
    source: &Path,
    copy: &Path,
    now: UnixTime,
) -> Result<Result<Copied, StorageError>, OpenError> {
    // Not "ro" alone: where nobody is at work there may be no index of the log, and only whoever may
    // write makes one and takes it away again.
    let writable = rustix::fs::access(source, rustix::fs::Access::WRITE_OK).is_ok();
    let mode = if writable { "rw" } else { "ro" };
    let open = || -> Result<(SqliteConnection, i64), StorageError> {
        let mut conn = establish(&uri(source, mode))?;
        let id = application_id(&mut conn)?;
        Ok((conn, id))
    };
    let (mut conn, id) = patiently(open).map_err(|error| unreadable(source, error))?;
    if id != APPLICATION_ID {
        return Err(OpenError::Foreign(source.to_owned()));
    }
    Ok(write_copy(&mut conn, copy, now))
}

fn write_copy(
    conn: &mut SqliteConnection,
    copy: &Path,
    now: UnixTime,
) -> Result<Copied, StorageError> {
    let absolute = std::path::absolute(copy).unwrap_or_else(|_| copy.to_owned());
    let into = diesel::sql_query("VACUUM INTO ?");
    into.bind::<Text, _>(absolute.display().to_string()).execute(conn)?;
    let mut conn = establish(&uri(copy, "rw"))?;
    // Without a journal: what is not whole is thrown away.
    conn.batch_execute(&format!(
        "PRAGMA journal_mode = OFF;
         DROP TABLE IF EXISTS {MARK};
         CREATE TABLE {MARK} (at BIGINT NOT NULL);"
    ))?;
    let mark = diesel::sql_query(format!("INSERT INTO {MARK} (at) VALUES (?)"));
    mark.bind::<BigInt, _>(now.0).execute(&mut conn)?;
    check_all(&mut conn)?;
    examine(&mut conn)
}

/// What a file of ours is, if it may be used at all.
///
/// # Errors
/// [`StorageError::Corrupt`], and whatever cannot be read.
pub(super) fn examine(conn: &mut SqliteConnection) -> Result<Copied, StorageError> {
    let version = schema_version(conn)?;
    let taken_at = if is_marked(&tables(conn)?) {
        Fixed("SELECT at FROM copy_taken").get_result(conn).optional()?.map(UnixTime)
    } else {
        None
    };
    let last = number(conn, "SELECT COALESCE(max(id), 0) FROM events")?;
    let last_at = Fixed("SELECT at FROM events ORDER BY id DESC LIMIT 1");
    let last_at = last_at.get_result(conn).optional()?.map(UnixTime);
    Ok(Copied { taken_at, version, last_event: (last, last_at) })
}

/// Whether a file has the mark in itself, whatever log lies beside it: then the log is another's, for a
/// copy of ours has none.
pub(in crate::storage) fn has_mark(file: &Path) -> bool {
    let tables = establish(&uri(file, "ro&immutable=1")).and_then(|mut conn| tables(&mut conn));
    tables.is_ok_and(|tables| is_marked(&tables))
}

/// Whether these are the tables of a copy.
pub(super) fn is_marked(tables: &[String]) -> bool {
    tables.iter().any(|table| table == MARK)
}

/// SQLite's own look at every page, row and index.
pub(super) fn check_all(conn: &mut SqliteConnection) -> Result<(), StorageError> {
    let found = texts(conn, "SELECT integrity_check AS text FROM pragma_integrity_check LIMIT 1")?;
    match found.first().map(String::as_str) {
        Some("ok") => Ok(()),
        damage => Err(StorageError::Corrupt(damage.unwrap_or("it cannot be checked").to_owned())),
    }
}

/// Whether opening this file will change its schema.
pub(super) fn is_older(conn: &mut SqliteConnection) -> Result<bool, StorageError> {
    let has_version = tables(conn)?.iter().any(|table| table == "schema_version");
    Ok(has_version
        && oldest_allowed(conn)? <= SCHEMA_VERSION
        && schema_version(conn)? < SCHEMA_VERSION)
}
