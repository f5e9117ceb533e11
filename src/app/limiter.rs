//! A bound on how often one key may do something: the generic cell rate algorithm.
//!
//! Per process, in memory, and of a fixed size: what a stranger names must not fill it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use crate::clock::Seconds;

/// The most keys that are remembered. The one that has done least makes room.
const MOST_KEYS: usize = 10_000;

/// Allows `burst` uses at once, and then one each `per / burst`.
pub struct Limiter<K> {
    per_millis: i64,
    /// Milliseconds for each use; 0 allows everything.
    each_millis: i64,
    /// When the last allowed use will be paid for.
    paid_at: Mutex<HashMap<K, i64>>,
}

impl<K: Eq + Hash + Clone> Limiter<K> {
    /// `burst` uses in `per`.
    #[must_use]
    pub fn new(burst: u32, per: Seconds) -> Self {
        let per_millis = per.0 * 1000;
        Self {
            per_millis,
            each_millis: (per_millis / i64::from(burst.max(1))).max(1),
            paid_at: Mutex::default(),
        }
    }

    /// Allows everything.
    #[must_use]
    pub fn off() -> Self {
        Self { per_millis: 0, each_millis: 0, paid_at: Mutex::default() }
    }

    /// Uses it once.
    ///
    /// # Errors
    /// How long to wait, if it was used too often.
    pub fn take(&self, key: &K, now_millis: i64) -> Result<(), Seconds> {
        self.check(key, now_millis)?;
        if self.each_millis > 0 {
            let mut paid_at = self.paid_at.lock().unwrap_or_else(PoisonError::into_inner);
            make_room(&mut paid_at, now_millis);
            let paid = paid_at.entry(key.clone()).or_insert(now_millis);
            *paid = (*paid).max(now_millis) + self.each_millis;
        }
        Ok(())
    }

    /// Whether it could be used now.
    ///
    /// # Errors
    /// How long to wait, if it was used too often.
    pub fn check(&self, key: &K, now_millis: i64) -> Result<(), Seconds> {
        let wait = self.paid_at(key).max(now_millis) + self.each_millis - self.per_millis;
        if self.each_millis == 0 || wait <= now_millis {
            Ok(())
        } else {
            Err(Seconds((wait - now_millis).div_euclid(1000) + 1))
        }
    }

    /// Whether it was not used lately.
    #[must_use]
    pub fn is_untouched(&self, key: &K, now_millis: i64) -> bool {
        self.paid_at(key) <= now_millis
    }

    /// Takes a use back.
    pub fn give_back(&self, key: &K) {
        let mut paid_at = self.paid_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(paid) = paid_at.get_mut(key) {
            *paid -= self.each_millis;
        }
    }

    fn paid_at(&self, key: &K) -> i64 {
        let paid_at = self.paid_at.lock().unwrap_or_else(PoisonError::into_inner);
        paid_at.get(key).copied().unwrap_or(i64::MIN / 2)
    }
}

fn make_room<K: Eq + Hash + Clone>(paid_at: &mut HashMap<K, i64>, now_millis: i64) {
    if paid_at.len() < MOST_KEYS {
        return;
    }
    paid_at.retain(|_, paid| *paid > now_millis);
    if paid_at.len() >= MOST_KEYS {
        let least = paid_at.iter().min_by_key(|(_, paid)| **paid).map(|(key, _)| key.clone());
        least.map(|key| paid_at.remove(&key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_one_at_a_time() {
        let limiter = Limiter::new(3, Seconds(60));
        for _ in 0..3 {
            limiter.take(&"a", 0).unwrap();
        }
        assert_eq!(limiter.take(&"a", 0), Err(Seconds(21)));
        assert!(limiter.take(&"b", 0).is_ok(), "another key");
        assert!(limiter.take(&"a", 20_000).is_ok());
        assert!(limiter.take(&"a", 20_000).is_err());
    }

    #[test]
    fn what_is_given_back_can_be_used_again() {
        let limiter = Limiter::new(1, Seconds(60));
        limiter.take(&"a", 0).unwrap();
        assert!(!limiter.is_untouched(&"a", 0));
        limiter.give_back(&"a");
        assert!(limiter.is_untouched(&"a", 0) && limiter.take(&"a", 0).is_ok());
    }

    #[test]
    fn strangers_do_not_fill_it_and_do_not_push_out_the_busiest() {
        let limiter = Limiter::new(10, Seconds(600));
        for _ in 0..10 {
            limiter.take(&0, 0).unwrap();
        }
        for key in 1..2 * MOST_KEYS {
            limiter.take(&key, 0).unwrap();
        }
        assert!(limiter.take(&0, 0).is_err());
        assert!(limiter.paid_at.lock().unwrap().len() <= MOST_KEYS);
    }

    #[test]
    fn off_is_off() {
        let limiter = Limiter::off();
        assert!((0..1000).all(|_| limiter.take(&"a", 0).is_ok()));
    }
}
