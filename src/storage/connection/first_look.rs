//! Whose file is it? Asked before anything is written.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::copying::is_marked;
use super::{
    APPLICATION_ID, Missing, application_id, establish, patiently, refused, tables, unreadable, uri,
};
use crate::storage::{OpenError, StorageError};

/// Never looks at a file with a connection that could write before it is known to be ours.
pub(super) fn create_or_check(
    path: &Path,
    missing: Missing,
    has_log: bool,
) -> Result<(), OpenError> {
    match fs::metadata(path) {
        Ok(file) if !file.is_file() => {
            return Err(OpenError::Unreadable(path.to_owned(), "it is not a file".to_owned()));
        }
        Ok(file) if file.len() == 0 => {
            return match missing {
                // SQLite would take the file for new, and delete the log.
                _ if has_log => {
                    let why = "it is empty, its log is not".to_owned();
                    Err(OpenError::Damaged(path.to_owned(), why))
                }
                Missing::Refuse => Err(OpenError::Missing(path.to_owned())),
                // A first start that ended here.
                Missing::Create => Ok(()),
            };
        }
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if missing == Missing::Refuse {
                return Err(OpenError::Missing(path.to_owned()));
            }
            // Not "create new": another process may be starting beside us.
            let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
            return file.map(drop).map_err(|error| refused(path, &error));
        }
        Err(error) => return Err(refused(path, &error)),
    }
    let look = |mode| -> Result<(i64, Vec<String>), StorageError> {
        let mut conn = establish(&uri(path, mode))?;
        Ok((application_id(&mut conn)?, tables(&mut conn)?))
    };
    // With an empty log nobody is at work: without a lock, so that not even the files beside a
    // stranger's database change. Otherwise the log has its say.
    let mode = if has_log { "ro" } else { "ro&immutable=1" };
    let looked = patiently(|| look(mode)).map_err(|error| unreadable(path, error));
    let (application_id, tables) = looked?;
    let replaced = ["oauth_clients", "oauth_codes", "oauth_tokens"];
    match application_id {
        APPLICATION_ID if is_marked(&tables) => Err(OpenError::Copy(path.to_owned())),
        APPLICATION_ID => Ok(()),
        0 if tables.is_empty() => Ok(()),
        0 if replaced.iter().all(|name| tables.iter().any(|table| table == name)) => {
            Err(OpenError::ReplacedProvider(path.to_owned()))
        }
        _ => Err(OpenError::Foreign(path.to_owned())),
    }
}
