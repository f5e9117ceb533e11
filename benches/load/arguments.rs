//! What can be chosen.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::data::FOLDER;

/// Measures mcp-oauthd against an empty handler, SQLite itself and other servers
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, Parser)]
#[command(about, bin_name = "cargo bench --bench load --")]
pub(crate) struct Arguments {
    /// Done within two minutes: short rounds, a hundred thousand tokens
    #[arg(long, conflicts_with = "long")]
    short: bool,
    /// Also ten million tokens, and the sweeping of a million dead rows
    #[arg(long)]
    pub(crate) long: bool,
    /// How many live access tokens there are
    #[arg(long)]
    tokens: Option<usize>,
    /// How often everything is measured, turn by turn
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Only this part; may be given several times
    #[arg(long = "part", value_name = "NAME", value_parser = part_names())]
    parts: Vec<String>,
    /// Instead of all that: mixed load with restarts for so many minutes
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) soak: Option<u64>,
    /// Where the plot goes
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Be the empty handler that others are measured against
    #[arg(long, hide = true)]
    pub(crate) empty_handler: bool,
    /// Cargo says so to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn part_names() -> clap::builder::PossibleValuesParser {
    crate::parts::PARTS.map(|(name, _)| name).into()
}

impl Arguments {
    /// Whether a part is to run.
    pub(crate) fn wants(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|wanted| wanted == part)
    }

    /// How many live access tokens there are.
    pub(crate) fn tokens(&self) -> usize {
        self.tokens.unwrap_or(if self.short { 100_000 } else { 1_000_000 })
    }

    /// Where the plot goes, if not to its own place.
    pub(crate) fn plot(&self, name: &str) -> PathBuf {
        self.plot.clone().unwrap_or_else(|| PathBuf::from(FOLDER).join(name))
    }

    /// How long one case is measured in one round.
    pub(crate) fn length(&self) -> Duration {
        Duration::from_millis(if self.short { 300 } else { 2_000 })
    }
}
