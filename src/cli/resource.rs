//! `resource`: MCP servers, which may introspect tokens, and what their calls need.

pub mod people;
pub mod rule;
pub mod scopes;
pub mod snippet;

use clap::Subcommand;
use secrecy::ExposeSecret as _;
use serde::Serialize;

use super::{Failure, open, output};
use crate::accounts::setup::{add_resource, rotate_secret};
use crate::clock::{Clock, Seconds, UnixTime};
use crate::config::Config;
use crate::oauth::{IntrospectionId, MachineSecret, ResourceUri, Scope, TokenHash};
use crate::revocation;
use crate::storage::resources::{self, Resource};
use crate::storage::{Audience, Missing, Storage, StorageError};

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add an MCP server; prints its introspection id and secret
    Add {
        /// Its URL, exactly as people type it
        url: String,
        /// What people call it
        #[arg(long)]
        name: Option<String>,
        /// Its introspection id, instead of one that is made here
        #[arg(long, requires = "secret_stdin")]
        id: Option<IntrospectionId>,
        /// Read its introspection secret from stdin, instead of one that is made here
        #[arg(long)]
        secret_stdin: bool,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// All of them; the first is the default
    List {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Print a new secret; the old one works for `MCP_OAUTH_SECRET_OVERLAP`
    RotateSecret {
        /// Its introspection id or URL
        resource: String,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Say for whom it is: everybody, or named people only; grants of others end
    Audience {
        /// Its introspection id, URL or name
        resource: String,
        /// everybody or named
        audience: Audience,
        /// All that everybody may have there who is not named
        #[arg(long)]
        scope: Option<String>,
    },
    /// Name a person who may use it
    Allow {
        /// Its introspection id, URL or name
        resource: String,
        /// The user name
        user: String,
        /// All that the person may have there; grants of more end
        #[arg(long)]
        scope: Option<String>,
    },
    /// Take a person's name off again, and end the grants that were due to it
    Disallow {
        /// Its introspection id, URL or name
        resource: String,
        /// The user name
        user: String,
    },
    /// Who is named for it
    People {
        /// Its introspection id, URL or name
        resource: String,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Say which scopes there are to be had at it
    #[command(override_usage = "mcp-oauthd resource scopes [OPTIONS] <RESOURCE> <SCOPES|--all>")]
    Scopes {
        /// Its introspection id, URL or name
        resource: String,
        /// Which
        #[command(flatten)]
        which: scopes::Which,
    },
    /// Rules about its tools, which the gate applies
    #[command(subcommand)]
    Rule(rule::Command),
    /// Print the configuration of a reverse proxy that asks the gate
    Snippet {
        /// Its introspection id, URL or name
        resource: String,
        /// For what
        #[command(flatten)]
        wanted: snippet::Wanted,
    },
    /// Forget an MCP server, and end every grant for it
    Remove {
        /// Its introspection id or URL
        resource: String,
    },
}

#[derive(Serialize)]
struct Shown {
    resource: ResourceUri,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    introspection_id: IntrospectionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection_secret: Option<String>,
    created_at: UnixTime,
    audience: Audience,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Scope>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_at: Option<UnixTime>,
}

impl Shown {
    fn new(resource: Resource, introspection_secret: Option<String>) -> Self {
        Self {
            resource: resource.uri,
            name: resource.name,
            introspection_id: resource.id,
            introspection_secret,
            created_at: resource.created_at,
            audience: resource.audience,
            scope: resource.scope,
            scopes: resource.scopes,
            paused_at: resource.paused_at,
        }
    }
}

/// Runs it.
///
/// # Errors
/// Resources that are there already or are not there, the database's.
pub async fn run(command: Command, config: &Config) -> Result<(), Failure> {
    let missing = match command {
        Command::Add { .. } => Missing::Create,
        _ => Missing::Refuse,
    };
    let storage = open(config, missing)?;
    let overlap = config.lifetimes.secret_overlap;
    let done = match command {
        Command::Add { url, name, id, secret_stdin, json } => {
            add(&storage, &url, (id, name), secret_stdin, json).await
        }
        Command::List { json } => list(&storage, json).await,
        Command::RotateSecret { resource, json } => {
            rotate(&storage, &resource, overlap, json).await
        }
        Command::Audience { resource, audience, scope } => {
            let scope = scope.unwrap_or_default();
            people::open_to(&storage, &resource, (audience, &scope), config).await
        }
        Command::Allow { resource, user, scope } => {
            let scope = scope.unwrap_or_default();
            people::allow(&storage, &resource, (&user, &scope), config).await
        }
        Command::Disallow { resource, user } => people::disallow(&storage, &resource, &user).await,
        Command::People { resource, json } => people::list(&storage, &resource, json).await,
        Command::Scopes { resource, which } => {
            scopes::run(&storage, &resource, &which, config).await
        }
        Command::Rule(command) => rule::run(command, &storage, &config.scopes).await,
        Command::Snippet { resource, wanted } => {
            let found = find(&storage, &resource).await;
            found.and_then(|resource| snippet::print(&resource, wanted, config))
        }
        Command::Remove { resource } => remove(&storage, &resource).await,
    };
    storage.close().await;
    done
}

async fn add(
    storage: &Storage,
    url: &str,
    (id, name): (Option<IntrospectionId>, Option<String>),
    secret_stdin: bool,
    json: bool,
) -> Result<(), Failure> {
    let uri: ResourceUri =
        url.parse().map_err(|why| Failure::Failed(format!("this address {why}")))?;
    // What the operator chose is not printed again.
    let (hash, made) = if secret_stdin {
        let given = output::secret_from_stdin()?;
        if given.expose_secret().len() < 16 {
            return Err(Failure::Failed("the secret is shorter than 16 characters".to_owned()));
        }
        (TokenHash::of(given.expose_secret()), None)
    } else {
        let made = MachineSecret::for_resource();
        (made.hash(), Some(made))
    };
    let named = (id.unwrap_or_else(IntrospectionId::generate), name);
    let now = Clock::System.now();
    let add = move |conn: &mut _| add_resource(conn, &uri, named.clone(), Some(&hash), now);
    let resource = storage.write(add).await.map_err(|error| match error {
        StorageError::AlreadyExists => {
            Failure::Failed("a resource has this URL or this id already".to_owned())
        }
        error => error.into(),
    })?;
    answer(resource, made, json)
}

async fn list(storage: &Storage, json: bool) -> Result<(), Failure> {
    let all = storage.read(resources::list).await?;
    if json {
        let shown: Vec<_> = all.into_iter().map(|resource| Shown::new(resource, None)).collect();
        return output::json(&shown);
    }
    let row = |resource: &Resource| {
        let name = resource.name.clone().unwrap_or_default();
        let state = if resource.paused_at.is_some() { "paused" } else { "open" };
        let (uri, id) = (resource.uri.to_string(), resource.id.to_string());
        [uri, name, id, resource.audience.to_string(), state.to_owned()]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    output::table(["URL", "NAME", "INTROSPECTION ID", "FOR", "STATE"], &rows)
}

async fn rotate(
    storage: &Storage,
    resource: &str,
    overlap: Seconds,
    json: bool,
) -> Result<(), Failure> {
    let found = find(storage, resource).await?;
    let secret = MachineSecret::for_resource();
    let (hash, now) = (secret.hash(), Clock::System.now());
    let resource = found.clone();
    let rotate = move |conn: &mut _| rotate_secret(conn, &found, &hash, overlap, now);
    if !storage.write::<_, StorageError>(rotate).await? {
        return Err(no_such_resource());
    }
    answer(resource, Some(secret), json)
}

async fn remove(storage: &Storage, resource: &str) -> Result<(), Failure> {
    let found = find(storage, resource).await?;
    let now = Clock::System.now();
    let remove = move |conn: &mut _| revocation::remove_resource(conn, &found, now);
    let grants = storage.write(remove).await?.ok_or_else(no_such_resource)?;
    output::line(&format!("the resource is gone; {grants} grants have ended"))
}

/// The secret alone on stdout, everything else on stderr; or all of it as JSON.
fn answer(resource: Resource, made: Option<MachineSecret>, json: bool) -> Result<(), Failure> {
    if json {
        return output::json(&Shown::new(resource, made.map(MachineSecret::reveal)));
    }
    output::hint(&format!("{} introspects as {}", resource.uri, resource.id));
    let Some(made) = made else { return Ok(()) };
    output::hint("its secret is shown only now:");
    output::line(&made.reveal())
}

/// The one of this introspection id, URL or name.
pub(super) async fn find(storage: &Storage, text: &str) -> Result<Resource, Failure> {
    let found = storage.read(|conn| {
        let by_id = text.parse().ok().map(|id| resources::find(conn, &id)).transpose()?.flatten();
        if by_id.is_some() {
            return Ok::<_, StorageError>(by_id);
        }
        let by_uri = text.parse().ok().map(|uri| resources::find_by_uri(conn, &uri)).transpose()?;
        if let Some(found) = by_uri.flatten() {
            return Ok(Some(found));
        }
        // A name that two of them have means neither.
        let named = |resource: &Resource| resource.name.as_deref() == Some(text);
        let mut named = resources::list(conn)?.into_iter().filter(named);
        Ok(named.next().filter(|_| named.next().is_none()))
    });
    found.await?.ok_or_else(no_such_resource)
}

fn no_such_resource() -> Failure {
    Failure::Failed("there is no resource of this introspection id, URL or name".to_owned())
}
