//! A file that is being written beside the one whose place it takes: whole, or not at all.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

use super::next_to;

/// `NAME.partial`, for our user alone, and for one process at a time. Deleted unless it is finished;
/// what a killed process has left is written over by the next one.
pub(super) struct Draft {
    path: PathBuf,
    target: PathBuf,
    /// Has the lock.
    file: File,
}

/// What SQLite has beside a file, and would take for a part of whatever gets that file's name.
pub(super) const SIDES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// What may be in the place that a draft takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing, nor anything beside it: otherwise nothing changes.
    Empty,
    /// Whatever there is goes, with what is beside it.
    Any,
}

impl Draft {
    /// Begins an empty one. None: another process is writing it.
    pub(super) fn begin(target: &Path) -> io::Result<Option<Self>> {
        Self::locked(target, FlockOperation::NonBlockingLockExclusive)
    }

    /// As [`Draft::begin`], in its turn.
    pub(super) fn wait(target: &Path) -> io::Result<Option<Self>> {
        Self::locked(target, FlockOperation::LockExclusive)
    }

    fn locked(target: &Path, how: FlockOperation) -> io::Result<Option<Self>> {
        let path = next_to(target, ".partial");
        loop {
            let nofollow = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).mode(0o600).custom_flags(nofollow);
            let file = options.open(&path)?;
            match flock(&file, how) {
                Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
                outcome => outcome?,
            }
            let ours = file.metadata()?;
            // Whoever had the lock may have finished: then this is no draft any more.
            if !fs::metadata(&path).is_ok_and(|there| there.ino() == ours.ino()) {
                continue;
            }
            // In a folder where others write, somebody might wait for what is put into a file of his.
            let user = rustix::process::geteuid().as_raw();
            if !ours.is_file() || ours.uid() != user {
                return Err(io::Error::other("somebody else has put a file there"));
            }
            // Of one that was killed when it had its name already, but not only that.
            if ours.nlink() != 1 {
                fs::remove_file(&path)?;
                continue;
            }
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.set_len(0)?;
            remove_sides(&path);
            return Ok(Some(Self { path, target: target.to_owned(), file }));
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Makes it belong to whom `like` belongs: root may be at work for the service's user.
    pub(super) fn give_to_owner_of(&self, like: &Path) -> io::Result<()> {
        let like = fs::metadata(like)?;
        if self.file.metadata()?.uid() != like.uid() {
            fchown(&self.file, Some(like.uid()), Some(like.gid()))?;
        }
        Ok(())
    }

    /// Puts it into its place: on the disk before it has its name, and the name before this returns.
    pub(super) fn finish(self, place: Place) -> io::Result<()> {
        self.file.sync_all()?;
        remove_sides(&self.path);
        match place {
            Place::Any => {
                clear_sides(&self.target)?;
                fs::rename(&self.path, &self.target)?;
            }
            Place::Empty if occupant(&self.target).is_some() => {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            Place::Empty => match fs::hard_link(&self.path, &self.target) {
                Ok(()) => fs::remove_file(&self.path)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
                // A file system without links.
                Err(_) if fs::symlink_metadata(&self.target).is_err() => {
                    fs::rename(&self.path, &self.target)?;
                }
                Err(error) => return Err(error),
            },
        }
        sync_folder(&self.target)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let ours = self.file.metadata().map(|file| file.ino());
        let there = fs::symlink_metadata(&self.path).map(|file| file.ino());
        // Finished, it has another name, and this one may be another process's by now.
        if ours.is_ok_and(|ours| there.is_ok_and(|there| ours == there)) {
            remove_sides(&self.path);
            let _best_effort = fs::remove_file(&self.path);
        }
    }
}

/// What is in the place of a file, or beside it.
pub(super) fn occupant(path: &Path) -> Option<PathBuf> {
    let names = std::iter::once("").chain(SIDES).map(|suffix| next_to(path, suffix));
    names.into_iter().find(|name| fs::symlink_metadata(name).is_ok())
}

fn remove_sides(path: &Path) {
    for suffix in SIDES {
        let _most_often_there_is_none = fs::remove_file(next_to(path, suffix));
    }
}

/// As [`remove_sides`], and on the disk before this returns.
fn clear_sides(path: &Path) -> io::Result<()> {
    for side in SIDES.map(|suffix| next_to(path, suffix)) {
        match fs::remove_file(side) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) => {}
            Ok(()) => sync_folder(path)?,
        }
    }
    Ok(())
}

/// Has the names in the folder of a file written to the disk.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

/// Where a file is.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_one_process_at_a_time_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("x.db");
        let left = next_to(&target, ".partial");
        fs::write(&left, "a killed process wrote this").unwrap();
        let draft = Draft::begin(&target).unwrap().unwrap();
        assert!(Draft::begin(&target).unwrap().is_none());
        assert_eq!(fs::read(&left).unwrap(), b"");
        assert_eq!(fs::metadata(&left).unwrap().mode() & 0o777, 0o600);
        drop(draft);
        assert!(fs::read_dir(dir.path()).unwrap().next().is_none());
    }

    #[test]
    fn only_a_place_that_is_empty_is_taken_unless_it_may_be_any() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("x.db");
        fs::write(&target, "before").unwrap();
        let refused = Draft::begin(&target).unwrap().unwrap().finish(Place::Empty);
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&target).unwrap(), b"before");
        Draft::begin(&target).unwrap().unwrap().finish(Place::Any).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"");
        fs::remove_file(&target).unwrap();
        for suffix in SIDES {
            fs::write(next_to(&target, suffix), "of another").unwrap();
            let refused = Draft::begin(&target).unwrap().unwrap().finish(Place::Empty);
            assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::AlreadyExists, "{suffix}");
            assert_eq!(occupant(&target), Some(next_to(&target, suffix)));
            Draft::begin(&target).unwrap().unwrap().finish(Place::Any).unwrap();
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "{suffix}");
            fs::remove_file(&target).unwrap();
        }
        Draft::begin(&target).unwrap().unwrap().finish(Place::Empty).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_link_or_a_second_name_leads_to_is_not_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let (target, other) = (dir.path().join("x.db"), dir.path().join("other"));
        fs::write(&other, "theirs").unwrap();
        std::os::unix::fs::symlink(&other, next_to(&target, ".partial")).unwrap();
        assert!(Draft::begin(&target).is_err());
        fs::remove_file(next_to(&target, ".partial")).unwrap();
        fs::hard_link(&other, next_to(&target, ".partial")).unwrap();
        assert!(Draft::begin(&target).unwrap().is_some());
        assert_eq!(fs::read(&other).unwrap(), b"theirs");
    }
}
