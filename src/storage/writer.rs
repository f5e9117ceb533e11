//! The one thread that writes: it takes what is waiting, commits once, and then answers.

mod group;
mod waiting;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use diesel::connection::SimpleConnection as _;
use tokio::sync::{mpsc, oneshot};

use super::changes::Changes;
use super::connection::DbConnection;
use super::files::Files;
use super::known::{self, Memory};
use super::neighbours::Neighbours;
use super::{Health, StorageError, events, ids};
use crate::clock::Clock;
use crate::telemetry::request_id;
use group::Group;
use waiting::Waiting;

/// What the queue holds.
pub(super) enum Job {
    /// Some work.
    Piece(Box<dyn Piece>),
    /// Look what other processes have changed.
    Look,
    /// This process begins to serve.
    Serve,
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
struct Work<F, T, E> {
    run: F,
    outcome: Option<Result<T, E>>,
    asker: oneshot::Sender<Result<T, E>>,
    urgency: Urgency,
    /// What is being answered, for the record of what this piece decides.
    request: Option<Arc<str>>,
}

/// Whether a piece is run if nobody waits for its answer any more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Not if it has not begun.
    WhileAwaited,
    /// What was asked for is done.
    InAnyCase,
}

/// What is put into the queue, and where its outcome comes out.
pub(super) fn piece<F, T, E>(
    run: F,
    urgency: Urgency,
) -> (Box<dyn Piece>, oneshot::Receiver<Result<T, E>>)
where
    F: Fn(&mut DbConnection) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<StorageError> + Send + 'static,
{
    let (asker, outcome) = oneshot::channel();
    (Box::new(Work { run, outcome: None, asker, urgency, request: request_id() }), outcome)
}

impl<F, T, E> Piece for Work<F, T, E>
where
    F: Fn(&mut DbConnection) -> Result<T, E> + Send,
    T: Send,
    E: From<StorageError> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.urgency == Urgency::WhileAwaited && self.asker.is_closed()
    }

    fn run(&mut self, conn: &mut DbConnection) -> bool {
        events::are_of(self.request.clone());
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
    pub(super) changes: Arc<Changes>,
    pub(super) memory: Arc<Memory>,
    /// None in memory.
    pub(super) files: Option<Arc<Files>>,
}

impl Writer {
    pub(super) fn spawn(self) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name("writer".to_owned()).spawn(move || self.run())
    }

    fn run(self) {
        let health = self.health.clone();
        let _ended = health.ended_when_dropped();
        let mut neighbours = Neighbours::new(self.changes.clone());
        let mut waiting = Waiting::new(self.queue);
        known::belongs_to_writer(self.memory.clone());
        while let Some(job) = waiting.next() {
            let mut conn = self.conn.lock().unwrap_or_else(PoisonError::into_inner);
            ids::set_time(self.clock.now_millis());
            let files = self.files.as_deref();
            let mut group = Group::new(&mut conn, &mut neighbours, &health, files);
            match job {
                Job::Piece(piece) if piece.is_abandoned() => {}
                Job::Piece(piece) => group.commit(vec![piece], &mut waiting),
                Job::Look => group.commit(vec![], &mut waiting),
                Job::Serve => group.serve(&mut waiting),
                Job::Close => {
                    group.close();
                    break;
                }
            }
            if self.health.given_up().is_some() {
                break;
            }
        }
        if self.health.given_up().is_some() {
            // Not even closed, which would fold the log into a file that nobody understands, or delete
            // the log of another.
            std::mem::forget(self.conn.clone());
            return;
        }
        let mut conn = self.conn.lock().unwrap_or_else(PoisonError::into_inner);
        neighbours.leave(&mut conn);
        let _best_effort = conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)");
        drop(conn);
        self.health.closed_in_order();
    }
}
