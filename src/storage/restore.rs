//! A backup in the place of the database: what was revoked stays revoked.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::backup::{belongs_to, whole};
pub use super::connection::carry_over::Carried;
use super::connection::copying::{copy_into, has_mark};
use super::connection::replacing::{
    Before, Ending, accept, hold, is_in_use, look_before, make_ready, update_copy, why_unknown,
};
use super::connection::turn::Turn;
use super::connection::{SCHEMA_VERSION, restrict};
use super::draft::{Draft, Place, SIDES, folder};
use super::{OpenError, StorageError, next_to};
use crate::clock::UnixTime;

/// What the operator has said about what nobody may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Nothing: without the database that was in use, there is no restoring.
    None,
    /// Every grant and every session ends.
    RevokeAll,
    /// What was revoked since the backup was taken may come back, if nobody knows of it.
    TrustBackup,
}

/// What was done.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Restored {
    /// When the backup was taken, if it says so.
    pub taken_at: Option<UnixTime>,
    /// When the last thing was recorded that is in it.
    pub last_recorded_at: Option<UnixTime>,
    /// The version of its schema.
    pub schema: i64,
    /// Where the database is that was in its place.
    pub replaced: Option<PathBuf>,
    /// Why what has happened since is not known; none if it is.
    pub not_known_because: Option<String>,
    /// What has been ended.
    #[serde(flatten)]
    pub carried: Carried,
}

/// Why nothing was restored. The database is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Of the database.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// Something has it open.
    #[error("{0} is in use: stop the service, and whatever else reads it, first")]
    InUse(PathBuf),
    /// The backup cannot be used.
    #[error("{0} cannot be restored: {1}")]
    Backup(PathBuf, String),
    /// Nobody knows what was revoked since.
    #[error(
        "what was revoked since the backup was taken is not known: {0}; --revoke-all ends every grant \
         and every session, --trust-backup lets what was revoked come back"
    )]
    NobodyKnows(String),
    /// A full disk.
    #[error("{0} cannot be written: {1}")]
    Unwritable(PathBuf, String),
}

/// Puts a copy of `backup` into the place of the database, which is kept beside it. Minutes for a large
/// one; for a thread of its own.
///
/// # Errors
/// See [`RestoreError`].
pub fn restore(
    database: &Path,
    backup: &Path,
    word: Word,
    now: UnixTime,
) -> Result<Restored, RestoreError> {
    let path = whole(database);
    let in_use = || RestoreError::InUse(path.clone());
    let unwritable = |error: io::Error| RestoreError::Unwritable(path.clone(), error.to_string());
    if belongs_to(&path, backup) {
        let why = "it belongs to the database itself".to_owned();
        return Err(RestoreError::Backup(backup.to_owned(), why));
    }
    // From here on nobody opens the database; and nobody may have done so before.
    let _turn = Turn::to_replace(&path).ok_or_else(in_use)?;
    if is_in_use(&path) {
        return Err(in_use());
    }
    let before = look_before(&path)?;
    let mut draft = Draft::begin(&path).map_err(unwritable)?.ok_or_else(in_use)?;
    let copied = fetch(backup, &mut draft)
        .and_then(|()| accept(draft.path(), now))
        .map_err(|why| RestoreError::Backup(backup.to_owned(), why))?;
    let failed = |error: StorageError| unwritable(io::Error::other(error.to_string()));
    let older = older_copy(&path, &before, now)?;
    let witness = older.as_ref().map_or(path.as_path(), Draft::path);
    let not_known_because = match &before {
        Before::Nothing => Some("there is no database".to_owned()),
        Before::Mute(why) => Some(why.clone()),
        Before::Whole(_) => {
            let why = why_unknown(draft.path(), &copied, witness).map_err(failed)?;
            why.map(str::to_owned)
        }
    };
    if let (Some(why), Word::None) = (&not_known_because, word) {
        return Err(RestoreError::NobodyKnows(why.clone()));
    }
    let old = Some(witness).filter(|_| not_known_because.is_none());
    let ending = Ending { old, everything: word == Word::RevokeAll };
    let carried = make_ready(draft.path(), ending, &copied, now).map_err(failed)?;
    drop(older);
    let replaced = put_into_place(&path, &before, draft, now)?;
    Ok(Restored {
        taken_at: copied.taken_at,
        last_recorded_at: copied.last_event.1,
        schema: copied.version,
        replaced,
        not_known_because,
        carried,
    })
}

