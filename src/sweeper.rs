//! Deletes what is past its time, in bounded batches, so that no write waits for long. Nothing, while the
//! machine's clock has jumped forwards and may jump back: what is deleted would stay deleted.
//!
//! | what | is kept |
//! |---|---|
//! | codes | a day after they expire, to know a replay |
//! | access tokens | a day after they expire |
//! | refresh tokens | a day after they expire unused; used ones for another lifetime, to know a replay |
//! | grants | a day after the last token that can point at them |
//! | pending authorization requests, sessions, links for people | until they expire |
//! | registrations and described clients that nobody has used, and the record of them | `MCP_OAUTH_UNUSED_CLIENT_LIFETIME` |
//! | events | `MCP_OAUTH_EVENT_LIFETIME` |
//! | how attempts to connect went | `MCP_OAUTH_ATTEMPT_LIFETIME` after their last step |
//! | from where somebody has signed in | half a year after the last time |

use std::time::Duration;

use tracing::{debug, warn};

use crate::app::App;
use crate::clock::{Seconds, UnixTime};
use crate::config::Lifetimes;
use crate::oauth::GrantId;
use crate::revocation::ending;
use crate::storage::{
    DbConnection, Storage, StorageError, access_tokens, attempts, authorization_requests,
    client_documents, clients, codes, events, grants, one_time_links, refresh_tokens, sessions,
    sign_in_places, sign_ins,
};

/// The most rows of one transaction.
const BATCH: i64 = 500;
/// How often.
const PERIOD: Duration = Duration::from_mins(10);
/// For how long a dead row may still explain something.
const DAY: Seconds = Seconds(86_400);
/// Whoever comes back after that comes from a new place.
const HALF_A_YEAR: Seconds = Seconds(180 * 86_400);

/// One batch: deletes rows of one kind behind `cursor`, which starts at the smallest number.
type Broom = fn(&mut DbConnection, &Lifetimes, UnixTime, i64) -> Result<Swept, StorageError>;

/// What a batch has done.
struct Swept {
    rows: usize,
    /// Where the next batch begins; none: this kind is clean.
    next: Option<i64>,
}

impl Swept {
    /// Of a kind whose dead rows are found without looking at the living.
    fn all(rows: usize) -> Self {
        Self { rows, next: (rows > 0).then_some(i64::MIN) }
    }
}

/// The edges: no row that was drawn later can be past its time, and is not looked at.
const BROOMS: [Broom; 13] = [
    |conn, _, now, _| authorization_requests::delete_expired(conn, now, BATCH).map(Swept::all),
    |conn, _, now, _| sessions::delete_expired(conn, now, BATCH).map(Swept::all),
    |conn, _, now, _| sign_ins::delete_expired(conn, now, BATCH).map(Swept::all),
    |conn, _, now, _| one_time_links::delete_expired(conn, now, BATCH).map(Swept::all),
    |conn, lifetimes, now, _| {
        let (edge, before) = (now - lifetimes.code - DAY, now - DAY);
        codes::delete_expired(conn, edge, before, BATCH).map(Swept::all)
    },
    |conn, lifetimes, now, _| {
        let (edge, before) = (now - lifetimes.access_token - DAY, now - DAY);
        access_tokens::delete_expired(conn, edge, before, BATCH).map(Swept::all)
    },
    |conn, lifetimes, now, _| {
        let edge = now - lifetimes.refresh_token;
        refresh_tokens::delete_expired(conn, edge, now - DAY, BATCH).map(Swept::all)
    },
    |conn, _, now, cursor| {
        let (rows, next) = grants::delete_dead(conn, GrantId(cursor), now - DAY, BATCH)?;
        Ok(Swept { rows, next: next.map(|id| id.0) })
    },
    |conn, lifetimes, now, _| {
        clients::delete_unused(conn, now - lifetimes.unused_client, BATCH).map(Swept::all)
    },
    |conn, lifetimes, now, _| {
        let before = now - lifetimes.unused_client;
        client_documents::delete_unused(conn, before, BATCH).map(Swept::all)
    },
    |conn, lifetimes, now, _| {
        events::delete_old(conn, now - lifetimes.event, BATCH).map(Swept::all)
    },
    |conn, lifetimes, now, _| {
        attempts::delete_old(conn, now - lifetimes.attempt, BATCH).map(Swept::all)
    },
    |conn, _, now, _| sign_in_places::delete_unseen(conn, now - HALF_A_YEAR, BATCH).map(Swept::all),
];

/// Sweeps at once, and then every ten minutes, for as long as it is polled.
pub async fn run(app: &App) {
    loop {
        if app.clock.has_jumped() {
            debug!("nothing is swept: the clock may jump back");
            tokio::time::sleep(PERIOD).await;
            continue;
        }
        match sweep(&app.storage, &app.config.lifetimes, app.clock.now()).await {
            Ok(rows) => {
                app.metrics.swept.inc_by(rows);
                debug!(rows, "swept");
            }
            Err(error) => warn!(%error, "the sweeper gave up for now"),
        }
        tokio::time::sleep(PERIOD).await;
    }
}

/// Deletes all that is past its time, and settles what has been ended; how many rows that were.
///
/// # Errors
/// The database's. What was deleted before stays deleted.
pub async fn sweep(
    storage: &Storage,
    lifetimes: &Lifetimes,
    now: UnixTime,
) -> Result<u64, StorageError> {
    // What somebody has ended, and was killed before every row said so.
    let mut total = ending::settle(storage, now).await? as u64;
    for broom in BROOMS {
        let mut cursor = Some(i64::MIN);
        while let Some(at) = cursor {
            let lifetimes = lifetimes.clone();
            let swept = storage.write(move |conn| broom(conn, &lifetimes, now, at)).await?;
            total += swept.rows as u64;
            cursor = swept.next;
            // Whoever waits in the queue goes first.
            tokio::task::yield_now().await;
        }
    }
    Ok(total)
}
