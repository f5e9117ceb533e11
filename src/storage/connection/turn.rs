//! Who opens a database, and who puts another file into its place: never both at once.
//!
//! SQLite's own locks are on the file that was opened, and find the log by its name. Whoever opened the
//! old file just before another one took its place would write a log beside the new one. So both have a
//! lock on the folder while they are at it, which the kernel takes back from whoever dies.

use std::fs::File;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::storage::draft::folder;

/// For how long a start waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// Held until it is dropped. A file system without such locks has none.
pub(in crate::storage) struct Turn {
    _folder: Option<File>,
}

impl Turn {
    /// With others who open. None: the database is being replaced.
    pub(in crate::storage) fn to_open(path: &Path) -> Option<Self> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let turn = Self::take(path, FlockOperation::NonBlockingLockShared);
            if turn.is_some() || Instant::now() > deadline {
                return turn;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Alone. None: somebody is opening it, or replacing it.
    pub(in crate::storage) fn to_replace(path: &Path) -> Option<Self> {
        Self::take(path, FlockOperation::NonBlockingLockExclusive)
    }

    fn take(path: &Path, how: FlockOperation) -> Option<Self> {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let Ok(folder) = File::open(folder(&path)) else { return Some(Self { _folder: None }) };
        match flock(&folder, how) {
            Err(Errno::WOULDBLOCK) => None,
            _ => Some(Self { _folder: Some(folder) }),
        }
    }
}