/// Copies the backup, which stays as it is; and its log, if somebody has copied a database with it.
fn fetch(backup: &Path, draft: &mut Draft) -> Result<(), String> {
    let said = |error: io::Error| error.to_string();
    if is_in_use(backup) {
        return Err("it is in use: take a copy of it by `backup`".to_owned());
    }
    if !fs::metadata(backup).map_err(said)?.is_file() {
        return Err("it is not a file".to_owned());
    }
    io::copy(&mut File::open(backup).map_err(said)?, draft.file()).map_err(said)?;
    let log = next_to(backup, "-wal");
    if fs::metadata(&log).is_ok_and(|log| log.len() > 0) && !has_mark(draft.path()) {
        fs::copy(log, next_to(draft.path(), "-wal")).map_err(said)?;
    }
    Ok(())
}

/// A database of an older schema is asked in a copy: it is kept as it is.
fn older_copy(path: &Path, before: &Before, now: UnixTime) -> Result<Option<Draft>, RestoreError> {
    let Before::Whole(version) = before else { return Ok(None) };
    if *version >= SCHEMA_VERSION {
        return Ok(None);
    }
    let failed = |why: String| RestoreError::Unwritable(path.to_owned(), why);
    let copy =
        Draft::begin(&next_to(path, ".before")).map_err(|error| failed(error.to_string()))?;
    let copy = copy.ok_or_else(|| RestoreError::InUse(path.to_owned()))?;
    let copied = copy_into(path, copy.path(), now)?;
    copied
        .and_then(|_| update_copy(copy.path(), now))
        .map_err(|error| failed(error.to_string()))?;
    Ok(Some(copy))
}

/// The database that is there gets another name, and the new one its place, in this order: at no time is
/// there none, and never one with the log of the other.
fn put_into_place(
    path: &Path,
    before: &Before,
    draft: Draft,
    now: UnixTime,
) -> Result<Option<PathBuf>, RestoreError> {
    let failed = |error: io::Error| RestoreError::Unwritable(path.to_owned(), error.to_string());
    let _held = match before {
        Before::Whole(_) => Some(hold(path).map_err(|_| RestoreError::InUse(path.to_owned()))?),
        _ => None,
    };
    let kept = free_name(path, now);
    for suffix in SIDES.iter().filter(|suffix| next_to(path, suffix).exists()) {
        fs::rename(next_to(path, suffix), next_to(&kept, suffix)).map_err(failed)?;
    }
    let is_there = fs::symlink_metadata(path).is_ok();
    let owned_alike = if is_there { path } else { folder(path) };
    draft.give_to_owner_of(owned_alike).map_err(failed)?;
    if is_there {
        fs::hard_link(path, &kept).or_else(|_| fs::rename(path, &kept)).map_err(failed)?;
    }
    // Where there was none, somebody who does not know of our turn may have made one meanwhile.
    let place = if is_there { Place::Any } else { Place::Empty };
    draft.finish(place).map_err(failed)?;
    restrict(path).map_err(failed)?;
    Ok(is_there.then_some(kept))
}

/// `NAME.replaced-TIME`, and a number if that is taken.
fn free_name(path: &Path, now: UnixTime) -> PathBuf {
    let time = now.to_string().replace([':', '-'], "");
    let first = next_to(path, &format!(".replaced-{time}"));
    let others = (2..).map(|number| next_to(&first, &format!("-{number}")));
    std::iter::once(first.clone())
        .chain(others)
        .find(|name| fs::symlink_metadata(name).is_err())
        .unwrap_or(first)
}
