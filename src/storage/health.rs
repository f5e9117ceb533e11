//! What is known about the database's condition.

use std::cell::RefCell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;
use tracing::{error, info};

use super::StorageError;

/// The condition of the database, as the last write found it, or whoever met damage.
#[derive(Debug, Default)]
pub struct Health {
    failing: AtomicBool,
    writes: Trouble,
    reads: Trouble,
    given_up: OnceLock<GivenUp>,
    closed: AtomicBool,
    ended: Notify,
}

/// Why nothing is written any more until the process has been started anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// Nobody knows what the file says.
    Damaged,
    /// There is another file in the place of the database, or of its log.
    Replaced,
}

impl GivenUp {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Damaged => "the database is damaged",
            Self::Replaced => "the file of the database, or its log, was replaced",
        }
    }
}

impl Health {
    /// Whether the last write failed: a full or read-only disk, a lock that somebody else holds.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Whether reads have failed of late.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.reads.is_told()
    }

    /// Whether and why nothing is written any more.
    #[must_use]
    pub fn given_up(&self) -> Option<GivenUp> {
        self.given_up.get().copied()
    }

    /// Returns when nothing can be written any more, although nobody has closed the database: the
    /// process cannot go on.
    pub async fn lost(&self) {
        self.ended.notified().await;
    }

    /// Says what is over, if nothing of it was met since this was called before.
    pub fn settle(&self) {
        // Where the last write failed, nobody has found it to be over.
        if !self.is_failing() && self.writes.settle() {
            info!("the database can be written again");
        }
        if self.reads.settle() {
            info!("the database can be read again");
        }
    }

    /// Whether anything may be written.
    pub(super) fn check(&self) -> Result<(), StorageError> {
        match self.given_up() {
            None => Ok(()),
            Some(GivenUp::Damaged) => Err(StorageError::Corrupt("it was found before".to_owned())),
            Some(replaced) => Err(StorageError::Unavailable(replaced.words().to_owned())),
        }
    }

    /// Says what is wrong, once.
    pub(super) fn wrote(&self, outcome: &Result<(), StorageError>) {
        self.failing.store(outcome.is_err(), Ordering::Relaxed);
        if let Err(error) = outcome
            && self.writes.is_news()
        {
            error!(%error, "the database cannot be written");
        }
    }

    /// As [`Health::watch`], for a read, which nobody else says anything about when it fails.
    pub(super) fn watch_read<T>(&self, work: impl FnOnce() -> T) -> T {
        let outcome = self.watch(work);
        if let Met::Trouble(error) = MET.take()
            && self.reads.is_news()
        {
            error!(error, "the database cannot be read");
        }
        outcome
    }

    /// Runs some work on the database, and looks whether it met damage, whatever it made of that.
    pub(super) fn watch<T>(&self, work: impl FnOnce() -> T) -> T {
        MET.set(Met::Nothing);
        let outcome = work();
        if MET.with_borrow(|met| matches!(met, Met::Damage)) {
            self.damage("a query met it");
        }
        outcome
    }

    /// Ends all writing, and with it the process.
    pub(super) fn damage(&self, cause: &str) {
        self.give_up(GivenUp::Damaged, cause);
    }

    /// As [`Health::damage`], for whatever cause.
    pub(super) fn give_up(&self, why: GivenUp, cause: &str) {
        if self.given_up.set(why).is_ok() {
            // First: the process ends with the other.
            error!(cause, "{}; nothing more is written", why.words());
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

/// Something that goes wrong, and is told once: where some attempts succeed and others do not, each
/// would be told otherwise.
#[derive(Debug, Default)]
struct Trouble {
    told: AtomicBool,
    lately: AtomicBool,
}

impl Trouble {
    fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// It was met. True: nobody has been told.
    fn is_news(&self) -> bool {
        self.lately.store(true, Ordering::Relaxed);
        !self.told.swap(true, Ordering::Relaxed)
    }

    /// True: it was told, and is over.
    fn settle(&self) -> bool {
        let met = self.lately.swap(false, Ordering::Relaxed);
        !met && self.told.swap(false, Ordering::Relaxed)
    }
}

#[derive(Default)]
enum Met {
    #[default]
    Nothing,
    Trouble(String),
    Damage,
}

thread_local! {
    /// What the queries of this thread have met. Their errors have a type of the asker's by the time that
    /// it gets here, if it does at all.
    static MET: RefCell<Met> = const { RefCell::new(Met::Nothing) };
}

/// Where an error of SQLite becomes one of ours.
pub(super) fn note_damage() {
    MET.set(Met::Damage);
}

/// As [`note_damage`], for what passes.
pub(super) fn note_trouble(error: &str) {
    MET.with_borrow_mut(|met| {
        if matches!(met, Met::Nothing) {
            *met = Met::Trouble(error.to_owned());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_and_goes_is_told_once() {
        let trouble = Trouble::default();
        assert!(!trouble.settle());
        assert!(trouble.is_news());
        assert!(!trouble.is_news());
        assert!(!trouble.settle(), "it was met since");
        assert!(!trouble.is_news());
        assert!(!trouble.settle());
        assert!(trouble.settle(), "it is over");
        assert!(trouble.is_news());
    }
}
