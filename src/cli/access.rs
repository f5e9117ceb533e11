//! `access`: closing MCP servers to everybody for a while.

use clap::Subcommand;

use super::{Failure, open, output, resource};
use crate::authorization::pause;
use crate::clock::Clock;
use crate::config::Config;
use crate::storage::Missing;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Refuse every token from the next request on; nobody loses a login
    Pause {
        /// The introspection id, URL or name of one MCP server; without it: all of them
        resource: Option<String>,
    },
    /// Let tokens be good again
    Resume {
        /// The introspection id, URL or name of one MCP server; without it: all of them
        resource: Option<String>,
    },
}

/// Runs it.
///
/// # Errors
/// Resources that are not there, the database's.
pub async fn run(command: Command, config: &Config) -> Result<(), Failure> {
    let storage = open(config, Missing::Refuse)?;
    let done = change(&command, &storage).await;
    storage.close().await;
    done
}

async fn change(command: &Command, storage: &crate::storage::Storage) -> Result<(), Failure> {
    let (which, closes) = match command {
        Command::Pause { resource } => (resource, true),
        Command::Resume { resource } => (resource, false),
    };
    let one = match which {
        Some(text) => Some(resource::find(storage, text).await?),
        None => None,
    };
    let now = Clock::System.now();
    let change = move |conn: &mut _| {
        let change = if closes { pause::pause } else { pause::resume };
        change(conn, one.as_ref(), now)
    };
    let changed = storage.write(change).await?;
    let what = if closes { "paused; no token is good there" } else { "open again" };
    output::line(&format!("{changed} MCP servers are {what}"))
}
