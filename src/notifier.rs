//! Tells the operator what happens: by webhook, ntfy and mail.
//!
//! The record of decisions (`events`) is the outbox: an event is committed together with what it
//! says, by whichever process. Each channel follows the record from a cursor of its own in the
//! database, so that no request waits for a receiver, a crash loses nothing, and a channel that is
//! down holds nobody else back. What is told may be told twice, after a crash between the telling
//! and the note of it: the id says so.

mod backoff;
mod channel;
mod delivery;
mod lines;
mod low_disk;
mod mail;
mod message;
mod ntfy;
mod tail;
mod told;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::warn;

use crate::app::App;
use crate::storage::{DbConnection, StorageError, events, notification_channels};

pub use channel::{Channel, Problem, channels};
pub use message::Message;
pub use webhook::signature;

/// At a stop: how long telling may go on. What is not told by then is told after the next start.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// At a stop: how long until nobody waits for it any more.
const LONGEST_STOP: Duration = Duration::from_secs(10);

/// What tells, beside the service.
pub struct Notifier {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// Begins to tell. A channel that is new begins at the newest event.
pub async fn start(app: &Arc<App>, channels: Vec<Channel>) -> Notifier {
    let names: Vec<&'static str> = channels.iter().map(Channel::name).collect();
    let begin = move |conn: &mut DbConnection| {
        notification_channels::forget_others(conn, &names)?;
        let newest = events::newest(conn)?;
        names.iter().try_for_each(|name| notification_channels::begin(conn, name, newest))
    };
    if let Err(error) = app.storage.write::<(), StorageError>(begin).await {
        warn!(%error, "the channels to tell by begin later");
    }
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    for channel in channels {
        tasks.spawn(tail::Tail::new(app.clone(), channel, stopped.clone()).run());
    }
    let app = app.clone();
    tasks.spawn(async move { low_disk::watch(&app, stopped).await });
    Notifier { stop, tasks }
}

impl Notifier {
    /// Nothing new is begun from now on.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Returns when nothing is being told any more.
    pub async fn stopped(mut self) {
        self.stop();
        let joined = async { while self.tasks.join_next().await.is_some() {} };
        // Whatever is left is aborted when the set is dropped.
        let _bounded = tokio::time::timeout(LONGEST_STOP, joined).await;
    }
}
