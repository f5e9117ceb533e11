//! `client`: apps that ask for access.

pub mod document;

use clap::Subcommand;
use serde::Serialize;
use serde_json::json;

use super::{Failure, open, output};
use crate::app::bounds;
use crate::clients::registration::{self, Registered};
use crate::clients::{connecting, enable};
use crate::clock::{Clock, UnixTime};
use crate::config::Config;
use crate::oauth::{ClientId, ClientMetadata, MachineSecret};
use crate::revocation;
use crate::storage::clients::{self, Client};
use crate::storage::{ClientOrigin, DocumentSource, Missing, Storage, client_documents};

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
        /// Only those that wait for the owner: MCP_OAUTH_CLIENTS=ask
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

#[derive(Serialize)]
struct Shown {
    client_id: ClientId,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    origin: ClientOrigin,
    created_at: UnixTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<UnixTime>,
    disabled: bool,
    /// Of one that is known by a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<Described>,
    /// Several installations have registered it, and may have it.
    shared: bool,
    /// Since when it waits for the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_since: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_at: Option<UnixTime>,
    #[serde(flatten)]
    metadata: ClientMetadata,
}

/// Where the metadata in force is from.
#[derive(Serialize)]
struct Described {
    source: DocumentSource,
    fetched_at: UnixTime,
}

impl Shown {
    fn new(client: Client, client_secret: Option<String>) -> Self {
        Self {
            shared: client.is_shared(),
            waiting_since: client.asked_at.filter(|_| client.is_waiting()),
            approved_at: client.approved_at,
            client_id: client.client_id,
            client_secret,
            origin: client.origin,
            created_at: client.created_at,
            last_used_at: client.last_used_at,
            disabled: client.disabled_at.is_some(),
            document: None,
            metadata: client.metadata,
        }
    }
}

/// Runs it.
///
/// # Errors
/// Metadata that is refused, clients that are not there, the database's.
pub async fn run(command: Command, config: &Config) -> Result<(), Failure> {
    let missing = match command {
        Command::Add { .. } => Missing::Create,
        Command::Document { command: document::Command::Add { .. } } => Missing::Create,
        _ => Missing::Refuse,
    };
    let storage = open(config, missing)?;
    let now = Clock::System.now();
    let done = match command {
        Command::Add { name, redirect_uri, confidential, scope, json } => {
            let method = if confidential { "client_secret_basic" } else { "none" };
            let metadata = json!({
                "client_name": name,
                "redirect_uris": redirect_uri,
                "token_endpoint_auth_method": method,
                "scope": scope,
            });
            add(&storage, &metadata.to_string(), config, json).await
        }
        Command::List { waiting, json } => list(&storage, waiting, json).await,
        Command::Show { id, json } => show(&storage, &id, json).await,
        Command::Approve { id } => {
            let approve = move |conn: &mut _| connecting::approve(conn, &id, now);
            if storage.write(approve).await? {
                output::line("the client may ask people for access")
            } else {
                let why = "there is no such client, it is disabled, or it was approved before";
                Err(Failure::Failed(why.to_owned()))
            }
        }
        Command::Disable { id } => {
            let end = move |conn: &mut _| revocation::disable_client(conn, &id, now);
            ended(storage.write(end).await?, "disabled")
        }
        Command::Enable { id } => {
            let enable = move |conn: &mut _| enable(conn, &id, now);
            if storage.write(enable).await? {
                output::line("the client may ask again")
            } else {
                Err(Failure::Failed("there is no such client, or it is not disabled".to_owned()))
            }
        }
        Command::Remove { id } => {
            let end = move |conn: &mut _| revocation::remove_client(conn, &id, now);
            ended(storage.write(end).await?, "gone")
        }
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
        return output::json(&Shown::new(client, secret));
    }
    let Some(secret) = secret else { return output::line(client.client_id.as_str()) };
    output::hint(&format!("its client_id is {}", client.client_id));
    output::hint("its secret is shown only now:");
    output::line(&secret)
}

async fn list(storage: &Storage, waiting: bool, json: bool) -> Result<(), Failure> {
    let mut all: Vec<Client> = vec![];
    loop {
        let after = all.last().map(|client| client.client_id.to_string()).unwrap_or_default();
        let page = storage.read(|conn| clients::list(conn, &after, 100)).await?;
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    all.retain(|client| !waiting || client.is_waiting());
    if json {
        let shown: Vec<_> = all.into_iter().map(|client| Shown::new(client, None)).collect();
        return output::json(&shown);
    }
    let row = |client: &Client| {
        let name = client.metadata.client_name.clone().unwrap_or_default();
        let used = client.last_used_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        let state = match client.disabled_at {
            Some(_) => "disabled",
            None if client.is_waiting() => "waiting",
            None => "enabled",
        };
        [client.client_id.to_string(), name, client.origin.to_string(), used, state.to_owned()]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    output::table(["CLIENT ID", "NAME", "ORIGIN", "LAST USED", "STATE"], &rows)
}

async fn show(storage: &Storage, id: &ClientId, json: bool) -> Result<(), Failure> {
    let client = storage.read(|conn| clients::find(conn, id)).await?.ok_or_else(no_such_client)?;
    let copy = storage.read(|conn| client_documents::find(conn, id)).await?;
    let document = copy.map(|copy| Described { source: copy.source, fetched_at: copy.fetched_at });
    let shown = Shown { document, ..Shown::new(client, None) };
    let shown = serde_json::to_value(shown).map_err(std::io::Error::from)?;
    if json {
        return output::json(&shown);
    }
    let members = shown.as_object().into_iter().flatten();
    let text = |value: &serde_json::Value| value.as_str().map_or(value.to_string(), str::to_owned);
    let rows: Vec<_> = members.map(|(name, value)| [name.clone(), text(value)]).collect();
    output::table(["", ""], &rows)
}

fn ended(grants: Option<usize>, what: &str) -> Result<(), Failure> {
    let grants = grants.ok_or_else(no_such_client)?;
    output::line(&format!("the client is {what}; {grants} grants have ended"))
}

fn no_such_client() -> Failure {
    Failure::Failed("there is no such client, or it is disabled already".to_owned())
}
