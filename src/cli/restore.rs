//! `restore`: puts a backup into the place of the database, while the service does not run.

use std::path::PathBuf;

use clap::Args;

use super::{Failure, file, output};
use crate::clock::Clock;
use crate::config::Config;
use crate::storage::restore::{self, RestoreError, Restored, Word};

/// What to do.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The backup, which stays as it is
    file: PathBuf,
    /// End every grant and every session; people, clients and MCP servers stay
    #[arg(long, conflicts_with = "trust_backup")]
    revoke_all: bool,
    /// Where nobody knows what was revoked since: let it come back
    #[arg(long)]
    trust_backup: bool,
    /// For programs
    #[arg(long)]
    json: bool,
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Database(error) => error.into(),
            RestoreError::InUse(_) => Self::Unavailable(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}

/// Runs it.
///
/// # Errors
/// 69 while something has the database open; see [`RestoreError`].
pub async fn run(arguments: Arguments, config: &Config) -> Result<(), Failure> {
    let database = file(config)?.to_owned();
    let word = match (arguments.revoke_all, arguments.trust_backup) {
        (true, _) => Word::RevokeAll,
        (_, true) => Word::TrustBackup,
        _ => Word::None,
    };
    let (backup, now) = (arguments.file, Clock::System.now());
    let restoring =
        tokio::task::spawn_blocking(move || restore::restore(&database, &backup, word, now));
    let restored = restoring.await.map_err(|error| Failure::Failed(error.to_string()))??;
    if arguments.json {
        return output::json(&restored);
    }
    tell(&restored)
}

fn tell(restored: &Restored) -> Result<(), Failure> {
    let Restored { taken_at, last_recorded_at, carried, .. } = restored;
    output::line(&match (taken_at, last_recorded_at) {
        (Some(at), _) => format!("restored as it was at {at}"),
        (None, Some(at)) => format!("restored; when it was taken is not known, after {at}"),
        (None, None) => "restored; when it was taken is not known".to_owned(),
    })?;
    if let Some(why) = &restored.not_known_because {
        output::line(&format!("what has happened since is not known: {why}"))?;
    }
    for (number, what) in [
        (carried.grants_ended_since, "grants had been ended since, and are"),
        (carried.grants_used_since, "grants were used since, and are ended"),
        (carried.grants_ended_now, "grants are ended, as all were to be"),
        (carried.sessions_ended, "browsers are signed out"),
        (carried.people_disabled, "people had been removed since, and are disabled"),
        (carried.clients_disabled, "clients had been removed since, and are disabled"),
        (carried.resources_paused, "MCP servers had been removed since, and are paused"),
    ] {
        if number > 0 {
            output::line(&format!("{number} {what}"))?;
        }
    }
    if let Some(kept) = &restored.replaced {
        output::hint(&format!("the database that it replaces is {}", kept.display()));
    }
    Ok(())
}
