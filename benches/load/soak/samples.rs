//! What is seen in a round, and written down.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::generator::Outcome;
use crate::servers::Server;

const MIB: f64 = 1024.0 * 1024.0;

/// Of one round.
#[derive(Default)]
pub(super) struct Sample {
    /// Since the beginning.
    pub(super) minute: f64,
    /// Of the database, in MiB; the same of its write-ahead log.
    pub(super) file: f64,
    pub(super) log: f64,
    /// The service's own, in MiB.
    pub(super) memory: f64,
    pub(super) descriptors: f64,
    pub(super) threads: f64,
    /// Milliseconds that half, and 99 in a hundred, of the answers took at the most.
    pub(super) introspection: [f64; 2],
    pub(super) refresh: [f64; 2],
    pub(super) requests: usize,
    /// How often nobody answered, and it was asked again.
    pub(super) lost: usize,
    /// How the service was ended in this round, after all but the latencies was seen.
    pub(super) restart: Option<&'static str>,
}

/// A number of a sample.
pub(super) type Figure = fn(&Sample) -> f64;

const COLUMNS: [(&str, Figure); 12] = [
    ("minute", |sample| sample.minute),
    ("file_mib", |sample| sample.file),
    ("log_mib", |sample| sample.log),
    ("memory_mib", |sample| sample.memory),
    ("descriptors", |sample| sample.descriptors),
    ("threads", |sample| sample.threads),
    ("introspection_p50_ms", |sample| sample.introspection[0]),
    ("introspection_p99_ms", |sample| sample.introspection[1]),
    ("refresh_p50_ms", |sample| sample.refresh[0]),
    ("refresh_p99_ms", |sample| sample.refresh[1]),
    ("requests", |sample| sample.requests as f64),
    ("asked_again", |sample| sample.lost as f64),
];

impl Sample {
    /// What is seen from outside, while it works.
    pub(super) fn of(server: &Server, database: &Path, at: Duration) -> Self {
        let size = |suffix| {
            let path = format!("{}{suffix}", database.display());
            fs::metadata(path).map_or(0.0, |metadata| metadata.len() as f64 / MIB)
        };
        let (descriptors, threads) = server.descriptors_and_threads();
        Self {
            minute: at.as_secs_f64() / 60.0,
            file: size(""),
            log: size("-wal"),
            memory: server.memory(),
            descriptors: descriptors as f64,
            threads: threads as f64,
            ..Self::default()
        }
    }

    /// What came of the load: introspections first, refreshes third.
    pub(super) fn add(&mut self, outcomes: &[Outcome]) {
        let of = |outcome: &Outcome| {
            [0.5, 0.99].map(|part| outcome.percentile(part).as_secs_f64() * 1e3)
        };
        self.introspection = of(&outcomes[0]);
        self.refresh = of(&outcomes[2]);
        self.requests = outcomes.iter().map(|outcome| outcome.answered).sum();
        self.lost = outcomes.iter().map(|outcome| outcome.lost).sum();
    }
}

/// A line for each.
pub(super) fn csv(samples: &[Sample]) -> String {
    let mut text = COLUMNS.map(|(name, _)| name).join(",") + ",restart\n";
    for sample in samples {
        for (_, figure) in COLUMNS {
            write!(text, "{:.3},", figure(sample)).unwrap();
        }
        writeln!(text, "{}", sample.restart.unwrap_or_default()).unwrap();
    }
    text
}
