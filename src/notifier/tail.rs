//! One channel follows the record of decisions.
//!
//! ```text
//! look ──> nothing: sleep
//!     └──> an event: claim it ──> send ──> taken: move on
//!              │ somebody else was first    ├──> not taken: later, or give up
//!              └──> sleep                   └──> stopped: give the claim back
//! ```

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{error, info, warn};

use super::backoff::{self, DAY};
use super::channel::{Channel, Problem};
use super::message::Message;
use super::{LAST_WORDS, told};
use crate::app::App;
use crate::clock::{Seconds, UnixTime};
use crate::metrics::Notification;
use crate::storage::notification_channels::{self, Cursor};
use crate::storage::{DbConnection, Event, StorageError, events};

/// How often an idle channel looks: two look-ups by key.
const POLL: Duration = Duration::from_secs(1);
/// How long to leave a database alone that does not answer.
const TROUBLE: Duration = Duration::from_secs(10);
/// Whoever has claimed an event for so long has died, or is as good as dead.
const LEASE: Seconds = Seconds(60);
/// The most events that are looked at together.
const PAGE: i64 = 100;
/// After so many events that are not told, the cursor follows, so that the next start need not look
/// at them again.
const STRIDE: i64 = 1000;

/// One channel, and how far it is.
pub(super) struct Tail {
    app: Arc<App>,
    channel: Channel,
    events: Vec<Event>,
    stop: watch::Receiver<bool>,
    /// Nothing behind the cursor and up to here is told.
    seen: i64,
}

/// An event that is next, and due.
struct Due {
    cursor: Cursor,
    id: i64,
    at: UnixTime,
    message: Message,
}

/// What a look has found.
enum Found {
    /// The channel has no cursor.
    NoCursor,
    /// Nothing to tell now, and none of the events up to this one is to be told.
    Nothing(Option<Cursor>, i64),
    /// Something.
    Due(Box<Due>),
}

/// What became of an attempt.
enum Outcome {
    Taken,
    Refused(Problem),
    Stopped,
}

impl Tail {
    pub(super) fn new(app: Arc<App>, channel: Channel, stop: watch::Receiver<bool>) -> Self {
        Self { app, channel, events: told::events(), stop, seen: 0 }
    }

