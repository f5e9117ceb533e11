//! `client`: apps that ask for access.

mod act;
pub mod document;
pub mod limit;
mod show;

use clap::Subcommand;
use serde_json::json;

use super::{Failure, open, output};
use crate::app::bounds;
use crate::clients::registration::{self, Registered};
use crate::clock::Clock;
use crate::config::Config;
use crate::oauth::{ClientId, MachineSecret, Scope};
use crate::storage::{ClientOrigin, Missing, Storage};

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a client that the operator vouches for
    Add {
        /// What people will read on the consent page
        name: String,
        /// Where answers may go; several times for several
        #[arg(long, required = true)]
        redirect_uri: Vec<String>,
        /// With a secret, which is printed
        #[arg(long)]
        confidential: bool,
        /// The most it may be granted
        #[arg(long)]
        scope: Option<String>,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// All of them
    List {
        /// Only those that wait for the owner: `MCP_OAUTH_CLIENTS=ask`
        #[arg(long)]
        waiting: bool,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// One of them, with its metadata
    Show {
        /// Its `client_id`
        id: ClientId,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Let a client ask people for access, where not every one may; to refuse it, disable it
    Approve {
        /// Its `client_id`
        id: ClientId,
    },
    /// Set the most that a client may have; grants of more end
    #[command(override_usage = "mcp-oauthd client limit [OPTIONS] <ID> <SCOPE|--none>")]
    Limit {
        /// Its `client_id`
        id: ClientId,
        /// How much
        #[command(flatten)]
        most: limit::Most,
    },
    /// End all access of a client; it cannot come back until it is enabled
    Disable {
        /// Its `client_id`
        id: ClientId,
    },
    /// Let a disabled client ask again; ended grants stay ended
    Enable {
        /// Its `client_id`
        id: ClientId,
    },
    /// End all access of a client, and forget it
    ///
    /// It can register again, and one that is known by a document comes back when it is next used:
    /// `disable` keeps a client out.
    Remove {
        /// Its `client_id`
        id: ClientId,
    },
    /// Documents of clients that are known by an address
    Document {
        /// What to do
        #[command(subcommand)]
        command: document::Command,
    },
}

/// Runs it.
///
/// # Errors
/// Metadata that is refused, clients that are not there, the database's.
pub async fn run(command: Command, config: &Config) -> Result<(), Failure> {
    let missing = match command {
        Command::Add { .. } | Command::Document { command: document::Command::Add { .. } } => {
            Missing::Create
        }
        _ => Missing::Refuse,
    };
    let storage = open(config, missing)?;
    let done = match command {
        Command::Add { name, redirect_uri, confidential, scope, json } => {
            let scope = scope
                .map(|scope| config.scope_hierarchy.expand(&Scope::requested(&scope)).to_string());
            let method = if confidential { "client_secret_basic" } else { "none" };
            let metadata = json!({
                "client_name": name,
                "redirect_uris": redirect_uri,
                "token_endpoint_auth_method": method,
                "scope": scope,
            });
            add(&storage, &metadata.to_string(), config, json).await
        }
        Command::List { waiting, json } => show::list(&storage, waiting, json).await,
        Command::Show { id, json } => show::one(&storage, &id, json).await,
        Command::Approve { id } => act::approve(&storage, id).await,
        Command::Limit { id, most } => limit::run(&storage, id, &most, config).await,
        Command::Disable { id } => act::disable(&storage, id).await,
        Command::Enable { id } => act::enable(&storage, id).await,
        Command::Remove { id } => act::remove(&storage, id).await,
        Command::Document { command } => document::run(command, &storage, config).await,
    };
    storage.close().await;
    done
}

/// By the same rules as for a client that registers itself.
async fn add(
    storage: &Storage,
    metadata: &str,
    config: &Config,
    json: bool,
) -> Result<(), Failure> {
    let bounds = bounds(config);
    let metadata = registration::metadata(metadata.as_bytes(), &bounds)?;
    let (origin, now) = (ClientOrigin::Configured, Clock::System.now());
    let register =
        move |conn: &mut _| registration::register(conn, &metadata, origin, &bounds, now);
    let Registered { client, secret, .. } = storage.write(register).await?;
    let secret = secret.map(MachineSecret::reveal);
    if json {
        return output::json(&show::Shown::new(client, secret));
    }
    let Some(secret) = secret else { return output::line(client.client_id.as_str()) };
    output::hint(&format!("its client_id is {}", client.client_id));
    output::hint("its secret is shown only now:");
    output::line(&secret)
}

fn no_such_client() -> Failure {
    Failure::Failed("there is no such client".to_owned())
}
