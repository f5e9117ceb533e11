//! `events`, page by page, as far as they are about somebody.

use diesel::prelude::*;

use super::Recorded;
use crate::clock::UnixTime;
use crate::oauth::{ClientId, UserId};
use crate::storage::schema::events;
use crate::storage::{DbConnection, StorageError};

/// Which events are meant: all that are not excluded.
#[derive(Debug, Default)]
pub struct Narrowing {
    /// From then on.
    pub since: Option<UnixTime>,
    /// Of this person.
    pub user_id: Option<UserId>,
    /// Of this client.
    pub client_id: Option<ClientId>,
}

/// Up to `limit` events with ids below `before`, the newest first, each with its id.
pub fn page(
    conn: &mut DbConnection,
    narrowing: &Narrowing,
    before: i64,
    limit: i64,
) -> Result<Vec<(i64, Recorded)>, StorageError> {
    let mut page = events::table
        .filter(events::id.lt(before))
        .order(events::id.desc())
        .limit(limit)
        .select((events::id, Recorded::as_select()))
        .into_boxed();
    if let Some(since) = narrowing.since {
        page = page.filter(events::at.ge(since));
    }
    if let Some(user_id) = &narrowing.user_id {
        page = page.filter(events::user_id.eq(user_id));
    }
    if let Some(client_id) = &narrowing.client_id {
        page = page.filter(events::client_id.eq(client_id));
    }
    Ok(page.load(conn)?)
}
