//! Who is calling, and how a client becomes known.
//!
//! | a question | its room |
//! |---|---|
//! | Who is calling? | [`authentication`] |
//! | It registers itself: may it, and as what? | [`registration`], [`initial_access`] |
//! | What may it do with its registration? | [`configuration`] |
//! | It is described by a document: what does that say, and which copy is in force? | [`described`], over [`metadata_document`] (one document), [`document_copies`] (those kept), [`shipped`] (ours) |
//! | May it ask people for access? | [`connecting`], by whom the program and the operator know ([`known`]) |
//! | Whom does its name pose as? | [`look_alike`] |

pub mod authentication;
pub mod configuration;
pub mod connecting;
pub mod described;
pub mod document_copies;
pub mod initial_access;
pub mod known;
pub mod look_alike;
pub mod metadata_document;
pub mod registration;
pub mod shipped;

pub use authentication::{AuthenticatedClient, Presented, Stranger};

use crate::clock::UnixTime;
use crate::oauth::{ClientId, Scope};
use crate::storage::clients::{self, Client};
use crate::storage::events::{Event, Subject, record};
use crate::storage::{DbConnection, StorageError};

/// The most that a person may grant a client.
///
/// The operator's word about a client is a limit. A client's own is not: it registers with what its
/// first request needs, and is led on to more (MCP 2026-07-28, "Step-Up Authorization Flow").
#[must_use]
pub fn ceiling(client: &Client, offered: &Scope) -> Scope {
    client.ceiling.as_ref().map_or_else(|| offered.clone(), |ceiling| offered.common(ceiling))
}

/// Lets a disabled client be used again; what was ended stays ended. False if it was not disabled.
///
/// # Errors
/// The database's.
pub fn enable(conn: &mut DbConnection, id: &ClientId, now: UnixTime) -> Result<bool, StorageError> {
    let enabled = clients::enable(conn, id)?;
    if enabled {
        record(conn, Event::ClientEnabled, Subject::client(id), now)?;
    }
    Ok(enabled)
}
