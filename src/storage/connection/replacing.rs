//! A backup, made ready to take the place of a database, and what that database still knows.

use std::fs::{self, OpenOptions};
use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;
use rustix::fs::{FlockOperation, fcntl_lock};

use super::carry_over::{Carried, carry_over, end_everything, end_what_works_once, why_not_known};
use super::copying::{Copied, MARK, check_all, examine};
use super::first_look::create_or_check;
use super::migration::migrate;
use super::{
    APPLICATION_ID, Missing, SCHEMA_VERSION, application_id, check_pages, establish,
    oldest_allowed, patiently, uri,
};
use crate::clock::UnixTime;
use crate::storage::schema::events;
use crate::storage::{Event, OpenError, StorageError, next_to};

/// What there is in the place of the database.
#[derive(Debug)]
pub(in crate::storage) enum Before {
    /// Nothing.
    Nothing,
    /// One of ours, whole; the version of its schema.
    Whole(i64),
    /// One that cannot be asked, and why.
    Mute(String),
}

/// Looks at what is to be replaced. Nobody may have it open.
///
/// # Errors
/// [`OpenError`] for what is not ours, and stays where it is.
pub(in crate::storage) fn look_before(path: &Path) -> Result<Before, OpenError> {
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Before::Nothing),
        Ok(file) if file.is_file() && file.len() == 0 => return Ok(Before::Nothing),
        _ => {}
    }
    let has_log = fs::metadata(next_to(path, "-wal")).is_ok_and(|log| log.len() > 0);
    match create_or_check(path, Missing::Refuse, has_log) {
        Ok(()) => {}
        Err(OpenError::Damaged(_, why)) => return Ok(Before::Mute(why)),
        // Somebody has put a backup there by hand: what was there is not to be had.
        Err(OpenError::Copy(_)) => return Ok(Before::Mute("it is a copy itself".to_owned())),
        Err(error) => return Err(error),
    }
    let look = || -> Result<Before, StorageError> {
        let mut conn = establish(&uri(path, "rw"))?;
        match check_pages(&mut conn) {
            Err(StorageError::Corrupt(damage)) => return Ok(Before::Mute(damage)),
            checked => checked?,
        }
        let needed = oldest_allowed(&mut conn)?;
        if needed > SCHEMA_VERSION {
            return Ok(Before::Mute(format!("it needs schema {needed}")));
        }
        Ok(Before::Whole(examine(&mut conn)?.version))
    };
    match patiently(look) {
        Err(StorageError::Unavailable(why)) => Err(OpenError::Unreadable(path.to_owned(), why)),
        Err(error) => Ok(Before::Mute(error.to_string())),
        looked => looked.map_err(|error| super::unreadable(path, error)),
    }
}

/// Whether any process has a database open: each of them has a lock on a part of it.
pub(in crate::storage) fn is_in_use(path: &Path) -> bool {
    let Ok(file) = OpenOptions::new().read(true).write(true).open(path) else { return false };
    fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).is_err()
}

/// Checks a backup in the file that is to be the database, and brings its schema up to date.
///
/// # Errors
/// Why it cannot be one, in a few words.
pub(in crate::storage) fn accept(draft: &Path, now: UnixTime) -> Result<Copied, String> {
    let accept = || -> Result<Result<Copied, String>, StorageError> {
        let mut conn = establish(&uri(draft, "rw"))?;
        if application_id(&mut conn)? != APPLICATION_ID {
            return Ok(Err("it is not a database of mcp-oauthd".to_owned()));
        }
        // Folds a log into the file, and goes without one: what is not whole is thrown away.
        conn.batch_execute("PRAGMA journal_mode = OFF")?;
        check_all(&mut conn)?;
        let copied = examine(&mut conn)?;
        let needed = oldest_allowed(&mut conn)?;
        if needed > SCHEMA_VERSION {
            let why = format!("it needs schema {needed}, and this version has {SCHEMA_VERSION}");
            return Ok(Err(why));
        }
        migrate(&mut conn, now)?;
        Ok(Ok(copied))
    };
    accept().unwrap_or_else(|error| Err(error.to_string()))
}

/// Brings a copy of the old database to the schema of this program, to be asked.
pub(in crate::storage) fn update_copy(copy: &Path, now: UnixTime) -> Result<(), StorageError> {
    migrate(&mut establish(&uri(copy, "rw"))?, now).map(drop)
}

/// Why the database at `old` is not what has become of the backup in `draft`; none if it is.
pub(in crate::storage) fn why_unknown(
    draft: &Path,
    copied: &Copied,
    old: &Path,
) -> Result<Option<&'static str>, StorageError> {
    why_not_known(&mut attached(draft, old)?, copied.last_event.0)
}

/// What is to be ended in a backup.
#[derive(Debug, Clone, Copy)]
pub(in crate::storage) struct Ending<'a> {
    /// The database that knows what has happened since, if there is one.
    pub(in crate::storage) old: Option<&'a Path>,
    /// Every grant and every session.
    pub(in crate::storage) everything: bool,
}

/// Makes a backup a database, in which nothing comes back that `old` knows to be over; and leaves the
/// record of it there.
pub(in crate::storage) fn make_ready(
    draft: &Path,
    ending: Ending<'_>,
    copied: &Copied,
    now: UnixTime,
) -> Result<Carried, StorageError> {
    let mut conn = match ending.old {
        Some(old) => attached(draft, old)?,
        None => establish(&uri(draft, "rw"))?,
    };
    conn.batch_execute("PRAGMA main.journal_mode = OFF")?;
    let mut carried = Carried::default();
    if ending.old.is_some() {
        carry_over(&mut conn, copied.last_event.0, now, &mut carried)?;
    } else {
        end_what_works_once(&mut conn, now)?;
    }
    if ending.everything {
        end_everything(&mut conn, now, &mut carried)?;
    }
    conn.batch_execute(&format!(
        "DELETE FROM main.serving_processes; DROP TABLE IF EXISTS main.{MARK};"
    ))?;
    let of = copied.taken_at.map_or_else(|| "an unknown time".to_owned(), |at| at.to_string());
    let Carried { grants_ended_since, grants_used_since, grants_ended_now, .. } = carried;
    let grants = grants_ended_since + grants_used_since + grants_ended_now;
    let sessions = carried.sessions_ended;
    let detail = format!("to {of}; {grants} grants and {sessions} sessions ended");
    let (at, kind) = (events::at.eq(now), events::kind.eq(Event::Restored));
    diesel::insert_into(events::table)
        .values((at, kind, events::detail.eq(detail)))
        .execute(&mut conn)?;
    Ok(carried)
}

/// Keeps everybody else out of a database while it gets another name, with all of its log folded into
/// it: a program of an older version does not know of our turn.
pub(in crate::storage) fn hold(path: &Path) -> Result<impl Sized, StorageError> {
    let mut conn = establish(&uri(path, "rw"))?;
    conn.batch_execute("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE")?;
    Ok(conn)
}

fn attached(draft: &Path, old: &Path) -> Result<SqliteConnection, StorageError> {
    let mut conn = establish(&uri(draft, "rw"))?;
    let attach = diesel::sql_query("ATTACH DATABASE ? AS old");
    attach.bind::<Text, _>(uri(old, "rw")).execute(&mut conn)?;
    Ok(conn)
}
