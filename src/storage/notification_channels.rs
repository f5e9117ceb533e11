//! `notification_channels`: how far the record of decisions has been told to each channel.
//!
//! Every step is a compare-and-set on the row as it was read: of two processes that want to tell
//! the same event, one may.

use diesel::prelude::*;

use super::schema::notification_channels;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;

/// How far a channel is.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = notification_channels, treat_none_as_default_value = false)]
pub struct Cursor {
    /// Its name.
    pub channel: String,
    /// The last event that was told, or given up.
    pub event_id: i64,
    /// How often the next one was tried.
    pub attempts: i64,
    /// When it may be tried; while somebody tries it, when he is no longer waited for.
    pub next_attempt_at: UnixTime,
}

/// The cursor of a channel; none: it was never switched on.
pub fn find(conn: &mut DbConnection, channel: &str) -> Result<Option<Cursor>, StorageError> {
    let found = notification_channels::table.find(channel).select(Cursor::as_select());
    Ok(found.get_result(conn).optional()?)
}

/// Starts a channel behind `event_id`. Nothing happens if somebody else was first.
pub fn begin(conn: &mut DbConnection, channel: &str, event_id: i64) -> Result<(), StorageError> {
    if find(conn, channel)?.is_none() {
        let channel = channel.to_owned();
        let row = Cursor { channel, event_id, attempts: 0, next_attempt_at: UnixTime(0) };
        diesel::insert_into(notification_channels::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// Forgets the channels that are not among `kept`: switched on again, they begin anew.
pub fn forget_others(conn: &mut DbConnection, kept: &[&str]) -> Result<(), StorageError> {
    let others =
        notification_channels::table.filter(notification_channels::channel.ne_all(kept.to_vec()));
    diesel::delete(others).execute(conn)?;
    Ok(())
}

/// Moves a cursor on. False if somebody else has moved it since it was read.
pub fn advance(
    conn: &mut DbConnection,
    from: &Cursor,
    event_id: i64,
    attempts: i64,
    next_attempt_at: UnixTime,
) -> Result<bool, StorageError> {
    let unmoved = notification_channels::table
        .find(&from.channel)
        .filter(notification_channels::event_id.eq(from.event_id))
        .filter(notification_channels::attempts.eq(from.attempts))
        .filter(notification_channels::next_attempt_at.eq(from.next_attempt_at));
    let moved = (
        notification_channels::event_id.eq(event_id),
        notification_channels::attempts.eq(attempts),
        notification_channels::next_attempt_at.eq(next_attempt_at),
    );
    Ok(diesel::update(unmoved).set(moved).execute(conn)? == 1)
}
