//! What the writer says about itself.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;
use tracing::{error, info};

use super::StorageError;

/// The condition of the database, as the last write found it.
#[derive(Debug, Default)]
pub struct Health {
    failing: AtomicBool,
    closed: AtomicBool,
    ended: Notify,
}

impl Health {
    /// Whether the last write failed: a full or read-only disk, a lock that somebody else holds.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Returns when the writer has ended without having been asked to: the process cannot go on.
    pub async fn writer_lost(&self) {
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
