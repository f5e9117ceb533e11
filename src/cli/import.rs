//! `import`: what is elsewhere is known here from now on.

mod fastmcp_sqlite;
mod old_issuer;

use clap::{Args, Subcommand};

use super::Failure;
use crate::config::Config;

/// From where.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    from: From,
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
    match arguments.from {
        From::FastmcpSqlite(arguments) => fastmcp_sqlite::run(arguments, config).await,
    }
}
