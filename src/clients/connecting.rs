//! Which clients may connect: `MCP_OAUTH_CLIENTS` (RFC 7591 section 5, Client ID Metadata Document
//! draft -01, "allow lists"; MCP, "trust policies").
//!
//! It is asked when a client registers, when it asks for access, and when a person says yes. It is not
//! asked when a code is redeemed or a token refreshed: a setting that has become stricter lets nothing
//! new arise, and ends nothing that people have allowed. What shall end is ended by disabling the
//! client.

use super::known;
use crate::authorization::shown;
use crate::clock::UnixTime;
use crate::config::{Connecting, Newcomers};
use crate::error::Error;
use crate::oauth::{ClientId, ClientIdUrl, ClientMetadata, ErrorCode, OAuthError, UserId};
use crate::storage::client_documents;
use crate::storage::clients::{self, Client};
use crate::storage::events::{Event, Subject, record};
use crate::storage::{ClientOrigin, DbConnection, StorageError};
use crate::words;

/// Whether a client may ask people for access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayConnect {
    /// Now.
    Yes,
    /// When the owner has said yes to it.
    Waits,
    /// Not here.
    No,
}

/// Whether this client may. That it is disabled is another question.
///
/// An owner's word, by adding or approving the client, is good under every setting. Where the owner is
/// asked, those to which somebody said yes before he was are not asked about again; what this program
/// knows by itself is, because it says who they are, and not that the owner wants them.
#[must_use]
pub fn may_connect(client: &Client, connecting: &Connecting) -> MayConnect {
    if client.origin == ClientOrigin::Configured || client.approved_at.is_some() {
        return MayConnect::Yes;
    }
    match connecting.newcomers {
        Newcomers::Open => MayConnect::Yes,
        Newcomers::Known if is_known(client, connecting) => MayConnect::Yes,
        Newcomers::Known => MayConnect::No,
        Newcomers::Ask if is_named(client, connecting) || was_here_before(client) => {
            MayConnect::Yes
        }
        Newcomers::Ask => MayConnect::Waits,
    }
}

/// Before anything of a document is fetched: nobody makes us ask for what would be refused anyway.
///
/// # Errors
/// `invalid_client`, where only known clients may connect and it is none; the database's.
pub fn check_document(
    conn: &mut DbConnection,
    url: &ClientIdUrl,
    connecting: &Connecting,
) -> Result<(), Error> {
    if connecting.newcomers != Newcomers::Known || known::is_known_document(url, connecting) {
        return Ok(());
    }
    let approved = clients::find(conn, &ClientId::from(url))?
        .is_some_and(|client| may_connect(&client, connecting) == MayConnect::Yes);
    if approved { Ok(()) } else { Err(ErrorCode::InvalidClient.because(NOT_KNOWN).into()) }
}

/// Before a registration is kept.
///
/// # Errors
/// `invalid_redirect_uri`, where only known clients may connect and it is none.
pub fn check_registration(
    metadata: &ClientMetadata,
    connecting: &Connecting,
) -> Result<(), OAuthError> {
    match connecting.newcomers {
        Newcomers::Known if !known::is_known_registration(metadata, connecting) => {
            Err(ErrorCode::InvalidRedirectUri.because(MAY_NOT_REGISTER))
        }
        _ => Ok(()),
    }
}

/// Why a person cannot connect an app that is not known.
pub const NOT_KNOWN: &str =
    words!("Only apps that the operator of this server knows may connect here, and this is none");

/// Why an app that is not known cannot register.
pub const MAY_NOT_REGISTER: &str = words!(
    "only apps that the operator of this server knows may register here, and not all of these \
     redirect_uris are known"
);

/// Whether the operator has named this client in the settings.
#[must_use]
pub fn is_named(client: &Client, connecting: &Connecting) -> bool {
    let uris = &client.metadata.redirect_uris;
    let callback = |uri| known::operator_knows_callback(uri, connecting);
    match document(client) {
        Some(url) => known::operator_knows_document(&url, connecting),
        None => !uris.is_empty() && uris.iter().all(callback),
    }
}

/// Notes that a client waits for the owner, and who met it first. Once for each client, so that
/// nobody can fill the owner's list by loading a page again. False if it was noted before.
///
/// # Errors
/// The database's.
pub fn ask(
    conn: &mut DbConnection,
    client: &ClientId,
    person: &UserId,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let asked = clients::ask(conn, client, person, now)?;
    if asked {
        let subject = Subject { user_id: Some(person.clone()), ..Subject::client(client) };
        record(conn, Event::ClientAsked, subject, now)?;
    }
    Ok(asked)
}

/// What became of the owner's yes to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// It may ask people for access.
    Approved,
    /// It has a yes.
    Before,
    /// What was refused stays refused until it is enabled.
    Disabled,
    /// It says something else of itself than what the owner was shown.
    Changed,
    /// There is none.
    Unknown,
}

/// The owner's yes to a client: if he has looked at it before, as it was `shown` to him
/// ([`shown::client`]); else as it is.
///
/// # Errors
/// The database's.
pub fn approve(
    conn: &mut DbConnection,
    (id, shown): (&ClientId, Option<&str>),
    now: UnixTime,
) -> Result<Approval, StorageError> {
    let Some(client) = clients::find(conn, id)? else { return Ok(Approval::Unknown) };
    if client.disabled_at.is_some() {
        return Ok(Approval::Disabled);
    }
    if client.approved_at.is_some() {
        client_documents::stand_alone(conn, id)?;
        return Ok(Approval::Before);
    }
    let is_it = shown.is_none_or(|shown| shown == shown::client(&client.metadata));
    if !is_it || !clients::approve(conn, id, now)? {
        return Ok(Approval::Changed);
    }
    record(conn, Event::ClientApproved, Subject::client(id), now)?;
    Ok(Approval::Approved)
}

fn is_known(client: &Client, connecting: &Connecting) -> bool {
    match document(client) {
        Some(url) => known::is_known_document(&url, connecting),
        None => known::is_known_registration(&client.metadata, connecting),
    }
}

/// Somebody said yes to it when nobody had to wait. `asked_at` is later, once what it registered with
/// is not any more what the yes was to.
fn was_here_before(client: &Client) -> bool {
    client.last_used_at.is_some_and(|yes| client.asked_at.is_none_or(|asked| asked < yes))
}

fn document(client: &Client) -> Option<ClientIdUrl> {
    ClientIdUrl::of(&client.client_id).filter(|_| client.origin == ClientOrigin::Document)
}
