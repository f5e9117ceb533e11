//! The only source of time, so that a test can move it.
//!
//! The machine's clock may be set back. What has expired must not come back to life by that, so time
//! never falls behind a mark, which moves slowly until the machine's clock has caught up.

mod observer;

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::BigInt;
use serde::{Deserialize, Serialize};

pub use observer::{MachineTime, Observer};

/// Seconds since 1970-01-01T00:00:00Z, without leap seconds: `NumericDate` of RFC 7519 section 2.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
)]
#[diesel(sql_type = BigInt)]
#[serde(transparent)]
pub struct UnixTime(pub i64);

/// A length of time in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Seconds(pub i64);

/// Ten years: what is longer is a slip of the pen, and would overflow somewhere.
const LONGEST: i64 = 10 * 366 * 86_400;

impl FromStr for Seconds {
    type Err = &'static str;

    /// Seconds, or `10m`, `1h`, `30d`, of ten years at the most.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unit = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (number, unit) = text.split_at(unit);
        let factor = match unit {
            "" | "s" => Some(1),
            "m" => Some(60),
            "h" => Some(3600),
            "d" => Some(86_400),
            _ => None,
        };
        let number = number.parse::<i64>().ok();
        match number.zip(factor).and_then(|(number, factor)| number.checked_mul(factor)) {
            Some(seconds @ 0..=LONGEST) => Ok(Self(seconds)),
            _ => Err("is not a time like 90, 10m, 1h or 30d"),
        }
    }
}

impl FromStr for UnixTime {
    type Err = ();

    /// RFC 3339.
    fn from_str(text: &str) -> Result<Self, ()> {
        let rfc3339 = time::format_description::well_known::Rfc3339;
        let moment = time::OffsetDateTime::parse(text, &rfc3339).map_err(|_| ())?;
        Ok(Self(moment.unix_timestamp()))
    }
}

impl Add<Seconds> for UnixTime {
    type Output = Self;
    fn add(self, length: Seconds) -> Self {
        Self(self.0.saturating_add(length.0))
    }
}

impl Sub<Seconds> for UnixTime {
    type Output = Self;
    fn sub(self, length: Seconds) -> Self {
        Self(self.0.saturating_sub(length.0))
    }
}

impl Sub for UnixTime {
    type Output = Seconds;
    fn sub(self, earlier: Self) -> Seconds {
        Seconds(self.0.saturating_sub(earlier.0))
    }
}

/// As RFC 3339, for people: `2026-11-24T14:00:00Z`.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rfc3339 = time::format_description::well_known::Rfc3339;
        let text = time::OffsetDateTime::from_unix_timestamp(self.0)
            .ok()
            .and_then(|moment| moment.format(&rfc3339).ok());
        f.write_str(text.as_deref().unwrap_or("out of range"))
    }
}

/// Milliseconds since the epoch behind which the time of this machine is not believed.
static MARK: AtomicI64 = AtomicI64::new(i64::MIN);
/// Whether the time of this machine has jumped forwards, and may jump back.
static JUMPED: AtomicBool = AtomicBool::new(false);
/// A clock that is set back by less is only corrected.
const CORRECTION: Seconds = Seconds(60);

/// Tells the time. Clones share it.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The time of this machine, and of all that this process does.
    System,
    /// Stands still until [`Clock::advance`]: milliseconds since the epoch.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that starts at the machine's time and then moves only when told.
    #[must_use]
    pub fn manual() -> Self {
        Self::Manual(Arc::new(AtomicI64::new(machine_millis())))
    }

    /// Now, in whole seconds.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        UnixTime(self.now_millis().div_euclid(1000))
    }

    /// Now, in milliseconds since the epoch.
    #[must_use]
    pub fn now_millis(&self) -> i64 {
        self.machine_millis().max(self.mark_millis())
    }

    /// Milliseconds since some moment of this process, whatever is done to the machine's clock: for
    /// limits on how often, which nobody should have to wait a day for.
    #[must_use]
    pub fn ticks(&self) -> i64 {
        static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
        match self {
            Self::System => i64::try_from(BEGUN.elapsed().as_millis()).unwrap_or(i64::MAX),
            Self::Manual(millis) => millis.load(Ordering::Relaxed),
        }
    }

    /// What the machine's clock says, in milliseconds since the epoch, whatever was seen before.
    #[must_use]
    pub fn machine_millis(&self) -> i64 {
        match self {
            Self::System => machine_millis(),
            Self::Manual(millis) => millis.load(Ordering::Relaxed),
        }
    }

    /// From now on it is not earlier than this. A manual clock is set back for a reason.
    pub fn raise(&self, seen: UnixTime) {
        if matches!(self, Self::System) {
            MARK.fetch_max(seen.0.saturating_mul(1000), Ordering::Relaxed);
        }
    }

    /// How far the machine's clock has been set back behind what was seen, unless it was a correction.
    #[must_use]
    pub fn behind(&self) -> Option<Seconds> {
        let millis = self.mark_millis().saturating_sub(self.machine_millis());
        Some(Seconds(millis.div_euclid(1000))).filter(|behind| *behind > CORRECTION)
    }

    /// Whether the machine's clock has jumped forwards, and may jump back.
    #[must_use]
    pub fn has_jumped(&self) -> bool {
        matches!(self, Self::System) && JUMPED.load(Ordering::Relaxed)
    }

    /// Says what an [`Observer`] has found.
    pub fn note_jump(&self, jumped: bool) {
        if matches!(self, Self::System) {
            JUMPED.store(jumped, Ordering::Relaxed);
        }
    }

    fn mark_millis(&self) -> i64 {
        if matches!(self, Self::System) { MARK.load(Ordering::Relaxed) } else { i64::MIN }
    }

    /// Moves a manual clock, backwards too; the machine's time is not ours to move.
    pub fn advance(&self, length: Seconds) {
        if let Self::Manual(millis) = self {
            millis.fetch_add(length.0 * 1000, Ordering::Relaxed);
        }
    }
}

fn machine_millis() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_as_rfc_3339() {
        assert_eq!(UnixTime(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(UnixTime(i64::MAX).to_string(), "out of range");
        assert_eq!("2026-11-24T15:00:00+01:00".parse(), Ok(UnixTime(1_795_528_800)));
        assert_eq!("yesterday".parse::<UnixTime>(), Err(()));
    }

    #[test]
    fn a_manual_clock_stands_still_until_it_is_moved() {
        let clock = Clock::manual();
        let start = clock.now();
        clock.clone().advance(Seconds(601));
        assert_eq!(clock.now() - start, Seconds(601));
    }
}
