//! All that is portable, as lines of JSON: out of one database and into another one, of whatever engine.
//! There are no tokens, codes or passwords in it, but their hashes, the salts from which the successors of
//! refresh tokens are derived, and what second factors are made of.

use std::collections::HashSet;
use std::io::{self, BufRead, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::UnixTime;
use crate::storage::events::{Event, Removed, Subject, record};
use crate::storage::portable::{self, Row, Standing};
use crate::storage::{DbConnection, SCHEMA_VERSION, Storage, StorageError};

/// Of the lines; the columns have the version of the schema.
const FORMAT: u32 = 1;
/// The most rows of one transaction, but for the event that tells of them.
const BATCH: usize = 499;
/// The longest line. A document of a client has a few thousand bytes.
const LONGEST: u64 = 1024 * 1024;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Of the lines.
    mcp_oauthd_export: u32,
    /// Of the columns.
    schema: i64,
    /// To which the clients are bound: RFC 8414 section 3.3.
    pub issuer: String,
}

/// What was read.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Where it was written.
    pub issuer: String,
    /// What became of its rows.
    #[serde(flatten)]
    pub rows: Counts,
}

/// How many rows have come to which end.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Counts {
    /// Rows that are here now; of a dry run, that would be.
    pub taken: usize,
    /// Rows that were here before, perhaps changed since.
    pub already_here: usize,
    /// Rows about somebody or something that was removed here.
    pub removed_here: usize,
    /// Rows that belong to somebody or something that was here before, and were not: ended since, or new.
    pub owner_here: usize,
}

