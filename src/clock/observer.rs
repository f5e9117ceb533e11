//! Tells a clock that was set from time that has passed.
//!
//! The mark behind which time does not fall follows the machine's clock, but not where that jumps
//! forwards: a clock that was wrong for a moment, and is right again, would stand still for as long as
//! the jump was. A jump is believed when it has lasted for a tenth of its length, or for an hour.
//!
//! While the machine's clock is behind, time goes at half its pace: what has an end comes to it, and the
//! machine's clock catches up.

use std::time::Instant;

use super::{CORRECTION, Seconds, UnixTime};

/// Milliseconds after which any jump is believed: a machine that is switched off each night, or was for
/// a year, has to delete what is past its time all the same.
const LONGEST_PROOF: i64 = 3_600_000;

/// What becomes of the machine's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MachineTime {
    /// It goes as time does.
    Steady,
    /// It was set back behind what has been seen, by so much.
    Behind(Seconds),
    /// It is ahead of the time that has passed, by so much, and that is not believed yet.
    Ahead(Seconds),
}

/// Looks at the machine's clock from time to time.
#[derive(Debug)]
pub struct Observer {
    /// Milliseconds since the epoch.
    believed: i64,
    looked: Instant,
    /// Since when the machine's clock is ahead.
    ahead_since: Option<Instant>,
}

impl Observer {
    /// Of whom it is known that it was `seen`, at some time before `now`.
    #[must_use]
    pub fn new(seen: UnixTime, now: Instant) -> Self {
        Self { believed: seen.0.saturating_mul(1000), looked: now, ahead_since: None }
    }

    /// The latest time that is believed to have been.
    #[must_use]
    pub fn seen(&self) -> UnixTime {
        UnixTime(self.believed.div_euclid(1000))
    }

    /// The machine's clock says this, in milliseconds since the epoch.
    pub fn look(&mut self, machine_millis: i64, now: Instant) -> MachineTime {
        let passed = millis(now.duration_since(self.looked));
        self.looked = now;
        let expected = self.believed.saturating_add(passed);
        let ahead = machine_millis.saturating_sub(expected);
        if ahead > CORRECTION.0 * 1000 {
            let since = *self.ahead_since.get_or_insert(now);
            if millis(now.duration_since(since)) < (ahead / 10).min(LONGEST_PROOF) {
                self.believed = expected;
                return MachineTime::Ahead(Seconds(ahead.div_euclid(1000)));
            }
        }
        self.ahead_since = None;
        self.believed = self.believed.saturating_add(passed / 2).max(machine_millis);
        let behind = Seconds(self.believed.saturating_sub(machine_millis).div_euclid(1000));
        if behind > CORRECTION { MachineTime::Behind(behind) } else { MachineTime::Steady }
    }
}

fn millis(length: std::time::Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const DAY: i64 = 86_400;

    /// Looks each ten seconds, for so long, at a clock that is wrong by `off` seconds.
    fn watch(observer: &mut Observer, from: i64, length: i64, off: i64) -> Vec<MachineTime> {
        let begun = observer.looked;
        let looks = (1..=length / 10).map(|n| 10 * n);
        looks
            .map(|passed| {
                let at = begun + Duration::from_secs(passed.unsigned_abs());
                observer.look((from + passed + off) * 1000, at)
            })
            .collect()
    }

    #[test]
    fn time_that_passes_is_seen() {
        let mut observer = Observer::new(UnixTime(1000), Instant::now());
        let looks = watch(&mut observer, 1000, 3600, 5);
        assert!(looks.iter().all(|look| *look == MachineTime::Steady), "{looks:?}");
        assert_eq!(observer.seen(), UnixTime(1000 + 3600 + 5));
    }

    #[test]
    fn a_clock_that_is_set_back_has_to_catch_up() {
        let mut observer = Observer::new(UnixTime(10 * DAY), Instant::now());
        let looks = watch(&mut observer, 10 * DAY, 120, -100);
        assert_eq!(looks[0], MachineTime::Behind(Seconds(95)));
        assert_eq!(looks[6], MachineTime::Behind(Seconds(65)));
        assert_eq!(looks[7], MachineTime::Steady, "all but caught up");
        assert_eq!(observer.seen(), UnixTime(10 * DAY + 60), "at half the pace");
    }

    #[test]
    fn a_jump_forwards_is_not_believed_at_once_and_leaves_no_trace_if_it_is_taken_back() {
        let mut observer = Observer::new(UnixTime(10 * DAY), Instant::now());
        let looks = watch(&mut observer, 10 * DAY, 3600, DAY);
        assert!(looks.iter().all(|look| *look == MachineTime::Ahead(Seconds(DAY))), "{looks:?}");
        let looks = watch(&mut observer, 10 * DAY + 3600, 60, 0);
        assert!(looks.iter().all(|look| *look == MachineTime::Steady), "{looks:?}");
        assert_eq!(observer.seen(), UnixTime(10 * DAY + 3660));
    }

    #[test]
    fn a_jump_forwards_that_lasts_is_believed() {
        let mut observer = Observer::new(UnixTime(10 * DAY), Instant::now());
        let looks = watch(&mut observer, 10 * DAY, 3660, DAY);
        assert_eq!(looks[0], MachineTime::Ahead(Seconds(DAY)));
        assert_eq!(looks.last(), Some(&MachineTime::Steady));
        assert_eq!(observer.seen(), UnixTime(11 * DAY + 3660));
        let back = watch(&mut observer, 10 * DAY + 3660, 10, 0);
        assert_eq!(back, [MachineTime::Behind(Seconds(DAY - 5))]);
    }
}
