//! The engines that the suite runs on, and what the tests do with a storage.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, mpsc};

use mcp_oauthd::clock::{Clock, UnixTime};
use mcp_oauthd::config::Database;
use mcp_oauthd::oauth::UserId;
use mcp_oauthd::storage::Method;
use mcp_oauthd::storage::sessions::Arrival;
use mcp_oauthd::storage::users::User;
use mcp_oauthd::storage::{
    DbConnection, Limits, Missing, OpenError, Role, Storage, StorageError, sessions,
};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Every engine; another one is another line.
pub(crate) fn engines() -> [Engine; 2] {
    [
        Engine { name: "a SQLite file", is_file: true },
        Engine { name: "SQLite in memory", is_file: false },
    ]
}

pub(crate) struct Engine {
    pub(crate) name: &'static str,
    is_file: bool,
}

/// An open database that goes with the test.
pub(crate) struct Opened {
    pub(crate) storage: Storage,
    pub(crate) clock: Clock,
    _dir: TempDir,
}

impl Engine {
    pub(crate) fn open(&self) -> Opened {
        self.open_with(Limits::default())
    }

    pub(crate) fn open_with(&self, limits: Limits) -> Opened {
        let dir = tempfile::tempdir().unwrap();
        let database = if self.is_file {
            Database::File(dir.path().join("test.db"))
        } else {
            Database::Memory
        };
        let clock = Clock::manual();
        let storage = Storage::open(&database, Missing::Create, limits, clock.clone()).unwrap();
        Opened { storage, clock, _dir: dir }
    }
}

/// The database file of a test, in a directory of its own.
pub(crate) fn path_in(dir: &TempDir) -> PathBuf {
    dir.path().join("test.db")
}

pub(crate) fn open_file(path: &Path, missing: Missing) -> Result<Storage, OpenError> {
    let database = Database::File(path.to_owned());
    Storage::open(&database, missing, Limits::default(), Clock::System)
}

impl Opened {
    /// Adds a session of `user`; a row that any test can count.
    pub(crate) fn add(&self, user: &UserId) -> JoinHandle<Result<(), StorageError>> {
        let (storage, user, now) = (self.storage.clone(), user.clone(), self.clock.now());
        tokio::spawn(async move {
            storage
                .write(move |conn| {
                    sessions::insert(conn, &user, &Arrival::by(Method::Password), now, now)
                        .map(drop)
                })
                .await
        })
    }

    /// How many sessions `user` has.
    pub(crate) async fn count(&self, user: &UserId) -> usize {
        let user = user.clone();
        // Removed and rolled back: there is no other question that counts a user's sessions.
        let counted = self
            .storage
            .write(move |conn| Err::<(), _>(Counted(sessions::remove_of_user(conn, &user)?)));
        counted.await.unwrap_err().0
    }

    /// Keeps the writer busy until the sender is dropped. Returns when it has begun.
    pub(crate) async fn occupy(&self) -> mpsc::Sender<()> {
        occupy(&self.storage).await
    }

    /// As [`Opened::occupy`], in its turn: the receiver says when it has begun.
    pub(crate) fn occupy_next(&self) -> (mpsc::Sender<()>, oneshot::Receiver<()>) {
        occupy_next(&self.storage)
    }
}

/// [`Opened::occupy`] of a storage.
pub(crate) async fn occupy(storage: &Storage) -> mpsc::Sender<()> {
    let (release, begun) = occupy_next(storage);
    begun.await.unwrap();
    release
}

fn occupy_next(storage: &Storage) -> (mpsc::Sender<()>, oneshot::Receiver<()>) {
    let (release, released) = mpsc::channel();
    let (begun, begins) = oneshot::channel();
    let ends = Mutex::new((Some(begun), released));
    let storage = storage.clone();
    tokio::spawn(async move {
        let busy = move |_: &mut DbConnection| {
            let mut ends = ends.lock().unwrap();
            ends.0.take().map(|begun| begun.send(()));
            let _dropped = ends.1.recv();
            Ok::<_, StorageError>(())
        };
        storage.write(busy).await
    });
    (release, begins)
}

/// The write-ahead log of a database.
pub(crate) fn log_of(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", path.display()))
}

/// A person of this name.
pub(crate) fn user(name: &str) -> User {
    User {
        password_hash: Some("none".to_owned()),
        ..User::new(UserId::generate(), name.to_owned(), Role::Member, UnixTime(1_790_000_000))
    }
}

struct Counted(usize);

impl From<StorageError> for Counted {
    fn from(error: StorageError) -> Self {
        panic!("{error}")
    }
}
