//! `events`, asked for whom and what was removed.

use std::collections::HashSet;

use diesel::prelude::*;

use super::{Event, Subject};
use crate::storage::schema::events;
use crate::storage::{DbConnection, StorageError};

/// Whom and what somebody has removed here, as far back as the record goes.
#[derive(Debug, Default)]
pub struct Removed {
    /// Clients, by their ids; also those that ended their registration themselves.
    pub clients: HashSet<String>,
    /// Copies of documents, by the ids of their clients.
    pub documents: HashSet<String>,
    /// People, by their `sub`s.
    pub users: HashSet<String>,
    /// Resources, in the canonical spelling.
    pub resources: HashSet<String>,
    /// Tokens with which to register, by their names.
    pub registration_tokens: HashSet<String>,
}

const KINDS: [Event; 6] = [
    Event::ClientRemoved,
    Event::ClientDeregistered,
    Event::DocumentRemoved,
    Event::UserRemoved,
    Event::ResourceRemoved,
    Event::RegistrationTokenRemoved,
];

impl Removed {
    /// All of them, in one walk over the record: for a batch, not for a row.
    ///
    /// # Errors
    /// The database's.
    pub fn find(conn: &mut DbConnection) -> Result<Self, StorageError> {
        let removals = events::table.filter(events::kind.eq_any(KINDS));
        let removals = removals.select((events::kind, Subject::as_select()));
        let mut removed = Self::default();
        for (kind, subject) in removals.load::<(Event, Subject)>(conn)? {
            let client = subject.client_id.map(|id| id.to_string());
            match kind {
                Event::DocumentRemoved => removed.documents.extend(client),
                Event::UserRemoved => {
                    removed.users.extend(subject.user_id.map(|id| id.to_string()));
                }
                Event::ResourceRemoved => {
                    let uri = subject.resource;
                    removed.resources.extend(uri.map(|uri| uri.canonical().to_owned()));
                }
                Event::RegistrationTokenRemoved => {
                    removed.registration_tokens.extend(subject.detail);
                }
                _ => removed.clients.extend(client),
            }
        }
        Ok(removed)
    }
}
