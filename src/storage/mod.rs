//! The database behind two verbs, [`Storage::read`] and [`Storage::write`], and one set of queries:
//! a file per table, with its row and what is asked of it.

pub mod access_tokens;
pub mod attempts;
pub mod authorization_requests;
pub mod backup;
pub mod belongings;
mod changes;
pub mod checkup;
pub mod client_documents;
pub mod clients;
mod codec;
pub mod codes;
mod connection;
mod draft;
mod error;
pub mod events;
mod files;
pub mod grants;
mod health;
pub mod identities;
mod ids;
pub mod issuers;
mod known;
mod limits;
pub mod lists;
mod neighbours;
pub mod notification_channels;
pub mod one_time_links;
pub mod passkeys;
pub mod portable;
pub mod probe;
pub mod recovery_codes;
pub mod refresh_tokens;
pub mod registration_tokens;
pub mod replaced_provider;
pub mod resource_people;
pub mod resource_rules;
pub mod resources;
pub mod restore;
mod schema;
pub mod seen_documents;
pub mod seen_time;
mod serving_processes;
pub mod sessions;
pub mod sign_in_places;
pub mod sign_ins;
pub mod totp_secrets;
pub mod users;
mod writer;
mod writing;

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;

pub use client_documents::DocumentSource;
pub use clients::ClientOrigin;
pub use connection::{DbConnection, Missing, Opened, SCHEMA_VERSION};
pub use error::{OpenError, StorageError};
pub use events::Event;
pub use files::Place;
pub use grants::RevokedBecause;
pub use health::{GivenUp, Health};
pub use known::{Known, within};
pub use limits::Limits;
pub use one_time_links::Purpose;
pub use resources::Audience;
pub use sessions::Method;
pub use sign_ins::Step;
pub use users::Role;

use crate::clock::Clock;
use crate::config::Database;
use changes::{Changes, LOOK};
use files::{Files, next_to};
use known::Memory;
use writer::{Job, SharedConnection, Writer};

/// Handle on the open database. Clones share it.
#[derive(Clone)]
pub struct Storage {
    inner: Arc<Inner>,
}

struct Inner {
    /// Tells this storage's readers from another's in the same process.
    instance: usize,
    readers: Readers,
    queue: mpsc::Sender<Job>,
    longest_wait: Duration,
    health: Arc<Health>,
    changes: Arc<Changes>,
    memory: Arc<Memory>,
    thread: Mutex<Option<JoinHandle<()>>>,
    opened: Opened,
}

/// Where reads go.
enum Readers {
    /// Each thread has its own connection to the file, which cannot write.
    File(PathBuf, Arc<Files>),
    /// There is one connection, and the writer holds it from BEGIN to COMMIT.
    Memory(SharedConnection),
}

impl Readers {
    fn files(&self) -> Option<&Arc<Files>> {
        match self {
            Self::File(_, files) => Some(files),
            Self::Memory(_) => None,
        }
    }
}

thread_local! {
    static READER: RefCell<Option<(usize, DbConnection)>> = const { RefCell::new(None) };
}

static INSTANCES: AtomicUsize = AtomicUsize::new(0);

