//! `issuer`: the public URL, to which clients are bound, and how it is changed.

mod report;

use clap::Subcommand;
use serde_json::json;

use super::{Failure, open, output};
use crate::clock::{Clock, Seconds, UnixTime};
use crate::config::Config;
use crate::moving::issuer::{self, Move};
use crate::oauth::Issuer;
use crate::storage::{Missing, Storage, StorageError, issuers};

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Move to another URL: without --yes, only say whom it concerns, and what is to be done
    ///
    /// The former URL goes on for a while: its metadata, its endpoints, its `iss`. It has to lead to
    /// the service for as long.
    Move {
        /// What `MCP_OAUTH_ISSUER` is to be
        to: Issuer,
        /// For how long the former one is answered for
        #[arg(long, default_value = "90d", conflicts_with = "until")]
        keep: Seconds,
        /// Until when, like 2027-03-01T00:00:00Z
        #[arg(long, value_parser = time)]
        until: Option<UnixTime>,
        /// Do it; it holds from the next start of the service
        #[arg(long)]
        yes: bool,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// The present one and the former ones, and until when those are answered for
    List {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Answer for a former one no more, from the next start of the service
    Forget {
        /// As `issuer list` has it
        issuer: Issuer,
    },
}

/// Runs it.
///
/// # Errors
/// What is no former issuer, the database's.
pub async fn run(command: Command, config: &Config) -> Result<(), Failure> {
    let storage = open(config, Missing::Refuse)?;
    let now = Clock::System.now();
    let done = match command {
        Command::Move { to, keep, until, yes, json } => {
            let until = until.unwrap_or(now + keep);
            relocate(&storage, config, (&to, until), now, Shown { done: yes, json }).await
        }
        Command::List { json } => list(&storage, config, now, json).await,
        Command::Forget { issuer } => forget(&storage, issuer, now).await,
    };
    storage.close().await;
    done
}

/// How a move is told.
struct Shown {
    /// It is made.
    done: bool,
    json: bool,
}

async fn relocate(
    storage: &Storage,
    config: &Config,
    (to, until): (&Issuer, UnixTime),
    now: UnixTime,
    shown: Shown,
) -> Result<(), Failure> {
    let plan = |conn: &mut _| Move::plan(conn, &config.issuer, to, until);
    let Some(planned) = storage.read::<_, StorageError>(plan).await? else {
        output::hint(&format!("clients are bound to {to} already: there is nothing to do"));
        return Ok(());
    };
    if shown.done && storage.read::<_, StorageError>(|conn| planned.is_guessed(conn)).await? {
        return Err(Failure::Failed(
            "it is not on record to which URL clients are bound: start the service once, or set \
             MCP_OAUTH_ISSUER as it has it"
                .to_owned(),
        ));
    }
    let concerned = storage.read(|conn| planned.concerned(conn, config, now)).await?;
    if shown.done {
        let making = planned.clone();
        storage.write::<_, StorageError>(move |conn| making.record(conn, now)).await?;
    }
    if shown.json {
        let is_kept = planned.can_be_kept();
        return output::json(&json!({
            "move": planned, "former_is_kept": is_kept, "done": shown.done, "concerned": concerned,
        }));
    }
    report::show(&planned, &concerned, config, shown.done)
}

async fn list(
    storage: &Storage,
    config: &Config,
    now: UnixTime,
    json: bool,
) -> Result<(), Failure> {
    let known = storage.read(|conn| Ok((issuers::present(conn)?, issuers::former(conn)?))).await;
    let (present, former) = known.map_err(|error: StorageError| Failure::from(error))?;
    let present = present.unwrap_or_else(|| config.issuer.clone());
    if json {
        return output::json(&json!({ "present": present, "former": former }));
    }
    let row = |former: issuers::Former| {
        let until = if former.until > now { "answered for until" } else { "ended" };
        [former.issuer.to_string(), format!("{until} {}", former.until), former.since.to_string()]
    };
    let mut rows = vec![[present.to_string(), "present".to_owned(), String::new()]];
    rows.extend(former.into_iter().map(row));
    output::table(["ISSUER", "STATE", "LEFT"], &rows)
}

async fn forget(storage: &Storage, issuer: Issuer, now: UnixTime) -> Result<(), Failure> {
    let named = issuer.clone();
    let forget = move |conn: &mut _| issuer::forget(conn, &issuer, now);
    if !storage.write::<_, StorageError>(forget).await? {
        return Err(Failure::Failed(format!("{named} is no former issuer")));
    }
    output::line(&format!("{named} is answered for no more from the next start of the service on"))
}

fn time(text: &str) -> Result<UnixTime, &'static str> {
    text.parse().map_err(|()| "is not a time like 2027-03-01T00:00:00Z")
}
