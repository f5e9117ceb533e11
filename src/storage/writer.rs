//! The one thread that writes: it takes what is waiting, commits once, and then answers.
//!
//! Nobody is answered before COMMIT has returned. What a piece found out is as uncertain as what
//! it wrote until then, so refusals wait too.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use diesel::connection::SimpleConnection as _;
use tokio::sync::{mpsc, oneshot};

use super::connection::DbConnection;
use super::{Health, StorageError, ids};
use crate::clock::Clock;

/// The most pieces in one transaction.
const GROUP: usize = 128;

/// What the queue holds.
pub(super) enum Job {
    /// Some work.
    Piece(Box<dyn Piece>),
    /// Finish what is waiting, then end.
    Close,
}

/// Work whose type the queue need not know.
pub(super) trait Piece: Send {
    /// Nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
    /// Runs inside a savepoint, perhaps more than once. True: keep what was written.
    fn run(&mut self, conn: &mut DbConnection) -> bool;
    /// After COMMIT, or after what took its place.
    fn answer(self: Box<Self>, commit: Result<(), StorageError>);
}

/// One `write`: its work, and who waits for the outcome.
pub(super) struct Work<F, T, E> {
    pub(super) run: F,
    pub(super) outcome: Option<Result<T, E>>,
    pub(super) asker: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Piece for Work<F, T, E>
where
    F: Fn(&mut DbConnection) -> Result<T, E> + Send,
    T: Send,
    E: From<StorageError> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.asker.is_closed()
    }

    fn run(&mut self, conn: &mut DbConnection) -> bool {
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.run)(conn)))
            .unwrap_or_else(|_| Err(StorageError::Query("a write panicked".to_owned()).into()));
        self.outcome.insert(outcome).is_ok()
    }

    fn answer(self: Box<Self>, commit: Result<(), StorageError>) {
        let outcome = match (commit, self.outcome) {
            (Err(error), _) => Err(error.into()),
            (Ok(()), Some(outcome)) => outcome,
            // Skipped, because the asker had gone.
            (Ok(()), None) => return,
        };
        let _gone = self.asker.send(outcome);
    }
}

/// How the writer shares a connection that is also read from (`:memory:`).
pub(super) type SharedConnection = Arc<std::sync::Mutex<DbConnection>>;

/// What the thread works on.
pub(super) struct Writer {
    pub(super) conn: SharedConnection,
    pub(super) queue: mpsc::Receiver<Job>,
    pub(super) clock: Clock,
    pub(super) health: Arc<Health>,
}

impl Writer {
    pub(super) fn spawn(self) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name("writer".to_owned()).spawn(move || self.run())
    }

    fn run(mut self) {
        let health = self.health.clone();
        let _ended = health.ended_when_dropped();
        while let Some(job) = self.queue.blocking_recv() {
            let mut pieces = vec![];
            let mut open = take(job, &mut pieces);
            while open && pieces.len() < GROUP {
                let Ok(job) = self.queue.try_recv() else { break };
                open = take(job, &mut pieces);
            }
            let mut conn = self.conn.lock().unwrap_or_else(PoisonError::into_inner);
            ids::set_time(self.clock.now_millis());
            if let Err(StorageError::Corrupt(why)) = commit_group(&mut conn, pieces, &self.health) {
                self.health.damage(&why);
            }
            if !open || self.health.is_damaged() {
                break;
            }
        }
        if self.health.is_damaged() {
            // Not even closed, which would fold the log into a file that nobody understands.
            std::mem::forget(self.conn.clone());
            return;
        }
        let mut conn = self.conn.lock().unwrap_or_else(PoisonError::into_inner);
        let _best_effort = conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)");
        drop(conn);
        self.health.closed_in_order();
    }
}

/// False when the queue is to be closed.
fn take(job: Job, pieces: &mut Vec<Box<dyn Piece>>) -> bool {
    match job {
        Job::Piece(piece) if piece.is_abandoned() => true,
        Job::Piece(piece) => {
            pieces.push(piece);
            true
        }
        Job::Close => false,
    }
}

fn commit_group(
    conn: &mut DbConnection,
    mut pieces: Vec<Box<dyn Piece>>,
    health: &Health,
) -> Result<(), StorageError> {
    if pieces.is_empty() {
        return Ok(());
    }
    let outcome = match attempt(conn, &mut pieces, health) {
        // One piece has cost the others their transaction: each gets one of its own.
        Err(Failure::Ended(_)) if pieces.len() > 1 => {
            return pieces
                .into_iter()
                .try_for_each(|piece| commit_group(conn, vec![piece], health));
        }
        Err(Failure::Ended(error) | Failure::Refused(error)) => Err(error),
        Ok(()) => Ok(()),
    };
    health.wrote(&outcome);
    for piece in pieces {
        piece.answer(outcome.clone());
    }
    outcome.or_else(
        |error| if matches!(error, StorageError::Corrupt(_)) { Err(error) } else { Ok(()) },
    )
}

/// Why a group was not committed.
enum Failure {
    /// BEGIN or COMMIT failed: so did every piece.
    Refused(StorageError),
    /// SQLite itself ended the transaction (disk full, I/O error) under one of the pieces.
    Ended(StorageError),
}

fn attempt(
    conn: &mut DbConnection,
    pieces: &mut [Box<dyn Piece>],
    health: &Health,
) -> Result<(), Failure> {
    let check = || {
        let damaged = || Failure::Refused(StorageError::Corrupt("it was found before".to_owned()));
        if health.is_damaged() { Err(damaged()) } else { Ok(()) }
    };
    check()?;
    // IMMEDIATE: a deferred transaction that turns to writing fails, whatever the busy timeout.
    conn.batch_execute("BEGIN IMMEDIATE").map_err(|error| Failure::Refused(error.into()))?;
    // A piece that has met damage may take it for its own failure.
    let ran = health.watch(|| run_all(conn, pieces)).map_err(ended);
    let done = ran.and_then(|()| check()).and_then(|()| {
        conn.batch_execute("COMMIT").map_err(|error| Failure::Refused(error.into()))
    });
    if done.is_err() {
        // Fails when SQLite has rolled back already, which is what is wanted.
        let _ended = conn.batch_execute("ROLLBACK");
    }
    done
}

/// The savepoint is gone: what SQLite says of that is not why, and the piece's own error is not seen
/// here. It ends transactions for passing reasons only: "Response To Errors Within A Transaction".
fn ended(error: diesel::result::Error) -> Failure {
    Failure::Ended(match StorageError::from(error) {
        corrupt @ StorageError::Corrupt(_) => corrupt,
        other => StorageError::Unavailable(format!("the transaction was ended: {other}")),
    })
}

fn run_all(conn: &mut DbConnection, pieces: &mut [Box<dyn Piece>]) -> diesel::QueryResult<()> {
    for piece in pieces {
        // Again, because the pieces before it took their time.
        if piece.is_abandoned() {
            continue;
        }
        conn.batch_execute("SAVEPOINT work")?;
        let end = if piece.run(conn) { "RELEASE work" } else { "ROLLBACK TO work; RELEASE work" };
        // Fails when the transaction is gone, whatever the piece itself believes.
        conn.batch_execute(end)?;
    }
    Ok(())
}
