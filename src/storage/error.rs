//! What can go wrong below the rules of OAuth.

use std::path::PathBuf;

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::connection::SCHEMA_VERSION;
use super::health::{note_damage, note_trouble};

/// A failure of the database. The text is for the operator's log, never for a client.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StorageError {
    /// The row is there already: a key was taken.
    #[error("the row exists already")]
    AlreadyExists,
    /// Passing: the disk is full or read-only, another process holds the lock, the queue is full.
    #[error("the database cannot be used just now: {0}")]
    Unavailable(String),
    /// The file is damaged. Nothing may be written any more.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// A defect of ours.
    #[error("the query failed: {0}")]
    Query(String),
}

/// Why a database was not opened. Nothing was changed by the attempt.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is none.
    #[error("there is no database at {0}")]
    Missing(PathBuf),
    /// It cannot be read or written as it must be.
    #[error("the database {0} cannot be opened: {1}")]
    Unreadable(PathBuf, String),
    /// It is damaged.
    #[error("the database {0} is damaged: {1}")]
    Damaged(PathBuf, String),
    /// It belongs to another program.
    #[error("{0} is not a database of mcp-oauthd, and is left as it is")]
    Foreign(PathBuf),
    /// It is the file of the in-process provider that this service replaces.
    #[error("{0} belongs to the provider that mcp-oauthd replaces, and is left as it is")]
    ReplacedProvider(PathBuf),
    /// It is a copy. What was revoked since it was taken would come back.
    #[error(
        "{0} is a copy of a database, and is left as it is; `mcp-oauthd restore` puts one into place"
    )]
    Copy(PathBuf),
    /// Its schema is older, and stays as it is while there is no copy of it.
    #[error(
        "the database {path} has to be copied before its schema is updated, which failed: {why}; make \
         room, or set MCP_OAUTH_LIMIT_UPDATE_COPIES=0 to do without"
    )]
    NoCopy {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        why: String,
    },
    /// It is not the file of that provider.
    #[error("{0} is not a database of the provider that mcp-oauthd replaces")]
    NotReplaced(PathBuf),
    /// A newer version has changed it so that this one may not use it.
    #[error(
        "the database {path} needs schema {needed} or newer; this version has {SCHEMA_VERSION}"
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// The oldest schema version that may use it.
        needed: i64,
    },
}

/// That a compare-and-set has changed its one row. Engines with one writer cannot do otherwise, as the row
/// was read in the same transaction; whoever asks again sees what the other has done.
pub(super) fn once(changed: usize) -> Result<(), StorageError> {
    let overtaken = || StorageError::Unavailable("somebody else was first".to_owned());
    (changed == 1).then_some(()).ok_or_else(overtaken)
}

impl From<DieselError> for StorageError {
    /// diesel gives SQLite's result codes as their standard messages only.
    fn from(error: DieselError) -> Self {
        let message = error.to_string();
        let says = |needles: &[&str]| needles.iter().any(|needle| message.contains(needle));
        match error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
                Self::AlreadyExists
            }
            _ if says(&CORRUPT) => {
                note_damage();
                Self::Corrupt(message)
            }
            _ if says(&PASSING) => {
                note_trouble(&message);
                Self::Unavailable(message)
            }
            _ => Self::Query(message),
        }
    }
}

/// `SQLITE_CORRUPT`, `SQLITE_NOTADB`.
const CORRUPT: [&str; 2] = ["disk image is malformed", "file is not a database"];

/// `SQLITE_FULL`, `_READONLY`, `_IOERR`, `_CANTOPEN`, `_BUSY`, `_LOCKED`, `_NOMEM`, `_PROTOCOL`.
const PASSING: [&str; 9] = [
    "disk is full",
    "readonly database",
    "disk I/O error",
    "unable to open database",
    "database is locked",
    "table is locked",
    "database schema is locked",
    "out of memory",
    "locking protocol",
];
