//! Looks whether the disk of the database fills up, and records when it does: once for each time.

use std::time::Duration;

use tokio::sync::watch;
use tracing::{info, warn};

use crate::app::App;
use crate::storage::events::{Event, Subject, record};
use crate::storage::{DbConnection, StorageError, events};

/// How often.
const PERIOD: Duration = Duration::from_mins(1);
/// How far back in the record the last word about the disk is looked for.
const NEWEST: i64 = 20_000;

/// Looks until it is stopped.
pub(super) async fn watch(app: &App, mut stop: watch::Receiver<bool>) {
    let limit = app.config.notify.low_disk;
    if limit == 0 {
        return;
    }
    // What the record says, before anybody has looked.
    let mut was_low = None;
    loop {
        if let Some(free) = app.storage.free_space() {
            match look(app, free, limit, was_low).await {
                Ok(is_low) => was_low = Some(is_low),
                Err(error) => warn!(%error, free, "that the disk fills up could not be recorded"),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Whether the disk is low now. Writes only when that has changed.
async fn look(
    app: &App,
    free: u64,
    limit: u64,
    was_low: Option<bool>,
) -> Result<bool, StorageError> {
    let was_low = match was_low {
        Some(known) => known,
        None => app.storage.read(was_low_at_last).await?,
    };
    let is_low = crossed(free, limit, was_low);
    if is_low == was_low {
        return Ok(is_low);
    }
    if is_low {
        warn!(free, limit, "the disk of the database is nearly full");
    } else {
        info!(free, limit, "the disk of the database has room again");
    }
    let now = app.clock.now();
    let note = move |conn: &mut DbConnection| {
        // Another process may have been first.
        if was_low_at_last(conn)? == is_low {
            return Ok(());
        }
        let kind = if is_low { Event::DiskLow } else { Event::DiskEnough };
        let subject = Subject { detail: Some(free.to_string()), ..Subject::default() };
        record(conn, kind, subject, now)
    };
    app.storage.write::<(), StorageError>(note).await?;
    Ok(is_low)
}

/// A quarter more than the limit is enough again: around the limit nothing flaps.
fn crossed(free: u64, limit: u64, was_low: bool) -> bool {
    if was_low { free < limit.saturating_add(limit / 4) } else { free < limit }
}

fn was_low_at_last(conn: &mut DbConnection) -> Result<bool, StorageError> {
    let newest = events::newest(conn)?;
    let words = [Event::DiskLow, Event::DiskEnough];
    let last = events::last_of(conn, newest.saturating_sub(NEWEST), &words)?;
    Ok(last == Some(Event::DiskLow))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn around_the_limit_nothing_flaps() {
        for (free, was_low, is_low) in [
            (100, false, false),
            (99, false, true),
            (100, true, true),
            (124, true, true),
            (125, true, false),
            (124, false, false),
        ] {
            assert_eq!(crossed(free, 100, was_low), is_low, "{free} {was_low}");
        }
    }
}
