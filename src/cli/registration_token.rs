//! `registration-token`: initial access tokens (RFC 7591 section 3), with which apps register where
//! not every one may.

use clap::Subcommand;
use serde::Serialize;

use super::{Failure, open, output};
use crate::clients::initial_access;
use crate::clock::{Clock, Seconds, UnixTime};
use crate::config::{Config, Registration};
use crate::storage::registration_tokens::{self, RegistrationToken};
use crate::storage::{Missing, Storage, StorageError};

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a token, which is printed once
    Add {
        /// What you call it: whom it is for
        name: String,
        /// How many registrations it is good for; any number if left out
        #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
        uses: Option<i64>,
        /// For how long it works, like 12h or 7d; for ever if left out
        #[arg(long)]
        expires: Option<Seconds>,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// All of them
    List {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Let nobody register with a token any more; who has done so stays registered
    Remove {
        /// What you called it
        name: String,
    },
}

#[derive(Serialize)]
struct Shown {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    created_at: UnixTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uses_left: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<UnixTime>,
    works: bool,
}

impl Shown {
    fn new(row: RegistrationToken, now: UnixTime) -> Self {
        Self {
            works: row.works(now),
            name: row.name,
            token: None,
            created_at: row.created_at,
            expires_at: row.expires_at,
            uses_left: row.uses_left,
            last_used_at: row.last_used_at,
        }
    }
}

/// Runs it.
///
/// # Errors
/// Names that are taken, or nobody's; the database's.
pub async fn run(command: Command, config: &Config) -> Result<(), Failure> {
    let missing = match command {
        Command::Add { .. } => Missing::Create,
        _ => Missing::Refuse,
    };
    let storage = open(config, missing)?;
    let now = Clock::System.now();
    let done = match command {
        Command::Add { name, uses, expires, json } => {
            if expires == Some(Seconds(0)) {
                Err(Failure::Failed("it would not work for a moment".to_owned()))
            } else {
                let limits = (uses, expires.map(|length| now + length));
                add(&storage, (name, limits, now), json, config).await
            }
        }
        Command::List { json } => list(&storage, json, now).await,
        Command::Remove { name } => remove(&storage, name, now).await,
    };
    storage.close().await;
    done
}

async fn add(
    storage: &Storage,
    (name, limits, now): (String, (Option<i64>, Option<UnixTime>), UnixTime),
    json: bool,
    config: &Config,
) -> Result<(), Failure> {
    let add = move |conn: &mut _| initial_access::add(conn, &name, limits, now);
    let secret = storage.write(add).await?;
    if config.registration != Registration::Token {
        output::hint("nobody needs it yet: MCP_OAUTH_REGISTRATION is not token");
    }
    if !json {
        output::hint("it is shown only now:");
        return output::line(&secret.reveal());
    }
    let id = secret.id();
    let row = storage.read(|conn| registration_tokens::find(conn, id)).await?;
    let gone = || StorageError::Query("the token is gone already".to_owned());
    let shown = Shown::new(row.ok_or_else(gone)?, now);
    output::json(&Shown { token: Some(secret.reveal()), ..shown })
}

async fn remove(storage: &Storage, name: String, now: UnixTime) -> Result<(), Failure> {
    let remove = move |conn: &mut _| initial_access::remove(conn, &name, now);
    if !storage.write(remove).await? {
        return Err(Failure::Failed("there is no token of this name".to_owned()));
    }
    output::line("nobody can register with it any more")
}

async fn list(storage: &Storage, json: bool, now: UnixTime) -> Result<(), Failure> {
    let all = storage.read(registration_tokens::list).await?;
    let all: Vec<_> = all.into_iter().map(|row| Shown::new(row, now)).collect();
    if json {
        return output::json(&all);
    }
    let row = |token: &Shown| {
        let time =
            |at: Option<UnixTime>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        let left = token.uses_left.map_or_else(|| "any".to_owned(), |left| left.to_string());
        let state = if token.works { "works" } else { "used up" };
        let (expires, used) = (time(token.expires_at), time(token.last_used_at));
        [token.name.clone(), left, expires, used, state.to_owned()]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    output::table(["NAME", "USES LEFT", "EXPIRES", "LAST USED", "STATE"], &rows)
}
