//! The copy of a database that is made before its schema changes: `NAME.pre-VERSION`, what it was
//! before that version.

use std::fs;
use std::path::{Path, PathBuf};

use super::{SCHEMA_VERSION, copying};
use crate::clock::UnixTime;
use crate::storage::draft::{Draft, Place, folder};
use crate::storage::{OpenError, StorageError, next_to};

/// Makes it, and deletes all but the newest `most`. Nothing is left to do if another process has been
/// first.
///
/// # Errors
/// [`OpenError::NoCopy`]; then the schema must stay as it is.
pub(super) fn copy(path: &Path, most: usize, now: UnixTime) -> Result<(), OpenError> {
    let refused = |why: String| OpenError::NoCopy { path: path.to_owned(), why };
    let target = next_to(path, &format!(".pre-{SCHEMA_VERSION}"));
    // Many may start at once: one after the other, and each looks at what its copy has become.
    let draft = Draft::wait(&target).map_err(|error| refused(error.to_string()))?;
    let Some(draft) = draft else { return Err(refused("it is being made".to_owned())) };
    let copied = copying::copy_into(path, draft.path(), now)?;
    let copied = copied.map_err(|error| match error {
        StorageError::Unavailable(why) => refused(why),
        error => refused(error.to_string()),
    })?;
    if copied.version < SCHEMA_VERSION {
        draft.finish(Place::Any).map_err(|error| refused(error.to_string()))?;
        forget_all_but(path, most);
    }
    Ok(())
}

/// What cannot be deleted only takes room.
fn forget_all_but(path: &Path, most: usize) {
    let mut copies = copies(path);
    copies.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    for (_, copy) in copies.into_iter().skip(most) {
        let _best_effort = fs::remove_file(copy);
    }
}

fn copies(path: &Path) -> Vec<(u64, PathBuf)> {
    let Some(name) = path.file_name() else { return vec![] };
    let prefix = format!("{}.pre-", name.display());
    let Ok(files) = fs::read_dir(folder(path)) else { return vec![] };
    files
        .filter_map(|file| {
            let file = file.ok()?;
            let version = file.file_name().to_str()?.strip_prefix(&prefix)?.parse().ok()?;
            Some((version, file.path()))
        })
        .collect()
}
