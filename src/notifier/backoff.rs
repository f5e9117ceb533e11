//! When a message is tried again.

use crate::clock::{Seconds, UnixTime};

/// After the first failure; twice as long after each other one.
const FIRST: i64 = 5;
/// The longest that we wait of our own accord.
const LONGEST: i64 = 60 * 60;
/// The longest that a receiver may ask for, and the age at which a message is given up.
pub(super) const DAY: Seconds = Seconds(86_400);
/// What was tried less often is not given up, however old it is: the machine may have been off.
const LEAST_ATTEMPTS: i64 = 8;

/// How long to wait after this many failed attempts, and at least as long as the receiver asks.
/// `chance` spreads it by a quarter either way, so that many do not come back at once.
pub(super) fn pause(attempts: i64, retry_after: Option<Seconds>, chance: f64) -> Seconds {
    let length = (FIRST << (attempts - 1).clamp(0, 16)).min(LONGEST);
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "small")]
    let spread = (length as f64 * (0.75 + chance.clamp(0.0, 1.0) / 2.0)).ceil() as i64;
    let asked = retry_after.map_or(0, |asked| asked.0.clamp(0, DAY.0));
    Seconds(spread.max(asked))
}

/// Whether a message from `at` is given up after so many failed attempts.
pub(super) fn is_hopeless(attempts: i64, at: UnixTime, now: UnixTime) -> bool {
    attempts >= LEAST_ATTEMPTS && now - at > DAY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pause_is_twice_as_long_up_to_an_hour() {
        let pauses: Vec<i64> = (1..13).map(|attempts| pause(attempts, None, 0.5).0).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
        assert_eq!(pause(i64::MAX, None, 0.5), Seconds(3600));
    }

    #[test]
    fn chance_spreads_it_by_a_quarter() {
        assert_eq!((pause(4, None, 0.0), pause(4, None, 1.0)), (Seconds(30), Seconds(50)));
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_but_not_for_ever() {
        assert_eq!(pause(1, Some(Seconds(300)), 0.5), Seconds(300));
        assert_eq!(pause(9, Some(Seconds(1)), 0.5), Seconds(1280));
        assert_eq!(pause(1, Some(Seconds(i64::MAX)), 0.5), DAY);
        assert_eq!(pause(1, Some(Seconds(-1)), 0.5), Seconds(5));
    }

    #[test]
    fn a_message_is_given_up_when_it_is_old_and_was_tried() {
        let (at, day_later) = (UnixTime(0), UnixTime(DAY.0 + 1));
        assert!(is_hopeless(8, at, day_later));
        assert!(!is_hopeless(7, at, day_later), "the machine may have been off");
        assert!(!is_hopeless(99, at, UnixTime(DAY.0)));
    }
}
