//! `resource scopes`: what there is to be had at an MCP server.

use clap::Args;

use super::super::{Failure, output};
use super::find;
use crate::authorization::{admission, limits};
use crate::clock::Clock;
use crate::config::Config;
use crate::oauth::Scope;
use crate::revocation::ending;
use crate::storage::Storage;

/// One of the two.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// These, with spaces between; grants of others end
    scopes: Option<String>,
    /// Every scope of the settings, also those that come later
    #[arg(long)]
    all: bool,
}

/// Says which.
///
/// # Errors
/// Resources that are not there, scopes that are not offered, the database's.
pub async fn run(
    storage: &Storage,
    resource: &str,
    which: &Which,
    config: &Config,
) -> Result<(), Failure> {
    let scopes = match which.scopes.as_deref() {
        None => None,
        Some(text) => Some(
            admission::scope(text, &config.scopes, &config.scope_hierarchy)?
                .ok_or_else(|| Failure::Failed("name at least one scope, or --all".to_owned()))?,
        ),
    };
    let found = find(storage, resource).await?;
    let said = scopes.as_ref().map_or_else(|| "every scope".to_owned(), Scope::to_string);
    let declared = config.resources.iter().find(|one| one.uri.canonical() == found.canonical);
    let now = Clock::System.now();
    let change = move |conn: &mut _| limits::of_resource(conn, &found, scopes.as_ref(), now);
    ending::settle(storage, now).await?;
    storage.write(change).await?;
    let ended = ending::settle(storage, now).await?;
    if let Some(scopes) = declared.and_then(|declared| declared.scopes.as_ref()) {
        output::hint(&format!("the settings declare its scopes: the next start says {scopes}"));
    }
    output::line(&format!("there is {said} to be had there now; {ended} grants have ended"))
}
