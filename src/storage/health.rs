//! What is known about the database's condition.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;
use tracing::{error, info};

use super::StorageError;

/// The condition of the database, as the last write found it, or whoever met damage.
#[derive(Debug, Default)]
pub struct Health {
    failing: AtomicBool,
    damaged: AtomicBool,
    closed: AtomicBool,
    ended: Notify,
}

impl Health {
    /// Whether the last write failed: a full or read-only disk, a lock that somebody else holds.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Whether somebody has met damage. From then on nothing is written.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Returns when nothing can be written any more, although nobody has closed the database: the
    /// process cannot go on.
    pub async fn lost(&self) {
        self.ended.notified().await;
    }

    /// Says once what is wrong, and once that it is over.
    pub(super) fn wrote(&self, outcome: &Result<(), StorageError>) {
        let was_failing = self.failing.swap(outcome.is_err(), Ordering::Relaxed);
        match outcome {
            Err(error) if !was_failing => error!(%error, "the database cannot be written"),
            Ok(()) if was_failing => info!("the database can be written again"),
            _ => {}
        }
    }

    /// Runs some work on the database, and looks whether it met damage, whatever it made of that.
    pub(super) fn watch<T>(&self, work: impl FnOnce() -> T) -> T {
        DAMAGE_MET.set(false);
        let outcome = work();
        if DAMAGE_MET.take() {
            self.damage("a query met it");
        }
        outcome
    }

    /// Ends all writing, and with it the process.
    pub(super) fn damage(&self, cause: &str) {
        if !self.damaged.swap(true, Ordering::Relaxed) {
            error!(cause, "the database is damaged; nothing more is written");
            self.ended.notify_one();
        }
    }

    pub(super) fn closed_in_order(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(super) fn ended_when_dropped(&self) -> impl Drop + '_ {
        struct Ended<'a>(&'a Health);
        impl Drop for Ended<'_> {
            fn drop(&mut self) {
                if !self.0.closed.load(Ordering::Relaxed) {
                    self.0.ended.notify_one();
                }
            }
        }
        Ended(self)
    }
}

thread_local! {
    /// Whether a query of this thread has met damage. Its error has a type of the asker's by the
    /// time that it gets here, if it does at all.
    static DAMAGE_MET: Cell<bool> = const { Cell::new(false) };
}

/// Where an error of SQLite becomes one of ours.
pub(super) fn note_damage() {
    DAMAGE_MET.set(true);
}