impl Storage {
    /// Opens, makes or migrates the database, and starts its writer.
    ///
    /// # Errors
    /// [`OpenError`] when it is missing, foreign, damaged, too new or out of reach.
    pub fn open(
        database: &Database,
        missing: Missing,
        limits: Limits,
        clock: Clock,
    ) -> Result<Self, OpenError> {
        let (mut conn, opened) =
            connection::open_writer(database, missing, limits.update_copies, clock.now())?;
        let unreadable =
            |error: String| OpenError::Unreadable(PathBuf::from(database.to_string()), error);
        let changes = Arc::new(Changes::default());
        connection::watch(&mut conn, &changes).map_err(|error| unreadable(error.to_string()))?;
        let seen = seen_time::find(&mut conn).map_err(|error| unreadable(error.to_string()))?;
        if let Some(seen) = seen {
            clock.raise(seen);
        }
        let conn = Arc::new(Mutex::new(conn));
        let readers = match database {
            Database::Memory => Readers::Memory(conn.clone()),
            Database::File(path) => Readers::File(path.clone(), Arc::new(Files::of(path))),
        };
        let health = Arc::new(Health::default());
        let (queue, receiver) = mpsc::channel(limits.queue);
        let memory = Arc::new(Memory::new(changes.clone(), limits.known_tokens));
        let files = readers.files().cloned();
        let writer = Writer {
            conn,
            queue: receiver,
            clock,
            health: health.clone(),
            changes: changes.clone(),
            memory: memory.clone(),
            files,
        };
        let thread = writer.spawn().map_err(|error| unreadable(error.to_string()))?;
        Ok(Self {
            inner: Arc::new(Inner {
                instance: INSTANCES.fetch_add(1, Ordering::Relaxed),
                readers,
                queue,
                longest_wait: limits.longest_wait,
                health,
                memory,
                changes,
                thread: Mutex::new(Some(thread)),
                opened,
            }),
        })
    }

    /// Runs `work` on this thread, on a connection that cannot write: a point look-up or one page
    /// of a list. Not to be nested.
    ///
    /// # Errors
    /// What `work` answers; [`StorageError`] when there is no connection to be had.
    // An async function, because another engine's readers will be a pool on blocking threads.
    #[expect(clippy::unused_async, reason = "see above")]
    pub async fn read<T, E>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, E> + Send,
    ) -> Result<T, E>
    where
        E: From<StorageError>,
    {
        match &self.inner.readers {
            Readers::Memory(conn) => {
                // A read that panicked has changed nothing.
                let mut conn = conn.lock().unwrap_or_else(PoisonError::into_inner);
                connection::set_writable(&mut conn, false)?;
                let outcome = self.inner.health.watch_read(|| work(&mut conn));
                connection::set_writable(&mut conn, true)?;
                outcome
            }
            Readers::File(path, _) => READER.with(|slot| {
                let mut slot = slot.try_borrow_mut().map_err(|_| defect("a read was nested"))?;
                self.inner.health.watch_read(|| {
                    let conn = match slot.take() {
                        Some((instance, conn)) if instance == self.inner.instance => conn,
                        _ => connection::open_reader(path)?,
                    };
                    let (_, conn) = slot.insert((self.inner.instance, conn));
                    work(conn)
                })
            }),
        }
    }

    /// As [`Storage::read`], from memory where nothing has changed.
    ///
    /// # Errors
    /// As there.
    pub async fn read_known<T, E>(
        &self,
        work: impl FnOnce(&mut Known<'_>) -> Result<T, E> + Send,
    ) -> Result<T, E>
    where
        E: From<StorageError>,
    {
        let memory = &self.inner.memory;
        self.read(|conn| work(&mut Known::new(conn, memory))).await
    }

    /// This process begins to serve: from now on something is remembered, and writes are acknowledged
    /// when others that serve from the same file know of them.
    pub async fn serve(&self) {
        let _closed = self.inner.queue.send(Job::Serve).await;
    }

    /// Has the writer look, for as long as anybody remembers, whether another process has changed
    /// anything. Returns when the storage is closed.
    pub async fn look(&self) {
        while self.inner.queue.send(Job::Look).await.is_ok() {
            tokio::time::sleep(LOOK).await;
            self.inner.changes.wanted().await;
        }
    }

    /// What is known about the database's condition.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.inner.health
    }

    /// What opening found out.
    #[must_use]
    pub fn opened(&self) -> Opened {
        self.inner.opened
    }

    /// Commits what is waiting, empties the write-ahead log, and ends the writer.
    pub async fn close(&self) {
        let _closed = self.inner.queue.send(Job::Close).await;
        let thread = self.inner.thread.lock().ok().and_then(|mut thread| thread.take());
        if let Some(thread) = thread {
            let _joined = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

fn defect(what: &str) -> StorageError {
    StorageError::Query(what.to_owned())
}
