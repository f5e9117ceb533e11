//! A copy of the database, taken while it is in use.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::connection::copying;
use super::draft::{Draft, Place, SIDES, occupant};
use super::{OpenError, StorageError, next_to};
use crate::clock::UnixTime;

/// A copy that is whole, on its disk, and has its name.
#[derive(Debug, Clone)]
pub struct Backup {
    /// Everything that was committed before is in it.
    pub taken_at: UnixTime,
    /// The version of its schema.
    pub schema: i64,
    /// Bytes.
    pub size: u64,
}

/// Why there is no copy. What was in its place is still there.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Of the database.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// It would take the place of the database, or of what belongs to it.
    #[error("{0} belongs to the database itself")]
    Itself(PathBuf),
    /// It would take the place of another file, or that one would be taken for a part of it.
    #[error("{0} is there already")]
    Exists(PathBuf),
    /// Somebody else writes to the same file.
    #[error("{0} is being written by another process")]
    Busy(PathBuf),
    /// A full disk, a folder that is not there.
    #[error("{0} cannot be written: {1}")]
    Unwritable(PathBuf, String),
}

/// Copies the database to `copy`: mode 0600, checked row by row, and there only when it is whole. Minutes
/// for a large one; for a thread of its own. The copy holds what the database holds: hashes of
/// passwords, and salts with which whoever has a used refresh token gets what followed from it.
///
/// # Errors
/// See [`BackupError`].
pub fn take(
    database: &Path,
    copy: &Path,
    may_replace: bool,
    now: UnixTime,
) -> Result<Backup, BackupError> {
    if fs::metadata(database).is_err() {
        return Err(OpenError::Missing(database.to_owned()).into());
    }
    if belongs_to(database, copy) {
        return Err(BackupError::Itself(copy.to_owned()));
    }
    if let Some(there) = occupant(copy).filter(|_| !may_replace) {
        return Err(BackupError::Exists(there));
    }
    let unwritable = |error: io::Error| BackupError::Unwritable(copy.to_owned(), error.to_string());
    if fs::metadata(copy).is_ok_and(|file| !file.is_file()) {
        return Err(unwritable(io::Error::other("it is not a file")));
    }
    let draft = Draft::begin(copy).map_err(unwritable)?;
    let draft = draft.ok_or_else(|| BackupError::Busy(copy.to_owned()))?;
    let copied = copying::copy_into(database, draft.path(), now)?.map_err(|error| match error {
        // Of the database's own pages: SQLite does not say whose.
        StorageError::Corrupt(why) => OpenError::Damaged(database.to_owned(), why).into(),
        StorageError::Unavailable(why) => BackupError::Unwritable(copy.to_owned(), why),
        error => BackupError::Unwritable(copy.to_owned(), error.to_string()),
    })?;
    let size = fs::metadata(draft.path()).map_err(unwritable)?.len();
    let place = if may_replace { Place::Any } else { Place::Empty };
    draft.finish(place).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(copy.to_owned()),
        _ => unwritable(error),
    })?;
    Ok(Backup { taken_at: now, schema: copied.version, size })
}

/// Where a copy grows before it has its name.
#[must_use]
pub fn unfinished(copy: &Path) -> PathBuf {
    next_to(copy, ".partial")
}

/// Whether this is the database by any name, or a file that SQLite has or will have beside it; or has the
/// database beside it.
pub(super) fn belongs_to(database: &Path, file: &Path) -> bool {
    let is_beside = |one: &Path, other: &Path| {
        let mut sides = SIDES.iter().map(|suffix| next_to(&whole(one), suffix));
        sides.any(|side| side == whole(other) || is_same(&side, other))
    };
    whole(database) == whole(file)
        || is_same(database, file)
        || is_beside(database, file)
        || is_beside(file, database)
}

fn is_same(one: &Path, other: &Path) -> bool {
    let (Ok(one), Ok(other)) = (fs::metadata(one), fs::metadata(other)) else { return false };
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// The one spelling of a path, also of one where nothing is yet.
pub(super) fn whole(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        match (absolute.parent().map(Path::canonicalize), absolute.file_name()) {
            (Some(Ok(folder)), Some(name)) => folder.join(name),
            _ => absolute,
        }
    })
}
