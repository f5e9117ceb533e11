//! `events`, as far as they are forgotten. The newest one always stays: its id would be given again,
//! and whoever follows the record by ids would not see the event that gets it.

use diesel::prelude::*;

use super::{Event, newest};
use crate::clock::UnixTime;
use crate::oauth::ClientId;
use crate::storage::schema::events;
use crate::storage::{DbConnection, StorageError};

/// What a client does by itself.
const OWN: [Event; 3] = [Event::ClientRegistered, Event::ClientUpdated, Event::ClientDescribed];

/// How far behind the newest event one is looked for that had to stay as the newest.
const RECENT: i64 = 500;

/// Deletes the record of these registrations and of what the clients made of them, and nothing that a
/// person has decided about them. If the newest event is one of those, it only loses its name, and
/// goes the next time: otherwise one would be left each time that somebody registers and goes away.
pub(in crate::storage) fn delete_registrations(
    conn: &mut DbConnection,
    ids: &[ClientId],
) -> Result<(), StorageError> {
    let newest = newest(conn)?;
    let own = || events::table.filter(events::kind.eq_any(OWN));
    let theirs = own().filter(events::client_id.eq_any(ids));
    diesel::delete(theirs.filter(events::id.ne(newest))).execute(conn)?;
    let left = own().filter(events::client_id.is_null()).filter(events::id.ne(newest));
    diesel::delete(left.filter(events::id.gt(newest - RECENT))).execute(conn)?;
    let stays = own().filter(events::client_id.eq_any(ids)).filter(events::id.eq(newest));
    let none: Option<ClientId> = None;
    diesel::update(stays).set(events::client_id.eq(none)).execute(conn)?;
    Ok(())
}

/// Deletes those of the `limit` oldest events that are from before `before`, but not the newest.
pub fn delete_old(
    conn: &mut DbConnection,
    before: UnixTime,
    limit: i64,
) -> Result<usize, StorageError> {
    let newest = newest(conn)?;
    let oldest = events::table
        .filter(events::id.lt(newest))
        .order(events::id)
        .limit(limit)
        .select((events::id, events::at))
        .load::<(i64, UnixTime)>(conn)?;
    let old: Vec<i64> = oldest.iter().filter(|(_, at)| *at < before).map(|(id, _)| *id).collect();
    Ok(diesel::delete(events::table.filter(events::id.eq_any(old))).execute(conn)?)
}
