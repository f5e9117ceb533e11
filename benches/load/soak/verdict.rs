//! What is flat: the median of an early part beside that of a late one.

use super::faster::SETTLED_AFTER;
use super::samples::{Figure, Sample};
use crate::rounds::median;
use crate::table::{Goal, Table};

/// How two medians are compared.
#[derive(Clone, Copy)]
enum Compared {
    /// The late one is so many times the early one.
    Ratio(Goal),
    /// The late one is so many more.
    Difference(Goal),
}

const FLAT: Compared = Compared::Ratio(Goal::AtMost(1.1));
const AS_MANY: Compared = Compared::Difference(Goal::AtMost(5.0));
const AS_FAST: Compared = Compared::Ratio(Goal::AtMost(1.5));

/// In MiB: idle, and with as many tokens remembered as can be (the goals of `--part footprint`), and what
/// argon2 takes for a sign-in on each of two cores.
const MEMORY: f64 = 15.0 + 75.0 + 2.0 * 19.0;

/// What is compared but for the file.
const FIGURES: [(&str, Figure, Compared); 8] = [
    ("log, MiB", |sample| sample.log, Compared::Ratio(Goal::None)),
    ("memory, MiB", |sample| sample.memory, FLAT),
    ("descriptors", |sample| sample.descriptors, AS_MANY),
    ("threads", |sample| sample.threads, AS_MANY),
    ("introspection, p50, ms", |sample| sample.introspection[0], AS_FAST),
    ("introspection, p99, ms", |sample| sample.introspection[1], AS_FAST),
    ("refresh, p50, ms", |sample| sample.refresh[0], AS_FAST),
    ("refresh, p99, ms", |sample| sample.refresh[1], AS_FAST),
];

/// The table, and the sums.
pub(super) fn print(samples: &[Sample]) {
    let mut table = Table::default();
    file(&mut table, samples);
    let (early, late) = early_and_late(samples);
    for (name, figure, compared) in FIGURES {
        compare(&mut table, name, (medians(early, figure), medians(late, figure)), compared);
    }
    within_a_life(&mut table, samples);
    println!("{table}");
    let requests: usize = samples.iter().map(|sample| sample.requests).sum();
    let lost: usize = samples.iter().map(|sample| sample.lost).sum();
    let restarts = samples.iter().filter(|sample| sample.restart.is_some()).count();
    println!("{requests} requests, {lost} asked again, {restarts} restarts, 0 refused");
    println!("{} of {} goals are met", table.met(), table.goals());
}

/// The second quarter and the last.
fn early_and_late(samples: &[Sample]) -> (&[Sample], &[Sample]) {
    let quarter = samples.len() / 4;
    (&samples[quarter..2 * quarter], &samples[samples.len() - quarter..])
}

/// The file grows until as much is swept as comes.
fn file(table: &mut Table, samples: &[Sample]) {
    let size: Figure = |sample| sample.file;
    let settled = SETTLED_AFTER.as_secs_f64() / 60.0;
    let after = &samples[samples.partition_point(|sample| sample.minute < settled)..];
    let third = after.len() / 3;
    if third == 0 {
        let (early, late) = early_and_late(samples);
        let medians = (medians(early, size), medians(late, size));
        let name = format!("file, MiB, which grows for {settled:.0} minutes");
        return compare(table, &name, medians, Compared::Ratio(Goal::None));
    }
    let medians = (medians(&after[..third], size), medians(&after[after.len() - third..], size));
    compare(table, &format!("file, MiB, after {settled:.0} minutes"), medians, FLAT);
}

/// What a restart would hide: descriptors and threads that are not given back, memory without end.
fn within_a_life(table: &mut Table, samples: &[Sample]) {
    let lives: Vec<&[Sample]> =
        samples.split_inclusive(|sample| sample.restart.is_some()).collect();
    let more: [(&str, Figure); 2] =
        [("descriptors", |sample| sample.descriptors), ("threads", |sample| sample.threads)];
    for (name, figure) in more {
        let grown = |life: &&[Sample]| figure(&life[life.len() - 1]) - figure(&life[0]);
        let grown = median(lives.iter().map(grown).collect());
        let name = format!("{name}, from restart to restart");
        table.number(&name, (grown, "more"), Goal::AtMost(5.0));
    }
    let most = samples.iter().map(|sample| sample.memory).fold(0.0, f64::max);
    table.number("memory at its largest", (most, "MiB"), Goal::AtMost(MEMORY));
}

fn compare(table: &mut Table, name: &str, (early, late): (f64, f64), compared: Compared) {
    let name = format!("{name}: {early:.2}, then {late:.2}");
    match compared {
        Compared::Ratio(goal) => table.number(&name, (late / early, "x"), goal),
        Compared::Difference(goal) => table.number(&name, (late - early, "more"), goal),
    }
}

fn medians(samples: &[Sample], figure: Figure) -> f64 {
    median(samples.iter().map(figure).collect())
}
