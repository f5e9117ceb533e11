//! `client limit`: the most that a client may have.

use clap::Args;

use super::{Failure, no_such_client, output};
use crate::authorization::{admission, limits};
use crate::clock::Clock;
use crate::config::Config;
use crate::oauth::{ClientId, Scope};
use crate::storage::{Storage, StorageError};

/// One of the two.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Most {
    /// These scopes, with spaces between, and what they include
    scope: Option<String>,
    /// No limit, but that of each MCP server and of each person
    #[arg(long)]
    none: bool,
}

/// Sets it.
pub(super) async fn run(
    storage: &Storage,
    id: ClientId,
    most: &Most,
    config: &Config,
) -> Result<(), Failure> {
    let most = match most.scope.as_deref() {
        None => None,
        Some(text) => Some(
            admission::scope(text, &config.scopes, &config.scope_hierarchy)?
                .ok_or_else(|| Failure::Failed("name at least one scope, or --none".to_owned()))?,
        ),
    };
    let said = most.as_ref().map_or_else(|| "everything".to_owned(), Scope::to_string);
    let now = Clock::System.now();
    let limit = move |conn: &mut _| limits::of_client(conn, &id, most.as_ref(), now);
    let Some(ended) = storage.write::<_, StorageError>(limit).await? else {
        return Err(no_such_client());
    };
    output::line(&format!("the client may have {said} now; {ended} grants have ended"))
}
