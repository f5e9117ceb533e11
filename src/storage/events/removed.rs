//! `events`, asked whether something was decided before.

use diesel::prelude::*;

use super::Event;
use crate::storage::schema::events;
use crate::storage::{DbConnection, StorageError};

/// What an event is about.
#[derive(Debug, Clone, Copy)]
pub enum Whom<'a> {
    /// A client, by its id.
    Client(&'a str),
    /// A person, by its `sub`.
    User(&'a str),
    /// A resource, as it was spelt.
    Resource(&'a str),
}

/// Whether this has ever happened to it, as far back as the record goes.
pub fn has_happened(
    conn: &mut DbConnection,
    kind: Event,
    to: Whom<'_>,
) -> Result<bool, StorageError> {
    let events = events::table.filter(events::kind.eq(kind)).into_boxed();
    let events = match to {
        Whom::Client(id) => events.filter(events::client_id.eq(id.to_owned())),
        Whom::User(id) => events.filter(events::user_id.eq(id.to_owned())),
        Whom::Resource(uri) => events.filter(events::resource.eq(uri.to_owned())),
    };
    Ok(events.count().get_result::<i64>(conn)? > 0)
}
