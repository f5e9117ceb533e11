//! `grant`: what people have said yes to.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Failure, open, output, resource};
use crate::accounts::Username;
use crate::clock::{Clock, UnixTime};
use crate::config::Config;
use crate::oauth::{ClientId, GrantId, ResourceUri, Scope, UserId};
use crate::revocation::{self, ending};
use crate::storage::grants::{self, Grant, Narrowing};
use crate::storage::{Missing, RevokedBecause, Storage, StorageError, clients, users};

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The newest first
    List {
        /// Of this person only
        #[arg(long)]
        user: Option<String>,
        /// To this client only
        #[arg(long)]
        client: Option<ClientId>,
        /// Ended ones too
        #[arg(long)]
        all: bool,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// End grants: their tokens are refused at the next request
    Revoke {
        /// Which
        #[command(flatten)]
        which: Which,
    },
}

/// One of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// The id of one
    id: Option<GrantId>,
    /// Every grant of everybody
    #[arg(long)]
    all: bool,
    /// Every grant of this person, who is signed out everywhere
    #[arg(long)]
    user: Option<String>,
    /// Every grant of this client
    #[arg(long)]
    client: Option<ClientId>,
    /// Every grant for this MCP server: its introspection id, URL or name
    #[arg(long, value_name = "RESOURCE")]
    mcp_server: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    id: GrantId,
    username: Option<String>,
    sub: UserId,
    client_id: ClientId,
    client_name: Option<String>,
    resource: ResourceUri,
    scope: Scope,
    created_at: UnixTime,
    last_used_at: UnixTime,
    expires_at: UnixTime,
    /// Taken over from the replaced provider: nobody was asked here.
    imported: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_because: Option<RevokedBecause>,
}

/// Runs it.
///
/// # Errors
/// Names and ids that are not there, the database's.
pub async fn run(command: Command, config: &Config) -> Result<(), Failure> {
    let storage = open(config, Missing::Refuse)?;
    let done = match command {
        Command::List { user, client, all, json } => {
            list(&storage, user.as_deref(), (client, all), json).await
        }
        Command::Revoke { which: Which { id: Some(id), .. } } => revoke(&storage, id).await,
        Command::Revoke { which } => revoke_all(&storage, which).await,
    };
    storage.close().await;
    done
}

async fn list(
    storage: &Storage,
    user: Option<&str>,
    (client_id, with_revoked): (Option<ClientId>, bool),
    json: bool,
) -> Result<(), Failure> {
    let user_id = match user {
        None => None,
        Some(name) => Some(find_user(storage, name).await?),
    };
    let narrowing = Narrowing { user_id, client_id, with_revoked };
    let mut all: Vec<Shown> = vec![];
    loop {
        let before = all.last().map_or(GrantId(i64::MAX), |shown| shown.id);
        let page = storage.read(|conn| {
            let page = grants::list(conn, &narrowing, before, 100)?;
            page.into_iter().map(|grant| describe(conn, grant)).collect::<Result<Vec<_>, _>>()
        });
        let page = page.await?;
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    if json {
        return output::json(&all);
    }
    let row = |shown: &Shown| {
        [
            shown.id.to_string(),
            shown.username.clone().unwrap_or_else(|| shown.sub.to_string()),
            shown.client_name.clone().unwrap_or_else(|| shown.client_id.to_string()),
            shown.resource.to_string(),
            shown.scope.to_string(),
            shown.last_used_at.to_string(),
            shown.state(),
        ]
    };
    let head = ["ID", "USER", "CLIENT", "RESOURCE", "SCOPE", "LAST USED", "STATE"];
    output::table(head, &all.iter().map(row).collect::<Vec<_>>())
}

impl Shown {
    fn state(&self) -> String {
        match (self.revoked_because, self.imported) {
            (Some(because), _) => because.to_string(),
            (None, true) => "live, imported".to_owned(),
            (None, false) => "live".to_owned(),
        }
    }
}

fn describe(conn: &mut crate::storage::DbConnection, grant: Grant) -> Result<Shown, StorageError> {
    let user = users::find(conn, &grant.user_id)?;
    let client = clients::find(conn, &grant.client_id)?;
    Ok(Shown {
        id: grant.id,
        username: user.map(|user| user.username),
        sub: grant.user_id,
        client_id: grant.client_id,
        client_name: client.and_then(|client| client.metadata.client_name),
        resource: grant.resource,
        scope: grant.scope,
        created_at: grant.created_at,
        last_used_at: grant.last_used_at,
        expires_at: grant.expires_at,
        imported: grant.imported,
        revoked_at: grant.revoked_at,
        revoked_because: grant.revoked_because,
    })
}

async fn revoke(storage: &Storage, id: GrantId) -> Result<(), Failure> {
    let now = Clock::System.now();
    let revoke = move |conn: &mut _| {
        let Some(grant) = grants::find(conn, id)? else { return Ok(None) };
        revocation::end(conn, id, RevokedBecause::Operator, now)?;
        Ok::<_, StorageError>(Some(grant.revoked_at.is_some()))
    };
    match storage.write(revoke).await? {
        Some(false) => output::line("the grant has ended"),
        Some(true) => output::line("the grant had ended before"),
        None => Err(Failure::Failed("there is no grant of this id".to_owned())),
    }
}

/// Dead when the first transaction is over; what is left to write into the rows is then written.
async fn revoke_all(storage: &Storage, which: Which) -> Result<(), Failure> {
    let now = Clock::System.now();
    let ended = if let Some(name) = which.user {
        let id = find_user(storage, &name).await?;
        storage.write(move |conn| ending::of_user(conn, &id, now)).await?
    } else if let Some(id) = which.client {
        storage.write(move |conn| ending::of_client(conn, &id, now)).await?
    } else {
        let one = match which.mcp_server {
            Some(text) => Some(resource::find(storage, &text).await?),
            None => None,
        };
        storage.write(move |conn| ending::of_resource(conn, one.as_ref(), now)).await?;
        ending::settle(storage, now).await?
    };
    output::line(&format!("{ended} grants have ended"))
}

/// The account of this name.
pub(super) async fn find_user(storage: &Storage, name: &str) -> Result<UserId, Failure> {
    let nobody = || Failure::Failed("nobody has this name".to_owned());
    let name = Username::parse(name).map_err(|_| nobody())?;
    let user = storage.read(|conn| users::find_by_name(conn, name.as_str())).await?;
    user.map(|user| user.id).ok_or_else(nobody)
}
