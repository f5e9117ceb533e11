//! A look at a database from beside its service: nothing is made, migrated or written, not even the
//! files beside it.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;

use super::{
    APPLICATION_ID, DbConnection, SCHEMA_VERSION, application_id, check_pages, establish,
    oldest_allowed, patiently, refused, schema_version, unreadable, uri,
};
use crate::storage::draft::SIDES;
use crate::storage::{OpenError, StorageError, next_to};

/// A connection that cannot write, and the version of the schema that it finds.
///
/// # Errors
/// Those of opening, but that an older schema is none of them.
pub(in crate::storage) fn open(path: &Path) -> Result<(DbConnection, i64), OpenError> {
    let (mut conn, id) = look(path)?;
    if id != APPLICATION_ID {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    let version = schema_version(&mut conn).map_err(|error| unreadable(path, error))?;
    let needed = oldest_allowed(&mut conn).map_err(|error| unreadable(path, error))?;
    if needed > SCHEMA_VERSION {
        return Err(OpenError::TooNew { path: path.to_owned(), needed });
    }
    Ok((DbConnection::Sqlite(conn), version))
}

/// A connection that cannot write, and whose file it says that it is.
pub(super) fn look(path: &Path) -> Result<(SqliteConnection, i64), OpenError> {
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
        let id = application_id(&mut conn)?;
        Ok((conn, id))
    };
    patiently(connect).map_err(|error| unreadable(path, error))
}

/// SQLite's own look at every page. Minutes on a large file.
///
/// # Errors
/// [`StorageError::Corrupt`] with the first damage.
pub(in crate::storage) fn quick_check(path: &Path) -> Result<(), StorageError> {
    check_pages(&mut establish(&uri(path, mode(path)))?)
}

/// Where it is being used, there are files beside it, and they are honoured. Where there are none, none
/// are made: the service could not use those of another user. Without a log a lock makes no file.
fn mode(path: &Path) -> &'static str {
    let in_use = SIDES.iter().any(|suffix| next_to(path, suffix).exists());
    if in_use || !has_log_mode(path) { "ro" } else { "ro&immutable=1" }
}

/// What the header says of how it is written to: SQLite's file format, section 1.3.3.
fn has_log_mode(path: &Path) -> bool {
    let mut header = [0; 20];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header[18..] == [2, 2]
}