/// Why it was not written or read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file.
    #[error(transparent)]
    File(#[from] io::Error),
    /// A line that is not ours, or has no place here.
    #[error("line {line}: {why}")]
    Line {
        /// The how-manieth it is.
        line: usize,
        /// One cause.
        why: String,
    },
    /// The database's.
    #[error(transparent)]
    Failed(#[from] StorageError),
}

/// Writes everything, as it is at one moment; how many rows.
///
/// # Errors
/// The file's and the database's.
pub async fn write(
    storage: &Storage,
    issuer: &str,
    mut out: impl Write + Send,
) -> Result<usize, ArchiveError> {
    let head =
        Head { mcp_oauthd_export: FORMAT, schema: SCHEMA_VERSION, issuer: issuer.to_owned() };
    line(&mut out, &head)?;
    let mut rows = 0;
    let read = |conn: &mut DbConnection| {
        portable::read(conn, |row| {
            rows += 1;
            line(&mut out, &row)
        })
    };
    storage.read(read).await?;
    out.flush()?;
    Ok(rows)
}

fn line(out: &mut impl Write, value: &impl Serialize) -> Result<(), ArchiveError> {
    serde_json::to_writer(&mut *out, value).map_err(io::Error::from)?;
    Ok(out.write_all(b"\n")?)
}

/// Reads it back, in batches of which each is one transaction. What is here already stays as it is, and
/// what was removed or ended here stays away, so whoever is interrupted runs it once more.
///
/// # Errors
/// Lines that are not ours, or for which there is somebody else here; the file's and the database's.
/// What was taken before that stays.
pub async fn read(
    storage: &Storage,
    mut input: impl BufRead,
    dry: bool,
    now: UnixTime,
) -> Result<Outcome, ArchiveError> {
    let mut number = 0;
    let head = next(&mut input, &mut number)?;
    let head = head.ok_or_else(|| wrong(1, "the file is empty"))?;
    let issuer = self::head(&head).map_err(|why| wrong(1, why))?.issuer;
    let mut outcome = Outcome { issuer, rows: Counts::default() };
    let mut left = Arc::new(HashSet::new());
    let mut last = None;
    loop {
        let mut rows = vec![];
        while rows.len() < BATCH
            && let Some(text) = next(&mut input, &mut number)?
        {
            let row = row(&text, &mut last).map_err(|why| wrong(number, why))?;
            rows.push((number, row));
        }
        if rows.is_empty() {
            return Ok(outcome);
        }
        let batch = Batch { rows, left: left.clone(), dry, now };
        let (counts, also_left) = if dry {
            storage.read(|conn| batch.take(conn)).await?
        } else {
            storage.write(move |conn: &mut DbConnection| batch.take(conn)).await?
        };
        outcome.rows.taken += counts.taken;
        outcome.rows.already_here += counts.already_here;
        outcome.rows.removed_here += counts.removed_here;
        outcome.rows.owner_here += counts.owner_here;
        Arc::make_mut(&mut left).extend(also_left);
        // Whoever waits in the queue goes first.
        tokio::task::yield_now().await;
    }
}

/// Rows of one transaction, each with the number of its line.
struct Batch {
    rows: Vec<(usize, Row)>,
    /// The grants that were left before.
    left: Arc<HashSet<i64>>,
    dry: bool,
    now: UnixTime,
}

impl Batch {
    /// What became of its rows, and the grants that were left.
    fn take(&self, conn: &mut DbConnection) -> Result<(Counts, HashSet<i64>), ArchiveError> {
        let (mut done, mut left) = (Counts::default(), HashSet::new());
        let removed = Removed::find(conn)?;
        for (number, row) in &self.rows {
            let of_left = |id| self.left.contains(&id) || left.contains(&id);
            if row.grant_of_token().is_some_and(of_left) {
                done.removed_here += 1;
                continue;
            }
            match row.standing(conn, &removed)? {
                Standing::Here => done.already_here += 1,
                Standing::Removed => {
                    done.removed_here += 1;
                    left.extend(row.grant());
                }
                Standing::OwnerHere => done.owner_here += 1,
                Standing::Displaced => {
                    let table = row.table();
                    let why = format!("another one of {table} is in its place here");
                    return Err(wrong(*number, why));
                }
                Standing::Wanted => {
                    if !self.dry {
                        row.insert(conn)?;
                    }
                    done.taken += 1;
                }
            }
        }
        if done.taken > 0 && !self.dry {
            let subject = Subject { detail: Some(done.taken.to_string()), ..Subject::default() };
            record(conn, Event::RowsImported, subject, self.now)?;
        }
        Ok((done, left))
    }
}

/// A line without its end; none behind the last one.
fn next(input: &mut impl BufRead, number: &mut usize) -> Result<Option<String>, ArchiveError> {
    let mut text = String::new();
    *number += 1;
    let read = io::Read::take(&mut *input, LONGEST).read_line(&mut text).map_err(|error| {
        match error.kind() {
            io::ErrorKind::InvalidData => wrong(*number, "it is not text"),
            _ => error.into(),
        }
    })?;
    match text.strip_suffix('\n') {
        Some(line) => Ok(Some(line.to_owned())),
        None if read == 0 => Ok(None),
        None => Err(wrong(*number, "it is cut off, or too long")),
    }
}

fn head(text: &str) -> Result<Head, &'static str> {
    let head: Head = serde_json::from_str(text).map_err(|_| "this is no export of mcp-oauthd")?;
    if head.mcp_oauthd_export != FORMAT || head.schema > SCHEMA_VERSION {
        return Err("a newer version of mcp-oauthd has written it");
    }
    Ok(head)
}

/// A row, which may not belong to one that has passed: `last` is that of the line before.
fn row(text: &str, last: &mut Option<Row>) -> Result<Row, String> {
    // Without what stands there, which may be what nobody is to see.
    let row: Row = serde_json::from_str(text).map_err(|_| "this is no row of ours".to_owned())?;
    if let Some(column) = row.unreadable() {
        return Err(format!("{column} of {} cannot be that", row.table()));
    }
    if let Some(last) = last.as_ref().filter(|last| last.place() > row.place()) {
        return Err(format!("{} come before {}", row.table(), last.table()));
    }
    *last = Some(row.clone());
    Ok(row)
}

fn wrong(line: usize, why: impl Into<String>) -> ArchiveError {
    ArchiveError::Line { line, why: why.into() }
}
