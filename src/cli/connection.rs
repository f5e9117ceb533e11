//! `connection`: how each attempt to connect went, and why it did not succeed.

use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use super::{Failure, open, output};
use crate::attempts::{State, Step, Told};
use crate::clock::{Clock, UnixTime};
use crate::config::Config;
use crate::oauth::{ClientId, GrantId, ResourceUri, UserId};
use crate::storage::attempts;
use crate::storage::{Missing, Storage, StorageError};

/// Rows that are read at once.
const PAGE: i64 = 100;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The newest first, each with its cause
    List {
        /// Of this client only
        #[arg(long)]
        client: Option<ClientId>,
        /// Only those that stand so
        #[arg(long)]
        state: Option<StateName>,
        /// The most of them
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// One, step by step, and what mends it
    Show {
        /// Which: its number in the first column of `list`
        #[arg(value_parser = id)]
        id: i64,
        /// For programs
        #[arg(long)]
        json: bool,
    },
}

/// A [`State`], as an argument.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum StateName {
    /// At work
    Connected,
    /// Goes no further by itself
    Failed,
    /// Something has yet to happen
    Unfinished,
    /// Ended by somebody
    Ended,
}

impl From<StateName> for State {
    fn from(name: StateName) -> Self {
        match name {
            StateName::Connected => Self::Connected,
            StateName::Failed => Self::Failed,
            StateName::Unfinished => Self::Unfinished,
            StateName::Ended => Self::Ended,
        }
    }
}

#[derive(Serialize)]
struct Shown {
    id: String,
    started_at: UnixTime,
    last_at: UnixTime,
    state: State,
    cause: String,
    mend: Option<&'static str>,
    how_far: &'static str,
    app: Option<String>,
    client_id: Option<ClientId>,
    network: String,
    user_agent: String,
    username: Option<String>,
    sub: Option<UserId>,
    resource: Option<ResourceUri>,
    grant_id: Option<GrantId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    at: UnixTime,
    step: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<String>,
}

/// Runs it.
///
/// # Errors
/// An id that is not there, the database's.
pub async fn run(command: Command, config: &Config) -> Result<(), Failure> {
    let storage = open(config, Missing::Refuse)?;
    let done = match command {
        Command::List { client, state, limit, json } => {
            list(&storage, client.as_ref(), (state, limit), json).await
        }
        Command::Show { id, json } => show(&storage, id, json).await,
    };
    storage.close().await;
    done
}

async fn list(
    storage: &Storage,
    client: Option<&ClientId>,
    (state, limit): (Option<StateName>, usize),
    json: bool,
) -> Result<(), Failure> {
    let (now, wanted) = (Clock::System.now(), state.map(State::from));
    let (mut shown, mut before): (Vec<Shown>, i64) = (vec![], i64::MAX);
    while shown.len() < limit {
        let page = storage.read(|conn| {
            let page = attempts::list(conn, client, before, PAGE)?;
            page.into_iter().map(|one| Told::of(conn, one, now)).collect::<Result<Vec<_>, _>>()
        });
        let page = page.await.map_err(|error: StorageError| Failure::from(error))?;
        let Some(last) = page.last() else { break };
        before = last.attempt.id;
        let fits = |told: &Told| wanted.is_none_or(|state| told.diagnosis.state == state);
        shown.extend(page.into_iter().filter(fits).map(|told| describe(told, false)));
    }
    shown.truncate(limit);
    if json {
        return output::json(&shown);
    }
    let row = |shown: &Shown| {
        [
            shown.id.clone(),
            shown.last_at.to_string(),
            word(shown.state).to_owned(),
            shown.app.clone().unwrap_or_else(|| "-".to_owned()),
            shown.network.clone(),
            shown.how_far.to_owned(),
            shown.cause.clone(),
        ]
    };
    let head = ["ID", "LAST STEP", "STATE", "APP", "FROM", "HOW FAR", "CAUSE"];
    output::table(head, &shown.iter().map(row).collect::<Vec<_>>())
}

async fn show(storage: &Storage, id: i64, json: bool) -> Result<(), Failure> {
    let now = Clock::System.now();
    let told = storage.read(|conn| {
        let attempt = attempts::find(conn, id)?;
        attempt.map(|attempt| Told::of(conn, attempt, now)).transpose()
    });
    let told = told.await.map_err(|error: StorageError| Failure::from(error))?;
    let nothing = || {
        let why = "there is no such attempt, or it is not kept any more: see `connection list`";
        Failure::Failed(why.to_owned())
    };
    let shown = describe(told.ok_or_else(nothing)?, true);
    if json {
        return output::json(&shown);
    }
    let text = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let facts = [
        ["app".to_owned(), text(shown.app)],
        ["client_id".to_owned(), text(shown.client_id.map(String::from))],
        ["from".to_owned(), shown.network],
        ["user agent".to_owned(), shown.user_agent],
        ["person".to_owned(), text(shown.username.or(shown.sub.map(String::from)))],
        ["MCP server".to_owned(), text(shown.resource.map(|uri| uri.to_string()))],
        ["state".to_owned(), word(shown.state).to_owned()],
        ["cause".to_owned(), shown.cause],
        ["mend".to_owned(), shown.mend.unwrap_or("-").to_owned()],
    ];
    output::table(["ATTEMPT".to_owned(), shown.id].each_ref().map(String::as_str), &facts)?;
    output::line("")?;
    let step = |line: &Line| {
        let times = line.times.map_or_else(String::new, |times| format!("{times}x"));
        let more = [line.about.clone(), line.why.clone()].into_iter().flatten();
        let more = more.collect::<Vec<_>>().join("; ");
        [line.at.to_string(), line.step.to_owned(), times, more]
    };
    let steps: Vec<_> = shown.steps.iter().map(step).collect();
    output::table(["AT", "STEP", "", ""], &steps)
}

fn describe(told: Told, with_steps: bool) -> Shown {
    let line = |step: Step<'_>| Line {
        at: step.at,
        step: step.words,
        times: (step.times > 1).then_some(step.times),
        why: step.why.map(str::to_owned),
        about: step.about.map(str::to_owned),
    };
    let steps = if with_steps { told.steps().into_iter().map(line).collect() } else { vec![] };
    Shown {
        id: told.attempt.id.to_string(),
        started_at: told.attempt.started_at,
        last_at: told.attempt.last_at,
        state: told.diagnosis.state,
        cause: told.diagnosis.cause.to_string(),
        mend: told.diagnosis.mend,
        how_far: told.how_far(),
        app: told.called(),
        client_id: told.attempt.client_id,
        network: told.attempt.network,
        user_agent: told.attempt.agent,
        username: told.username,
        sub: told.attempt.user_id,
        resource: told.attempt.resource,
        grant_id: told.attempt.grant_id,
        steps,
    }
}

fn id(text: &str) -> Result<i64, &'static str> {
    text.parse().map_err(|_| "an attempt has a number: see the first column of `connection list`")
}

fn word(state: State) -> &'static str {
    match state {
        State::Connected => "connected",
        State::Failed => "failed",
        State::Unfinished => "unfinished",
        State::Ended => "ended",
    }
}
