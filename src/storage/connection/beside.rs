//! A look at a database from beside its service: nothing is made, migrated or written, not even the
//! files beside it.

use std::fs;
use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;

use super::{
    APPLICATION_ID, DbConnection, SCHEMA_VERSION, Verdict, establish, number, oldest_allowed,
    patiently, refused, unreadable, uri,
};
use crate::storage::{OpenError, StorageError, next_to};

/// A connection that cannot write, and the version of the schema that it finds.
///
/// # Errors
/// Those of opening, but that an older schema is none of them.
pub(in crate::storage) fn open(path: &Path) -> Result<(DbConnection, i64), OpenError> {
    let missing = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => OpenError::Missing(path.to_owned()),
        _ => refused(path, &error),
    };
    let file = fs::metadata(path).map_err(missing)?;
    if !file.is_file() {
        return Err(OpenError::Unreadable(path.to_owned(), "it is not a file".to_owned()));
    }
    if file.len() == 0 {
        return Err(OpenError::Missing(path.to_owned()));
    }
    // Said here: SQLite would only say that it cannot.
    fs::File::open(path).map_err(|error| refused(path, &error))?;
    let connect = || -> Result<(SqliteConnection, i64), StorageError> {
        let mut conn = establish(&uri(path, mode(path)))?;
        conn.batch_execute("PRAGMA query_only = ON; PRAGMA cache_size = -4096")?;
        let id = "SELECT application_id FROM pragma_application_id";
        let id = number(&mut conn, id)?;
        Ok((conn, id))
    };
    let (mut conn, id) = patiently(connect).map_err(|error| unreadable(path, error))?;
    if id != APPLICATION_ID {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    let version = "SELECT version FROM schema_version";
    let version = number(&mut conn, version).map_err(|error| unreadable(path, error))?;
    let needed = oldest_allowed(&mut conn).map_err(|error| unreadable(path, error))?;
    if needed > SCHEMA_VERSION {
        return Err(OpenError::TooNew { path: path.to_owned(), needed });
    }
    Ok((DbConnection::Sqlite(conn), version))
}

/// SQLite's own look at every page. Minutes on a large file.
///
/// # Errors
/// [`StorageError::Corrupt`] with the first damage.
pub(in crate::storage) fn quick_check(path: &Path) -> Result<(), StorageError> {
    let mut conn = establish(&uri(path, mode(path)))?;
    let verdict = diesel::sql_query("PRAGMA quick_check(1)").get_result::<Verdict>(&mut conn)?;
    if verdict.quick_check == "ok" {
        Ok(())
    } else {
        Err(StorageError::Corrupt(verdict.quick_check))
    }
}

/// Where it is being used, there are files beside it, and they are honoured. Where there are none, none
/// are made: the service could not use those of another user.
fn mode(path: &Path) -> &'static str {
    let is_there = |suffix| next_to(path, suffix).exists();
    if is_there("-wal") || is_there("-shm") { "ro" } else { "ro&immutable=1" }
}
