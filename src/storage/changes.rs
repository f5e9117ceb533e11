//! Which rows have changed, so that what was read from them need not be read again.
//!
//! Changes are counted. A reader notes the count before it reads ([`Changes::stamp`]); each row that
//! a commit of ours changed is given a count after the commit, before anybody is answered. What was
//! read is good while no row that it came from has a higher count than the reader's note: then the
//! commit was before the note, and so before the read. Two rows may share a place: that costs a read.
//!
//! What other processes commit cannot be counted. The writer looks for it at the beginning of each
//! transaction, and vouches for [`TRUST`] after a look that found nothing: nobody believes what is
//! remembered for longer, and no command that has changed anything returns sooner.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// For how long after a look nobody else can have changed what is remembered, as far as anybody who
/// has returned since can tell.
pub(super) const TRUST: Duration = Duration::from_millis(200);
/// How often the writer looks, while anybody remembers.
pub(super) const LOOK: Duration = Duration::from_millis(50);

/// How often a process says that it is there, if it does not serve alone.
pub(super) const BEAT: Duration = Duration::from_secs(1);

/// Of rows: enough that strangers' changes rarely meet one's own.
const PLACES: u16 = 8192;

/// A table whose rows are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Watched {
    Grants,
    Users,
    Clients,
    /// With their rules: there is a handful, which change together.
    Resources,
}

/// Where the count of a row is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u16);

impl Place {
    /// Of the row with this key.
    pub(super) fn of(table: Watched, key: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (table, key).hash(&mut hasher);
        Self(u16::try_from(hasher.finish() % u64::from(PLACES)).unwrap_or_default())
    }
}

/// How many changes there had been when somebody began to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp(u64);

/// What the readers and the writer of one database share about its changes.
#[derive(Debug)]
pub(super) struct Changes {
    count: AtomicU64,
    /// The count of the last change of a row with this place.
    rows: Box<[AtomicU64]>,
    /// The count at which everything may have changed.
    everything: AtomicU64,
    /// What the transaction under way has changed.
    pending: Mutex<Vec<Place>>,
    begun: Instant,
    /// Milliseconds after `begun`.
    trusted_until: AtomicU64,
    wanted: AtomicBool,
    waiting: Notify,
    accompanied: AtomicBool,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            count: AtomicU64::new(0),
            rows: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            everything: AtomicU64::new(0),
            pending: Mutex::default(),
            begun: Instant::now(),
            trusted_until: AtomicU64::new(0),
            wanted: AtomicBool::new(false),
            waiting: Notify::new(),
            accompanied: AtomicBool::new(false),
        }
    }
}

impl Changes {
    /// To be taken before the read.
    pub(super) fn stamp(&self) -> Stamp {
        Stamp(self.count.load(Ordering::SeqCst))
    }

    /// Whether nothing of this has changed since.
    pub(super) fn is_current(&self, Stamp(read): Stamp, places: &[Place]) -> bool {
        let unchanged = |count: &AtomicU64| count.load(Ordering::SeqCst) <= read;
        unchanged(&self.everything)
            && places.iter().all(|place| unchanged(&self.rows[usize::from(place.0)]))
    }

    /// Whether anything that is remembered may be believed just now. Asking keeps the writer looking.
    pub(super) fn are_known(&self) -> bool {
        if !self.wanted.load(Ordering::Relaxed) {
            self.wanted.store(true, Ordering::Relaxed);
        }
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let known = now < self.trusted_until.load(Ordering::SeqCst);
        if !known {
            self.waiting.notify_one();
        }
        known
    }

    /// Returns when the writer should look again: somebody remembers, or others have to be told that
    /// this process is there.
    pub(super) async fn wanted(&self) {
        if self.accompanied.load(Ordering::Relaxed) {
            tokio::time::sleep(BEAT).await;
        } else if !self.wanted.swap(false, Ordering::Relaxed) {
            self.waiting.notified().await;
        }
    }

    /// Whether another process serves from the same file.
    pub(super) fn set_accompanied(&self, accompanied: bool) {
        self.accompanied.store(accompanied, Ordering::Relaxed);
    }

    /// The writer looked at `since`, and nobody else is at work.
    pub(super) fn trust(&self, since: Instant) {
        let until = since.duration_since(self.begun) + TRUST;
        let millis = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
        self.trusted_until.store(millis, Ordering::SeqCst);
    }

    /// Somebody else may have changed anything.
    pub(super) fn forget_everything(&self) {
        self.everything.store(self.next(), Ordering::SeqCst);
    }

    /// The transaction under way changes this row.
    pub(super) fn note(&self, place: Place) {
        self.pending().push(place);
    }

    /// Whether the transaction under way has changed one of these.
    pub(super) fn are_pending(&self, places: &[Place]) -> bool {
        self.pending().iter().any(|place| places.contains(place))
    }

    /// After the transaction, whatever became of it, and before anybody is answered. True if it has
    /// changed anything.
    pub(super) fn publish(&self) -> bool {
        let mut pending = self.pending();
        if pending.is_empty() {
            return false;
        }
        let count = self.next();
        for place in pending.drain(..) {
            self.rows[usize::from(place.0)].store(count, Ordering::SeqCst);
        }
        true
    }

    fn next(&self) -> u64 {
        self.count.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, Vec<Place>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_good_no_longer_and_after_it_is() {
        let changes = Changes::default();
        let [one, other] = ["1", "2"].map(|key| Place::of(Watched::Grants, key));
        let before = changes.stamp();
        changes.note(one);
        assert!(changes.is_current(before, &[one]), "it is not committed");
        changes.publish();
        assert!(!changes.is_current(before, &[other, one]));
        assert!(changes.is_current(before, &[other]));
        assert!(changes.is_current(changes.stamp(), &[one]));
        changes.forget_everything();
        assert!(!changes.is_current(before, &[other]));
        assert!(changes.is_current(changes.stamp(), &[other]));
    }

    #[test]
    fn nothing_is_believed_that_nobody_has_looked_at() {
        let changes = Changes::default();
        assert!(!changes.are_known());
        changes.trust(Instant::now());
        assert!(changes.are_known());
        changes.trust(changes.begun);
        std::thread::sleep(TRUST);
        assert!(!changes.are_known());
    }
}
