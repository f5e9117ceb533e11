//! `import`: what is elsewhere is known here from now on.

mod fastmcp_sqlite;
mod old_issuer;

use std::fs::File;
use std::io::{BufReader, stdin};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{Failure, file, limits, open, output};
use crate::clock::Clock;
use crate::config::{Config, Database};
use crate::moving::archive;
use crate::storage::{Missing, Storage};

/// From where.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Arguments {
    #[command(subcommand)]
    from: Option<From>,
    /// What `export` has written; - for stdin
    #[arg(required = true)]
    file: Option<PathBuf>,
    /// Only say what would be taken
    #[arg(long)]
    dry_run: bool,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum From {
    /// The database of FastMCP's provider that keeps its clients in SQLite: they stay connected
    FastmcpSqlite(fastmcp_sqlite::Arguments),
}

/// Runs it.
///
/// # Errors
/// 69 for what cannot be read; names that are nobody's, the database's.
pub async fn run(arguments: Arguments, config: &Config) -> Result<(), Failure> {
    let (path, from) = (arguments.file.unwrap_or_default(), arguments.from);
    if let Some(From::FastmcpSqlite(arguments)) = from {
        return fastmcp_sqlite::run(arguments, config).await;
    }
    let storage = into(config, arguments.dry_run)?;
    let done = import(&storage, &path, arguments.dry_run).await;
    storage.close().await;
    let outcome = done?;
    if arguments.json {
        return output::json(&outcome);
    }
    let archive::Outcome { issuer, rows } = outcome;
    let archive::Counts { taken, already_here, removed_here, owner_here } = rows;
    let head = if arguments.dry_run { "would be taken" } else { "taken" };
    output::line(&format!("{head}: {taken} rows; here already: {already_here}"))?;
    if removed_here > 0 {
        output::line(&format!("left, for they were removed here, or theirs was: {removed_here}"))?;
    }
    if owner_here > 0 {
        output::line(&format!("left, for whom or what they belong to was here: {owner_here}"))?;
    }
    if issuer != config.issuer.as_str() {
        let text = format!(
            "clients and passkeys are bound to {issuer}, and MCP_OAUTH_ISSUER is {}: those that are \
             connected register and sign in anew",
            config.issuer
        );
        output::hint(&output::printable(&text));
    }
    Ok(())
}

/// Who only looks makes no database: where there is none, all would be taken that an empty one takes.
fn into(config: &Config, dry: bool) -> Result<Storage, Failure> {
    let (none_yet, clock) = (!file(config)?.exists(), Clock::System);
    if dry && none_yet {
        let empty = Database::Memory;
        return Ok(Storage::open(&empty, Missing::Create, limits(config), clock)?);
    }
    open(config, if dry { Missing::Refuse } else { Missing::Create })
}

async fn import(storage: &Storage, path: &Path, dry: bool) -> Result<archive::Outcome, Failure> {
    let now = Clock::System.now();
    if path == Path::new("-") {
        return Ok(archive::read(storage, BufReader::new(stdin()), dry, now).await?);
    }
    let opened = File::open(path);
    let opened = opened.map_err(|e| Failure::Unavailable(format!("{}: {e}", path.display())))?;
    Ok(archive::read(storage, BufReader::new(opened), dry, now).await?)
}
