//! Cases that are compared are measured turn by turn: machines differ, and the same machine differs
//! from minute to minute. What counts is the median of the ratios of each round.

use std::time::Duration;

use crate::generator::{Load, Outcome, Script, send};
use crate::servers::Server;

/// What one connection more says.
pub(crate) type Make<'a> = Box<dyn FnMut(usize) -> Box<dyn Script> + 'a>;

/// What is measured in each round.
pub(crate) struct Case<'a> {
    pub(crate) server: &'a Server,
    pub(crate) connections: usize,
    pub(crate) make: Make<'a>,
    /// As in [`Load::pace`].
    pub(crate) pace: Option<f64>,
}

/// What a case did in one round.
#[derive(Clone, Copy)]
pub(crate) struct Measured {
    /// Answers in a second.
    pub(crate) rate: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// What an answer has cost the server's processors.
    pub(crate) cpu: Duration,
}

impl Case<'_> {
    /// Measures it once.
    pub(crate) fn run(&mut self, length: Duration) -> Measured {
        let scripts = (0..self.connections).map(&mut self.make).collect();
        let before = self.server.cpu_time();
        let load = Load { address: self.server.address, scripts, pace: self.pace, length };
        let outcome = send(load);
        Measured::of(&outcome, self.server.cpu_time().saturating_sub(before))
    }
}

impl Measured {
    /// Of an outcome that has cost so much in all.
    pub(crate) fn of(outcome: &Outcome, cpu: Duration) -> Self {
        Self {
            rate: outcome.rate,
            p50: outcome.percentile(0.5),
            p99: outcome.percentile(0.99),
            cpu: cpu / outcome.answered.max(1) as u32,
        }
    }
}

/// Each case once in each round: for each case what it did, round by round.
pub(crate) fn measure(rounds: usize, length: Duration, cases: &mut [Case<'_>]) -> Vec<Series> {
    let mut series: Vec<Vec<Measured>> = cases.iter().map(|_| vec![]).collect();
    for _ in 0..rounds {
        for (case, series) in cases.iter_mut().zip(&mut series) {
            series.push(case.run(length));
        }
    }
    series.into_iter().map(Series).collect()
}

/// Round by round.
pub(crate) struct Series(pub(crate) Vec<Measured>);

impl Series {
    /// The median of one thing.
    pub(crate) fn median(&self, what: impl Fn(&Measured) -> f64) -> f64 {
        median(self.0.iter().map(what).collect())
    }

    /// The median of the ratios to another series.
    pub(crate) fn ratio(&self, to: &Self, what: impl Fn(&Measured) -> f64) -> f64 {
        median(self.0.iter().zip(&to.0).map(|(one, other)| what(one) / what(other)).collect())
    }
}

/// The one in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
