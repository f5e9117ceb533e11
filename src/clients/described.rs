//! Clients that are described by a document: which copy of it is in force. Client ID Metadata
//! Document draft -01, sections 4 and 4.4.
//!
//! A copy that the operator laid down counts until it is removed. Otherwise the address is asked,
//! unless its last answer is fresh. When it cannot be had, the last good copy does, for a while; then
//! the one that is shipped with this program. A document that is there and not valid is believed:
//! its client is not let in, whatever is kept of it. Nothing that went wrong is kept.

use std::net::IpAddr;

use tracing::info;

use super::document_copies::{DocumentCopy, fall_back, keep};
use super::metadata_document;
use crate::app::fetcher::Unpublished;
use crate::app::{App, bounds};
use crate::clock::{Seconds, UnixTime};
use crate::config::ClientDocuments;
use crate::error::Error;
use crate::oauth::{ClientId, ClientIdUrl, OAuthError};
use crate::storage::{
    ClientOrigin, DbConnection, DocumentSource, StorageError, client_documents, clients,
};

/// Why nothing about a client is in force.
#[derive(Debug)]
pub enum Undescribed {
    /// The operator lets nobody be known by a document.
    Off,
    /// It could be asked for later.
    Busy(Seconds),
    /// The document cannot be had, and there is no copy.
    Unpublished,
    /// The document is there, and cannot be used, for this reason.
    Invalid(OAuthError),
    /// Ours.
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Undescribed {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Sees to it that the row of this client says what its document says, for somebody at `address`
/// who is about to use it. May ask the document's host, and must not be called within `write`.
///
/// # Errors
/// [`Undescribed`]. The first three are not told apart for strangers.
pub async fn bring_up_to_date(
    app: &App,
    url: &ClientIdUrl,
    address: IpAddr,
) -> Result<(), Undescribed> {
    if app.config.client_documents == ClientDocuments::Off {
        return Err(Undescribed::Off);
    }
    let now = app.clock.now();
    if app.storage.read(|conn| is_in_force(conn, url, now)).await? {
        return Ok(());
    }
    let bounds = bounds(&app.config);
    let unpublished = match app.document(url, address).await {
        Ok(published) => match metadata_document::read(url, &published.body, &bounds) {
            Ok(metadata) => {
                let copy =
                    DocumentCopy::fetched(&published.body, metadata, published.fresh_for, now);
                return keep_in(app, url, copy).await;
            }
            Err(cause) => {
                info!(client.id = %url, %cause, "a client's document is not valid");
                published.unusable().await;
                return Err(Undescribed::Invalid(cause));
            }
        },
        Err(unpublished) => unpublished,
    };
    let known = url.clone();
    let fallen_back = app.storage.write(move |conn| fall_back(conn, &known, &bounds, now)).await?;
    match unpublished {
        _ if fallen_back => Ok(()),
        Unpublished::Busy(wait) => Err(Undescribed::Busy(wait)),
        Unpublished::Refused => Err(Undescribed::Unpublished),
    }
}

async fn keep_in(app: &App, url: &ClientIdUrl, copy: DocumentCopy) -> Result<(), Undescribed> {
    let (url, now, bounds) = (url.clone(), app.clock.now(), bounds(&app.config));
    let keep = move |conn: &mut DbConnection| keep(conn, &url, &copy, &bounds, now);
    Ok(app.storage.write(keep).await?)
}

/// Whether nobody has to be asked: the last answer is fresh, the operator has decided, or nothing
/// would come of it.
///
/// # Errors
/// The database's.
pub fn is_in_force(
    conn: &mut DbConnection,
    url: &ClientIdUrl,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let id = ClientId::from(url);
    let Some(client) = clients::find(conn, &id)? else { return Ok(false) };
    if client.origin != ClientOrigin::Document || client.disabled_at.is_some() {
        return Ok(true);
    }
    let copy = client_documents::find(conn, &id)?;
    Ok(copy.is_some_and(|copy| match copy.source {
        DocumentSource::Operator => true,
        // Of a clock that was set back nothing is known.
        _ => (copy.fetched_at..copy.fresh_until).contains(&now),
    }))
}
