//! How a database is, for those who look at it from beside its service.

use std::fs;
use std::path::Path;

use super::connection::{SCHEMA_VERSION, beside};
use super::resources::{self, Resource};
use super::{OpenError, StorageError, next_to};

/// What can be seen at once.
#[derive(Debug)]
pub struct Checkup {
    /// The version of its schema.
    pub version: i64,
    /// The version that this program makes of it at its next start.
    pub newest: i64,
    /// Bytes of the file.
    pub size: u64,
    /// Bytes of its write-ahead log.
    pub log: u64,
    /// Bytes that are left on its disk, if anybody knows.
    pub free: Option<u64>,
    /// The MCP servers; none if the schema is another than this program's.
    pub resources: Option<Vec<Resource>>,
}

/// Looks, and changes nothing.
///
/// # Errors
/// Those of opening a database that is there.
pub fn look(path: &Path) -> Result<Checkup, OpenError> {
    let (mut conn, version) = beside::open(path)?;
    let unreadable = |error: StorageError| match error {
        StorageError::Corrupt(why) => OpenError::Damaged(path.to_owned(), why),
        error => OpenError::Unreadable(path.to_owned(), error.to_string()),
    };
    let resources = (version == SCHEMA_VERSION).then(|| resources::list(&mut conn)).transpose();
    let length = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    let disk = rustix::fs::statvfs(path).ok();
    Ok(Checkup {
        version,
        newest: SCHEMA_VERSION,
        size: length(path),
        log: length(&next_to(path, "-wal")),
        free: disk.map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
        resources: resources.map_err(unreadable)?,
    })
}

/// Looks at every page. Minutes on a large file.
///
/// # Errors
/// [`StorageError::Corrupt`] with the first damage.
pub fn quick_check(path: &Path) -> Result<(), StorageError> {
    beside::quick_check(path)
}
