//! What was seen in the last second, in memory: bounded, the same again counted, never waited for.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use super::correlation;
use super::sighting::Sighting;
use crate::clock::UnixTime;
use crate::storage::{Storage, StorageError};

/// The most different things that are kept between two flushes.
const MOST: usize = 2000;
/// The most of them that one network may have.
const MOST_OF_NETWORK: usize = 100;
/// The most of one transaction.
const BATCH: usize = 50;

/// Something that was seen, and how often.
#[derive(Debug, Clone)]
pub struct Counted {
    /// What.
    pub sighting: Sighting,
    /// When, at first.
    pub first: UnixTime,
    /// When, at last.
    pub last: UnixTime,
    /// How often.
    pub times: u32,
}

/// What waits to be written.
#[derive(Debug, Default)]
pub struct Collector {
    waiting: Mutex<Waiting>,
    /// Who flushes: what is older is written first.
    flushing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// With the place of each in the order of arrival.
    seen: HashMap<Sighting, (usize, UnixTime, UnixTime, u32)>,
    of_network: HashMap<String, usize>,
}

impl Collector {
    /// Keeps it, if there is room. False if it was dropped.
    pub fn note(&self, sighting: Sighting, now: UnixTime) -> bool {
        self.lock().add(sighting, now)
    }

    /// As [`Collector::note`], for where nothing may be waited for: nothing is made or kept while
    /// somebody else is at it.
    pub fn glimpse(&self, make: impl FnOnce() -> Sighting, now: UnixTime) -> bool {
        match self.waiting.try_lock() {
            Ok(mut waiting) => waiting.add(make(), now),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().add(make(), now),
            Err(TryLockError::WouldBlock) => false,
        }
    }

    /// Writes what waits, in small transactions.
    ///
    /// # Errors
    /// The database's. What was not written is gone: nobody's access depends on it.
    pub async fn flush(&self, storage: &Storage, limit: i64) -> Result<(), StorageError> {
        let _one_at_a_time = self.flushing.lock().await;
        let all = self.take();
        for batch in all.chunks(BATCH) {
            let batch = batch.to_vec();
            storage.write(move |conn| correlation::record(conn, &batch, limit)).await?;
        }
        Ok(())
    }

    /// All of it, in the order of arrival.
    fn take(&self) -> Vec<Counted> {
        let taken = std::mem::take(&mut *self.lock());
        let mut taken: Vec<_> = taken.seen.into_iter().collect();
        taken.sort_by_key(|(_, (place, ..))| *place);
        let counted =
            |(sighting, (_, first, last, times))| Counted { sighting, first, last, times };
        taken.into_iter().map(counted).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn add(&mut self, sighting: Sighting, now: UnixTime) -> bool {
        if let Some((_, _, last, times)) = self.seen.get_mut(&sighting) {
            *last = now;
            *times = times.saturating_add(1);
            return true;
        }
        let of_network = self.of_network.get(&sighting.origin.network).copied().unwrap_or(0);
        if self.seen.len() >= MOST || of_network >= MOST_OF_NETWORK {
            return false;
        }
        self.of_network.insert(sighting.origin.network.clone(), of_network + 1);
        let place = self.seen.len();
        self.seen.insert(sighting, (place, now, now, 1));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::sighting::Origin;
    use super::*;
    use crate::storage::attempts::Stage;

    fn seen(network: u32, agent: &str) -> Sighting {
        let address = std::net::Ipv4Addr::from(network).into();
        Sighting::new(Origin::new(address, agent), Stage::ServerMetadata)
    }

    #[test]
    fn the_same_again_is_counted_and_the_order_is_kept() {
        let collector = Collector::default();
        for (network, at) in [(2, 1), (1, 2), (2, 3)] {
            assert!(collector.note(seen(network, ""), UnixTime(at)));
        }
        let all: Vec<_> =
            collector.take().into_iter().map(|c| (c.times, c.first.0, c.last.0)).collect();
        assert_eq!(all, [(2, 1, 3), (1, 2, 2)]);
        assert!(collector.take().is_empty());
    }

    #[test]
    fn one_network_cannot_fill_it_and_neither_can_all() {
        let collector = Collector::default();
        let kept = (0..1000).filter(|n| collector.note(seen(1, &n.to_string()), UnixTime(1)));
        assert_eq!(kept.count(), MOST_OF_NETWORK);
        assert!(collector.note(seen(2, ""), UnixTime(1)), "there is room for others");
        for network in 3..10_000 {
            collector.note(seen(network, ""), UnixTime(1));
        }
        assert_eq!(collector.take().len(), MOST);
    }

    #[test]
    fn nobody_waits_for_a_glimpse() {
        let collector = Collector::default();
        let held = collector.lock();
        assert!(!collector.glimpse(|| panic!("nothing is made"), UnixTime(1)));
        drop(held);
        assert!(collector.glimpse(|| seen(1, ""), UnixTime(1)));
    }
}
