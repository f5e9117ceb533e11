//! `backup`: copies the database, also while the service runs.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio::time::timeout;

use super::{Failure, file, output};
use crate::clock::{Clock, UnixTime};
use crate::config::Config;
use crate::storage::backup::{self, BackupError};

/// How often a person is told how far it is.
const PERIOD: Duration = Duration::from_secs(1);

/// What to do.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Where the copy will be
    file: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Shown {
    file: PathBuf,
    taken_at: UnixTime,
    schema: i64,
    bytes: u64,
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Database(error) => error.into(),
            BackupError::Exists(_) => Self::Failed(format!("{error}; --force replaces it")),
            error => Self::Failed(error.to_string()),
        }
    }
}

/// Runs it.
///
/// # Errors
/// The database's, and those of where the copy is to be.
pub async fn run(arguments: Arguments, config: &Config) -> Result<(), Failure> {
    let Arguments { file: copy, force, json } = arguments;
    let database = file(config)?.to_owned();
    let now = Clock::System.now();
    let (from, to) = (database.clone(), copy.clone());
    let mut taking = tokio::task::spawn_blocking(move || backup::take(&from, &to, force, now));
    let is_watched = std::io::stderr().is_terminal();
    let taken = loop {
        match timeout(PERIOD, &mut taking).await {
            Ok(taken) => break taken.map_err(|error| Failure::Failed(error.to_string()))??,
            Err(_) if is_watched => tell_progress(&database, &copy),
            Err(_) => {}
        }
    };
    if json {
        let (taken_at, schema, bytes) = (taken.taken_at, taken.schema, taken.size);
        return output::json(&Shown { file: copy, taken_at, schema, bytes });
    }
    output::line(&format!(
        "{} is a copy of {}, schema {}, {} bytes, checked",
        copy.display(),
        taken.taken_at,
        taken.schema,
        taken.size
    ))?;
    output::hint(
        "It holds hashes of passwords and salts of refresh tokens: keep it as you keep the database.",
    );
    Ok(())
}

fn tell_progress(database: &Path, copy: &Path) {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len()) / 1_000_000;
    let written = size(&backup::unfinished(copy));
    output::hint(&format!("{written} of about {} MB are copied", size(database)));
}