    /// Tells until it is stopped.
    pub(super) async fn run(mut self) {
        let mut is_troubled = false;
        while !*self.stop.borrow() {
            let stepped = self.step().await;
            let pause = match &stepped {
                Ok(true) => Duration::ZERO,
                Ok(false) => POLL,
                Err(_) => TROUBLE,
            };
            if let Err(error) = &stepped
                && !is_troubled
            {
                warn!(channel = self.channel.name(), %error, "nothing can be told for now");
            }
            is_troubled = stepped.is_err();
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// Whether there may be more to do at once.
    async fn step(&mut self) -> Result<bool, StorageError> {
        match self.look().await? {
            Found::NoCursor => {
                let name = self.channel.name();
                let begin = move |conn: &mut DbConnection| {
                    let newest = events::newest(conn)?;
                    notification_channels::begin(conn, name, newest)
                };
                self.app.storage.write::<(), StorageError>(begin).await?;
                Ok(true)
            }
            Found::Nothing(cursor, seen) => {
                let moved = seen > self.seen;
                self.seen = seen;
                if let Some(cursor) = cursor.filter(|cursor| seen - cursor.event_id >= STRIDE) {
                    self.advance(cursor, (seen, 0, UnixTime(0))).await?;
                }
                Ok(moved)
            }
            Found::Due(due) => self.tell(*due).await,
        }
    }

    async fn look(&self) -> Result<Found, StorageError> {
        let (name, now) = (self.channel.name(), self.app.clock.now());
        let config = &self.app.config;
        let look = |conn: &mut DbConnection| {
            let Some(cursor) = notification_channels::find(conn, name)? else {
                return Ok(Found::NoCursor);
            };
            let seen = self.seen.max(cursor.event_id);
            let newest = events::newest(conn)?;
            if newest <= seen || !is_due(&cursor, now) {
                return Ok(Found::Nothing(None, seen));
            }
            let page = events::after(conn, seen, &self.events, PAGE)?;
            let topics = &config.notify.topics;
            for (id, recorded) in &page {
                let detail = recorded.subject.detail.as_deref();
                let told = recorded.kind.known().and_then(|kind| told::line(kind, detail, topics));
                if let Some(told) = told {
                    let message = Message::of(conn, (*id, recorded), told, &config.issuer)?;
                    let due = Due { cursor, id: *id, at: recorded.at, message };
                    return Ok(Found::Due(Box::new(due)));
                }
            }
            let full = i64::try_from(page.len()) == Ok(PAGE);
            let seen = page.last().filter(|_| full).map_or(newest, |(id, _)| *id);
            Ok(Found::Nothing(Some(cursor), seen))
        };
        self.app.storage.read::<Found, StorageError>(look).await
    }

    /// Whether it was ours to tell, and is settled.
    async fn tell(&mut self, due: Due) -> Result<bool, StorageError> {
        let Due { cursor, id, at, message } = due;
        let (event_id, attempts, now) =
            (cursor.event_id, cursor.attempts + 1, self.app.clock.now());
        let until = now + LEASE;
        if !self.advance(cursor.clone(), (event_id, attempts, until)).await? {
            return Ok(false);
        }
        let claimed = Cursor { attempts, next_attempt_at: until, ..cursor };
        let (name, kind) = (self.channel.name(), message.kind);
        let next = match self.attempt(&message).await {
            Outcome::Taken => {
                info!(channel = name, event.kind = kind, event.id = id, "told");
                self.count("told");
                (id, 0, UnixTime(0))
            }
            Outcome::Stopped => (event_id, attempts - 1, now),
            Outcome::Refused(problem) => {
                let now = self.app.clock.now();
                let pause = backoff::pause(attempts, problem.retry_after, rand::random::<f64>());
                let (why, retry_in) = (&problem.why, pause.0);
                if backoff::is_hopeless(attempts, at, now) {
                    error!(channel = name, event.kind = kind, event.id = id, why, "given up");
                    self.count("given_up");
                    (id, attempts, now + pause)
                } else {
                    warn!(
                        channel = name,
                        event.kind = kind,
                        event.id = id,
                        why,
                        retry_in,
                        "not told"
                    );
                    self.count("failed");
                    (event_id, attempts, now + pause)
                }
            }
        };
        self.advance(claimed, next).await
    }

    async fn attempt(&mut self, message: &Message) -> Outcome {
        let sent = self.channel.send(message, self.app.clock.now());
        let stopped = async {
            drop(self.stop.wait_for(|stop| *stop).await);
            tokio::time::sleep(LAST_WORDS).await;
        };
        tokio::select! {
            sent = sent => sent.map_or_else(Outcome::Refused, |_| Outcome::Taken),
            () = stopped => Outcome::Stopped,
        }
    }

    async fn advance(
        &self,
        from: Cursor,
        (event_id, attempts, next_attempt_at): (i64, i64, UnixTime),
    ) -> Result<bool, StorageError> {
        let advance = move |conn: &mut DbConnection| {
            notification_channels::advance(conn, &from, event_id, attempts, next_attempt_at)
        };
        self.app.storage.write(advance).await
    }

    fn count(&self, outcome: &'static str) {
        let labels = Notification { channel: self.channel.name(), outcome };
        self.app.metrics.notifications.get_or_create(&labels).inc();
    }
}

/// A moment that is further away than any pause is from before the clock was set back.
fn is_due(cursor: &Cursor, now: UnixTime) -> bool {
    cursor.next_attempt_at <= now || cursor.next_attempt_at - now > DAY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_back_stops_nothing() {
        let now = UnixTime(1_000_000);
        let due = |next_attempt_at| {
            is_due(
                &Cursor { channel: String::new(), event_id: 0, attempts: 1, next_attempt_at },
                now,
            )
        };
        assert!(due(now) && !due(now + Seconds(1)) && !due(now + DAY));
        assert!(due(now + DAY + Seconds(1)));
    }
}
