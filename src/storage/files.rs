//! The file and its log, as they lie in their folder: whether they are still where they were opened,
//! how long the log is, and what room is left.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{Readers, Storage, StorageError, connection};

/// Bytes of the disk.
const LEAST_FREE_SPACE: u64 = 1024 * 1024;

/// Of one database.
#[derive(Debug)]
pub(super) struct Files {
    database: PathBuf,
    log: PathBuf,
    opened: [Option<Identity>; 2],
}

/// Device and number: what a name stands for.
type Identity = (u64, u64);

/// What has become of files that are in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// They are where they were.
    Kept,
    /// They are, and there is no room left: some writes would succeed and others not, and none is left
    /// for the log to be folded into the file.
    Full,
    /// The database was moved or deleted. Who starts anew would begin with nothing, so that the one that
    /// has it open is kept.
    Gone,
    /// There is another database.
    Replaced,
    /// The log is not the one that is written to: others may have written to the file without it.
    OtherLog,
}

impl Files {
    /// Of a database that was opened just now.
    pub(super) fn of(database: &Path) -> Self {
        let database = database.to_owned();
        let log = next_to(&database, "-wal");
        let opened = [&database, &log].map(|path| identity(path).ok().flatten());
        Self { database, log, opened }
    }

    /// Where they are now, and whether there is room left.
    pub(super) fn place(&self) -> Place {
        match self.whereabouts() {
            Place::Kept if self.free_space().is_some_and(|free| free < LEAST_FREE_SPACE) => {
                Place::Full
            }
            place => place,
        }
    }

    /// Where they are now.
    pub(super) fn whereabouts(&self) -> Place {
        // Whoever cannot look, or could not before, knows nothing.
        let is_kept = |found: Result<Option<Identity>, ErrorKind>, opened: Option<Identity>| {
            found.is_err() || opened.is_none() || found == Ok(opened)
        };
        let found = identity(&self.database);
        if found == Ok(None) {
            Place::Gone
        } else if !is_kept(found, self.opened[0]) {
            Place::Replaced
        } else if !is_kept(identity(&self.log), self.opened[1]) {
            Place::OtherLog
        } else {
            Place::Kept
        }
    }

    /// Bytes of the log.
    pub(super) fn log_size(&self) -> u64 {
        fs::metadata(&self.log).map_or(0, |log| log.len())
    }

    /// Bytes that are left on the disk; none if nobody knows.
    pub(super) fn free_space(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(&self.database).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

/// A file beside this one: its name, and something more.
pub(super) fn next_to(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// None if there is no such file.
fn identity(path: &Path) -> Result<Option<Identity>, ErrorKind> {
    match fs::metadata(path) {
        Ok(file) => Ok(Some((file.dev(), file.ino()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.kind()),
    }
}

/// What becomes of the file while it is in use.
impl Storage {
    /// Bytes that are left on the disk of the file; none if nobody knows, or there is no file.
    #[must_use]
    pub fn free_space(&self) -> Option<u64> {
        self.inner.readers.files().and_then(|files| files.free_space())
    }

    /// Bytes of the write-ahead log.
    #[must_use]
    pub fn log_size(&self) -> u64 {
        self.inner.readers.files().map_or(0, |files| files.log_size())
    }

    /// Whether the file is still where it was opened.
    #[must_use]
    pub fn place(&self) -> Place {
        self.inner.readers.files().map_or(Place::Kept, |files| files.place())
    }

    /// Looks at every page of the file. Slow, for a thread of its own. Damage ends all writing.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] with the first damage.
    pub fn quick_check(&self) -> Result<(), StorageError> {
        let Readers::File(path, _) = &self.inner.readers else { return Ok(()) };
        let checked = connection::quick_check(path);
        if let Err(StorageError::Corrupt(why)) = &checked {
            self.inner.health.damage(why);
        }
        checked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_moved_or_replaced_is_missed() {
        let dir = tempfile::tempdir().unwrap();
        let [database, log, other] = ["a.db", "a.db-wal", "b"].map(|name| dir.path().join(name));
        let lay = |path| fs::write(path, "x").unwrap();
        lay(&database);
        lay(&log);
        let files = Files::of(&database);
        assert_eq!((files.place(), files.log_size()), (Place::Kept, 1));
        fs::rename(&database, &other).unwrap();
        assert_eq!(files.place(), Place::Gone);
        lay(&database);
        assert_eq!(files.place(), Place::Replaced);
        fs::rename(&other, &database).unwrap();
        assert_eq!(files.place(), Place::Kept);
        // It keeps its number, as one does that is open.
        fs::rename(&log, &other).unwrap();
        assert_eq!(files.place(), Place::OtherLog);
        lay(&log);
        assert_eq!(files.place(), Place::OtherLog);
    }
}
