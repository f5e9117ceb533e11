//! Which attempt a step belongs to.
//!
//! | what is known | the attempt |
//! |---|---|
//! | a pending request, the whole of a code or refresh token | the one that came to it |
//! | a client, in a browser | the newest of the client that no browser has come for, or the nameless one of the network |
//! | a client, as it registers | the nameless one of the same program in the same network |
//! | a client that asks for tokens | its newest from the same place |
//! | nothing, or that it is `doctor` | the newest of the same program in the same network |
//!
//! Without a row's key only what was seen lately counts, and only from the place where that story is,
//! but for the browser of a client that has just registered: nobody writes into somebody else's.

use super::collector::Counted;
use super::sighting::{DOCTOR, Subject};
use crate::clock::Seconds;
use crate::oauth::TokenId;
use crate::storage::attempts::{self, Attempt, Entry, Key, Stage, Story};
use crate::storage::codes::Code;
use crate::storage::refresh_tokens::RefreshToken;
use crate::storage::{
    DbConnection, StorageError, authorization_requests, codes, grants, refresh_tokens,
};

/// For how long the next step belongs to the same attempt, if nothing but its place says so.
const WINDOW: Seconds = Seconds(600);
/// How long a person may take between a client's registration and the browser.
const PATIENCE: Seconds = Seconds(3600);
/// Whoever only looks, and looks again, is one story for so long.
const DAY: Seconds = Seconds(86_400);
/// One network may have this part of the room that there is for strangers.
const SHARE: i64 = 8;
/// The most rows that make room in one transaction.
const MOST_DELETED: i64 = 500;

/// Puts each to its story, or begins one; then the oldest make room, until there are no more than
/// `limit`: strangers for strangers, and within one network's share its own.
///
/// # Errors
/// The database's.
pub fn record(conn: &mut DbConnection, seen: &[Counted], limit: i64) -> Result<(), StorageError> {
    for counted in seen {
        record_one(conn, counted, limit)?;
    }
    for known in [false, true] {
        let excess = attempts::count(conn, known)? - limit / 2;
        if excess > 0 {
            attempts::delete_oldest(conn, known, excess.min(MOST_DELETED))?;
        }
    }
    Ok(())
}

fn record_one(conn: &mut DbConnection, counted: &Counted, limit: i64) -> Result<(), StorageError> {
    let proven = proven(conn, &counted.sighting.subject)?;
    let found = attempt_of(conn, counted, &proven)?;
    let is_new = found.is_none();
    let mut attempt = match found {
        Some(attempt) => attempt,
        None => begin(conn, counted)?,
    };
    learn(conn, &mut attempt, counted, proven)?;
    attempt.last_at = attempt.last_at.max(counted.last);
    attempt.known |= counted.sighting.stage.has_person();
    attempt.story.push(entry(counted));
    if !is_new {
        return attempts::update(conn, &attempt);
    }
    if !attempt.known {
        let share = (limit / 2 / SHARE).max(1);
        let excess = attempts::count_of_network(conn, &attempt.network)? + 1 - share;
        if excess > 0 {
            let excess = excess.min(MOST_DELETED);
            attempts::delete_oldest_of_network(conn, &attempt.network, excess)?;
        }
    }
    attempts::insert(conn, &attempt)
}

/// A new one. What its program has looked at just before is its beginning, although that was taken
/// for a part of the attempt before it.
fn begin(conn: &mut DbConnection, counted: &Counted) -> Result<Attempt, StorageError> {
    let origin = &counted.sighting.origin;
    let mut begun = Attempt {
        id: 0,
        started_at: counted.first,
        last_at: counted.last,
        network: origin.network.clone(),
        agent: origin.agent.clone(),
        client_id: None,
        user_id: None,
        resource: None,
        known: false,
        request_id: None,
        code_id: None,
        grant_id: None,
        refresh_id: None,
        story: Story::default(),
    };
    if counted.sighting.stage != Stage::Registered {
        return Ok(begun);
    }
    let before = attempts::newest(conn, Key::Place(&origin.network, &origin.agent))?;
    let Some(mut before) = before.filter(|before| counted.first - before.last_at < WINDOW) else {
        return Ok(begun);
    };
    let looked = before.story.split_discovery();
    if let Some(first) = looked.steps().first() {
        begun.started_at = first.at;
        begun.story = looked;
        attempts::update(conn, &before)?;
    }
    Ok(begun)
}

/// The rows of what was presented: who has guessed no more than the key of one has proven nothing.
struct Proven {
    code: Option<Code>,
    refresh: Option<RefreshToken>,
}

fn proven(conn: &mut DbConnection, subject: &Subject) -> Result<Proven, StorageError> {
    let code = match &subject.code {
        Some(token) => codes::find(conn, token.id)?.filter(|row| row.hash == token.hash),
        None => None,
    };
    let refresh = match &subject.refresh {
        Some(token) => refresh_tokens::find(conn, token.id)?.filter(|row| row.hash == token.hash),
        None => None,
    };
    Ok(Proven { code, refresh })
}

