//! A look at the database of the provider that this service replaces. It is somebody else's, and may be
//! in use: nothing is written, not even beside it.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use diesel::prelude::*;

use super::beside::look;
use super::{check_pages, texts, unreadable};
use crate::storage::{OpenError, StorageError, next_to};

/// Every column that is read.
const COLUMNS: [(&str, &[&str]); 3] = [
    ("oauth_clients", &["client_id", "client_json", "created_at"]),
    (
        "oauth_codes",
        &[
            "code",
            "client_id",
            "redirect_uri",
            "code_challenge",
            "scopes",
            "expires_at",
            "resource",
        ],
    ),
    (
        "oauth_tokens",
        &["token", "client_id", "scopes", "expires_at", "token_type", "refresh_token", "resource"],
    ),
];

/// Reads all of it as it was at one moment.
///
/// # Errors
/// [`OpenError`] when it is missing, locked, damaged, not that provider's, or written to meanwhile.
pub(in crate::storage) fn read<T>(
    path: &Path,
    read: impl Fn(&mut SqliteConnection) -> Result<T, StorageError>,
) -> Result<T, OpenError> {
    let before = Condition::of(path);
    let (mut conn, id) = look(path)?;
    let not_theirs = || OpenError::NotReplaced(path.to_owned());
    if id != 0 {
        return Err(not_theirs());
    }
    let whole = conn.transaction(|conn| {
        if !is_theirs(conn)? {
            return Ok(None);
        }
        check_pages(conn)?;
        read(conn).map(Some)
    });
    let found = whole.map_err(|error| unreadable(path, error))?.ok_or_else(not_theirs)?;
    if !before.has_log && Condition::of(path) != before {
        let why = "it was written to meanwhile; stop the old provider, and try again";
        return Err(OpenError::Unreadable(path.to_owned(), why.to_owned()));
    }
    Ok(found)
}

/// What changes when a file is written to that is read without a lock. One that has a log is read with
/// it, as it was at one moment.
#[derive(PartialEq, Eq)]
struct Condition {
    file: Option<(u64, Option<SystemTime>)>,
    has_log: bool,
}

impl Condition {
    fn of(path: &Path) -> Self {
        let file = fs::metadata(path).ok().map(|file| (file.len(), file.modified().ok()));
        Self { file, has_log: next_to(path, "-wal").exists() }
    }
}

/// Whether every table is there, with every column. There may be more.
fn is_theirs(conn: &mut SqliteConnection) -> Result<bool, StorageError> {
    for (table, columns) in COLUMNS {
        let query = format!("SELECT name AS text FROM pragma_table_info('{table}')");
        let there = texts(conn, &query)?;
        if !columns.iter().all(|column| there.iter().any(|name| name == column)) {
            return Ok(false);
        }
    }
    Ok(true)
}
