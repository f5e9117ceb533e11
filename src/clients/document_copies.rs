//! Copies of clients' documents, kept with what is in force of them: Client ID Metadata Document
//! draft -01, section 4.4.

use super::registration::Bounds;
use super::{metadata_document, shipped};
use crate::clock::{Seconds, UnixTime};
use crate::oauth::{ClientId, ClientIdUrl, ClientMetadata, OAuthError};
use crate::storage::client_documents::{self, ClientDocument, DocumentSource};
use crate::storage::clients::{self, Client};
use crate::storage::events::{Event, Subject, record};
use crate::storage::{ClientOrigin, DbConnection, StorageError, seen_documents};

/// For how long a copy is fresh, at least and at most, whatever its address says: section 4.4.
const FRESH: (Seconds, Seconds) = (Seconds(60), Seconds(24 * 60 * 60));
/// The same, when it says nothing.
const FRESH_BY_DEFAULT: Seconds = Seconds(60 * 60);
/// For how long a copy does whose address does not answer any more.
const STALE: Seconds = Seconds(30 * 24 * 60 * 60);
/// When an address is asked again of which a good copy is kept, or shipped.
const AGAIN: Seconds = Seconds(5 * 60);
const AGAIN_IF_SHIPPED: Seconds = Seconds(60 * 60);

/// A valid document, and what of it is in force.
#[derive(Debug, Clone)]
pub struct DocumentCopy {
    document: String,
    metadata: ClientMetadata,
    source: DocumentSource,
    fetched_at: UnixTime,
    fresh_until: UnixTime,
}

impl DocumentCopy {
    /// From its address, just now.
    #[must_use]
    pub fn fetched(
        document: &[u8],
        metadata: ClientMetadata,
        fresh_for: Option<Seconds>,
        now: UnixTime,
    ) -> Self {
        let fresh_for = fresh_for.unwrap_or(FRESH_BY_DEFAULT).clamp(FRESH.0, FRESH.1);
        Self {
            document: String::from_utf8_lossy(document).into_owned(),
            metadata,
            source: DocumentSource::Fetched,
            fetched_at: now,
            fresh_until: now + fresh_for,
        }
    }

    /// From the operator.
    ///
    /// # Errors
    /// As those of [`metadata_document::read`].
    pub fn laid_down(
        url: &ClientIdUrl,
        document: &[u8],
        bounds: &Bounds,
        now: UnixTime,
    ) -> Result<Self, OAuthError> {
        let metadata = metadata_document::read(url, document, bounds)?;
        let copy = Self::fetched(document, metadata, None, now);
        Ok(Self { source: DocumentSource::Operator, ..copy })
    }
}

/// Keeps a copy and what is in force of it, together. Strangers' unused clients make room for each
/// other; nobody else's do. The operator's copy is replaced only by another one of his.
///
/// # Errors
/// The database's.
pub fn keep(
    conn: &mut DbConnection,
    url: &ClientIdUrl,
    copy: &DocumentCopy,
    bounds: &Bounds,
    now: UnixTime,
) -> Result<(), StorageError> {
    let id = ClientId::from(url);
    let operators_word = copy.source == DocumentSource::Operator;
    let before = client_documents::find(conn, &id)?;
    let before = before.filter(|before| before.source == DocumentSource::Operator);
    if before.is_some() && !operators_word {
        return Ok(());
    }
    let mut approves = before.is_some_and(|before| before.approves);
    match clients::find(conn, &id)? {
        Some(client) if client.metadata != copy.metadata => {
            clients::describe(conn, &id, &copy.metadata)?;
            // Of what nobody uses nobody needs to know.
            if client.authorized_at.is_some() {
                record(conn, Event::DocumentChanged, Subject::client(&id), now)?;
            }
        }
        Some(_) => {}
        None => {
            if !operators_word {
                let excess = client_documents::count_unused(conn)? + 1 - bounds.unused_clients;
                if excess > 0 {
                    client_documents::delete_excess(conn, excess.min(500))?;
                }
                record(conn, Event::ClientDescribed, Subject::client(&id), now)?;
            }
            let (origin, metadata) = (ClientOrigin::Document, copy.metadata.clone());
            clients::insert(conn, &Client::new(id.clone(), metadata, origin, now))?;
        }
    }
    if operators_word {
        record(conn, Event::DocumentAdded, Subject::client(&id), now)?;
        // Wherever only known clients may connect, this one is.
        approves |= clients::approve(conn, &id, now)?;
    }
    let row = ClientDocument {
        client_id: id,
        document: copy.document.clone(),
        source: copy.source,
        fetched_at: copy.fetched_at,
        fresh_until: copy.fresh_until,
        approves,
    };
    client_documents::keep(conn, &row)
}

/// What is in force while a document cannot be had: the last good copy, for a while, or the one that
/// is shipped, if that is newer. False if there is none.
///
/// # Errors
/// The database's.
pub fn fall_back(
    conn: &mut DbConnection,
    url: &ClientIdUrl,
    bounds: &Bounds,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let id = ClientId::from(url);
    let shipped = shipped::find(url);
    let newest = shipped.as_ref().map_or(UnixTime(i64::MAX), |shipped| shipped.as_of);
    let last = client_documents::find(conn, &id)?.filter(|copy| match copy.source {
        DocumentSource::Shipped => false,
        DocumentSource::Operator => true,
        DocumentSource::Fetched => copy.fetched_at >= newest || now - copy.fetched_at <= STALE,
    });
    if last.is_some() && clients::find(conn, &id)?.is_some() {
        client_documents::set_fresh_until(conn, &id, now + AGAIN)?;
        return Ok(true);
    }
    let Some(shipped) = shipped else { return Ok(false) };
    // It cannot be invalid, a test says; the operator's limits may be narrower than that.
    let Ok(metadata) = metadata_document::read(url, shipped.document.as_bytes(), bounds) else {
        return Ok(false);
    };
    let copy = DocumentCopy {
        document: shipped.document.into_owned(),
        metadata,
        source: DocumentSource::Shipped,
        fetched_at: shipped.as_of,
        fresh_until: now + AGAIN_IF_SHIPPED,
    };
    keep(conn, url, &copy, bounds, now)?;
    Ok(true)
}

/// Forgets the copy that is kept, also the operator's, so that the address is asked when the client
/// is next used. What is in force, and who uses it, stays; so does what the owner has said of the client
/// otherwise. The trust that came with a copy of the operator's goes with it. False if there is no copy.
///
/// # Errors
/// The database's.
pub fn forget_copy(
    conn: &mut DbConnection,
    id: &ClientId,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let Some(copy) = client_documents::find(conn, id)? else { return Ok(false) };
    client_documents::remove(conn, id)?;
    if copy.approves {
        clients::disapprove(conn, id, now)?;
    }
    // Nobody has used it, and nobody has said anything about it.
    let idle = |client: Client| {
        let met = client.authorized_at.or(client.asked_at).or(client.approved_at);
        met.or(client.disabled_at).is_none() && client.ceiling.is_none()
    };
    if clients::find(conn, id)?.is_some_and(idle) {
        clients::remove(conn, id)?;
    }
    record(conn, Event::DocumentRemoved, Subject::client(id), now)?;
    Ok(true)
}

/// What goes with a client that is removed.
///
/// # Errors
/// The database's.
pub fn forget(conn: &mut DbConnection, id: &ClientId) -> Result<(), StorageError> {
    client_documents::remove(conn, id)?;
    seen_documents::remove_of_client(conn, id)
}
