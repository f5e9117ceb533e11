//! `audit`: the record of what was decided about access.

use clap::Subcommand;
use serde::Serialize;

use super::{Failure, open, output};
use crate::clock::{Clock, Seconds, UnixTime};
use crate::config::Config;
use crate::oauth::{ClientId, GrantId, ResourceUri, UserId};
use crate::storage::events::{self, Kind, Narrowing, Recorded};
use crate::storage::{DbConnection, Missing, Storage, StorageError, users};

/// Rows that are read at once.
const PAGE: i64 = 100;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The newest first; kept for `MCP_OAUTH_EVENT_LIFETIME`
    List {
        /// From then on: a time like 2026-11-24T14:00:00Z, or so long ago, like 24h or 7d
        #[arg(long, value_parser = since)]
        since: Option<UnixTime>,
        /// About this person only: a name, or the `sub` of somebody who is not here any more
        #[arg(long)]
        user: Option<String>,
        /// About this client only
        #[arg(long)]
        client: Option<ClientId>,
        /// The most of them
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// For programs
        #[arg(long)]
        json: bool,
    },
}

#[derive(Serialize)]
struct Shown {
    id: String,
    at: UnixTime,
    event: Kind,
    client_id: Option<ClientId>,
    username: Option<String>,
    sub: Option<UserId>,
    grant_id: Option<GrantId>,
    resource: Option<ResourceUri>,
    address: Option<String>,
    /// Of the line in the log, and of the answer.
    request_id: Option<String>,
    detail: Option<String>,
}

/// Runs it.
///
/// # Errors
/// A person of whom nothing is known, the database's.
pub async fn run(command: Command, config: &Config) -> Result<(), Failure> {
    let Command::List { since, user, client, limit, json } = command;
    let storage = open(config, Missing::Refuse)?;
    let found = match user {
        Some(user) => find(&storage, &user).await.map(Some),
        None => Ok(None),
    };
    let done = match found {
        Ok(user_id) => {
            let narrowing = Narrowing { since, user_id, client_id: client };
            list(&storage, &narrowing, limit, json).await
        }
        Err(failure) => Err(failure),
    };
    storage.close().await;
    done
}

async fn list(
    storage: &Storage,
    narrowing: &Narrowing,
    limit: usize,
    json: bool,
) -> Result<(), Failure> {
    let (mut shown, mut before): (Vec<Shown>, i64) = (vec![], i64::MAX);
    while shown.len() < limit {
        let page = storage.read(|conn| {
            let page = events::page(conn, narrowing, before, PAGE)?;
            page.into_iter().map(|(id, one)| describe(conn, id, one)).collect::<Result<Vec<_>, _>>()
        });
        let page = page.await.map_err(|error: StorageError| Failure::from(error))?;
        let Some(last) = page.last() else { break };
        before = last.id.parse().unwrap_or(i64::MIN);
        shown.extend(page);
    }
    shown.truncate(limit);
    if json {
        return output::json(&shown);
    }
    let text = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let row = |shown: Shown| {
        [
            shown.at.to_string(),
            shown.event.to_string(),
            text(shown.username.or(shown.sub.map(String::from))),
            text(shown.client_id.map(String::from)),
            text(shown.resource.map(|uri| uri.to_string())),
            text(shown.grant_id.map(|id| id.0.to_string())),
            text(shown.address),
            text(shown.request_id),
            text(shown.detail),
        ]
    };
    let head =
        ["AT", "EVENT", "PERSON", "CLIENT", "MCP SERVER", "GRANT", "FROM", "REQUEST", "DETAIL"];
    output::table(head, &shown.into_iter().map(row).collect::<Vec<_>>())
}

/// With the name that the person has now.
fn describe(conn: &mut DbConnection, id: i64, recorded: Recorded) -> Result<Shown, StorageError> {
    let subject = recorded.subject;
    let user = subject.user_id.as_ref().map(|id| users::find(conn, id)).transpose()?.flatten();
    Ok(Shown {
        id: id.to_string(),
        at: recorded.at,
        event: recorded.kind,
        client_id: subject.client_id,
        username: user.map(|user| user.username),
        sub: subject.user_id,
        grant_id: subject.grant_id,
        resource: subject.resource,
        address: subject.address,
        request_id: recorded.request_id,
        detail: subject.detail,
    })
}

/// By name, if there is such a person; whoever was removed is known by the `sub` only.
async fn find(storage: &Storage, user: &str) -> Result<UserId, Failure> {
    let name = user.to_owned();
    let named = storage.read(move |conn| users::find_by_name(conn, &name)).await;
    match named.map_err(|error: StorageError| Failure::from(error))? {
        Some(user) => Ok(user.id),
        None => user.parse().map_err(|_| Failure::Failed(format!("there is no user {user}"))),
    }
}

fn since(text: &str) -> Result<UnixTime, &'static str> {
    if let Ok(ago) = text.parse::<Seconds>() {
        return Ok(Clock::System.now() - ago);
    }
    text.parse().map_err(|()| "is neither a time like 2026-11-24T14:00:00Z nor one like 24h or 7d")
}