/// What other tables say about the step, as long as they say it.
fn learn(
    conn: &mut DbConnection,
    attempt: &mut Attempt,
    counted: &Counted,
    proven: Proven,
) -> Result<(), StorageError> {
    let Subject { client_id, request, person, issued, .. } = &counted.sighting.subject;
    if attempt.client_id.is_none() {
        attempt.client_id.clone_from(client_id);
    }
    if let Some(id) = request {
        attempt.request_id = Some(*id);
        if let Some(pending) = authorization_requests::find(conn, *id)? {
            attempt.client_id.get_or_insert(pending.asked.client_id);
            attempt.resource = Some(pending.asked.resource);
            attempt.code_id = pending.code_id.or(attempt.code_id);
        }
    }
    if let Some(person) = person {
        attempt.user_id = Some(person.clone());
    }
    let code = match attempt.code_id {
        Some(id) => codes::find(conn, id)?,
        None => proven.code.filter(|_| counted.sighting.stage == Stage::TokenIssued),
    };
    if let Some(code) = code {
        attempt.code_id = Some(code.id);
        attempt.user_id = Some(code.user_id);
        attempt.resource = Some(code.resource);
        attempt.grant_id = code.grant_id;
    }
    match counted.sighting.stage {
        Stage::TokenIssued => attempt.refresh_id = issued.or(attempt.refresh_id),
        Stage::RefreshRefused if attempt.grant_id.is_none() => {
            learn_of_refresh(conn, attempt, proven.refresh)?;
        }
        _ => {}
    }
    Ok(())
}

/// A login whose beginning nobody has seen, or remembers.
fn learn_of_refresh(
    conn: &mut DbConnection,
    attempt: &mut Attempt,
    refresh: Option<RefreshToken>,
) -> Result<(), StorageError> {
    let Some(row) = refresh else { return Ok(()) };
    let Some(grant) = grants::find(conn, row.grant_id)? else { return Ok(()) };
    attempt.grant_id = Some(grant.id);
    attempt.refresh_id = Some(row.id);
    attempt.client_id = Some(grant.client_id);
    attempt.user_id = Some(grant.user_id);
    attempt.resource = Some(grant.resource);
    attempt.known = true;
    Ok(())
}

fn attempt_of(
    conn: &mut DbConnection,
    counted: &Counted,
    proven: &Proven,
) -> Result<Option<Attempt>, StorageError> {
    if let Some(found) = by_key(conn, counted.sighting.subject.request, proven)? {
        return Ok(Some(found));
    }
    match counted.sighting.stage {
        _ if counted.sighting.origin.agent == DOCTOR => of_place(conn, counted),
        Stage::Registered => registering(conn, counted),
        Stage::Asked | Stage::AskRefused | Stage::DocumentRefused => in_a_browser(conn, counted),
        _ => of_place(conn, counted),
    }
}

fn by_key(
    conn: &mut DbConnection,
    request: Option<TokenId>,
    proven: &Proven,
) -> Result<Option<Attempt>, StorageError> {
    if let Some(id) = request
        && let Some(found) = attempts::newest(conn, Key::Request(id))?
    {
        return Ok(Some(found));
    }
    match proven {
        Proven { code: Some(code), .. } => attempts::newest(conn, Key::Code(code.id)),
        Proven { refresh: Some(row), .. } => attempts::newest(conn, Key::Grant(row.grant_id)),
        _ => Ok(None),
    }
}

/// What looked around before has a name now. A client that registers again, and is given the same
/// name, goes on.
fn registering(
    conn: &mut DbConnection,
    counted: &Counted,
) -> Result<Option<Attempt>, StorageError> {
    let same = |found: &Attempt| {
        found.request_id.is_none()
            && (found.client_id.is_none() || found.client_id == counted.sighting.subject.client_id)
    };
    Ok(here(conn, counted)?.filter(|found| is_recent(found, counted, WINDOW) && same(found)))
}

/// The browser may be in another network than the client. Whoever asks again before anybody has
/// answered is still at it.
fn in_a_browser(
    conn: &mut DbConnection,
    counted: &Counted,
) -> Result<Option<Attempt>, StorageError> {
    let subject = &counted.sighting.subject;
    let mut client = subject.client_id.clone();
    if let Some(id) = subject.request {
        client = authorization_requests::find(conn, id)?.map(|pending| pending.asked.client_id);
    }
    if let Some(id) = client
        && let Some(found) = attempts::newest(conn, Key::Client(&id))?
    {
        let waits = found.request_id.is_none() && is_recent(&found, counted, PATIENCE);
        let again = found.code_id.is_none() && is_recent(&found, counted, WINDOW);
        if waits || again && came_from(&found, counted) {
            return Ok(Some(found));
        }
    }
    let nameless = Key::Nameless(&counted.sighting.origin.network, DOCTOR);
    let nameless = attempts::newest(conn, nameless)?;
    Ok(nameless.filter(|found| is_recent(found, counted, WINDOW)))
}

/// Nothing but the place tells. With a name, only a story of that name.
fn of_place(conn: &mut DbConnection, counted: &Counted) -> Result<Option<Attempt>, StorageError> {
    let Some(found) = here(conn, counted)? else { return Ok(None) };
    let only_looked = found.client_id.is_none()
        && found.story.steps().iter().all(|step| step.stage.is_discovery());
    let looks = counted.sighting.stage.is_discovery();
    let window = if only_looked && looks { DAY } else { WINDOW };
    let named = counted.sighting.subject.client_id.as_ref();
    let same = named.is_none_or(|id| found.client_id.as_ref().is_none_or(|known| known == id));
    Ok(Some(found).filter(|found| same && is_recent(found, counted, window)))
}

fn here(conn: &mut DbConnection, counted: &Counted) -> Result<Option<Attempt>, StorageError> {
    let origin = &counted.sighting.origin;
    attempts::newest(conn, Key::Place(&origin.network, &origin.agent))
}

/// Whether it is the network from which a browser came before.
fn came_from(found: &Attempt, counted: &Counted) -> bool {
    found.network == counted.sighting.origin.network
}

fn is_recent(found: &Attempt, counted: &Counted, window: Seconds) -> bool {
    counted.first - found.last_at < window
}

fn entry(counted: &Counted) -> Entry {
    let sighting = &counted.sighting;
    Entry {
        stage: sighting.stage,
        at: counted.first,
        last_at: counted.last,
        times: counted.times,
        why: sighting.why.clone(),
        about: sighting.about.clone(),
    }
}
