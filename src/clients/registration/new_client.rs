//! How a client comes to be: by the operator's word, or by its own, under the name of one that is the
//! same (RFC 7591 section 3.2.1) and with a token where not everybody may (section 3).

use super::{Bounds, fingerprint};
use crate::app::Network;
use crate::clients::initial_access;
use crate::clock::UnixTime;
use crate::error::Error;
use crate::oauth::{ClientId, ClientMetadata, MachineSecret};
use crate::storage::clients::{self, Client};
use crate::storage::events::{Event, Subject, record};
use crate::storage::{ClientOrigin, DbConnection, StorageError};

/// A client that has registered, with the secrets that are shown once.
pub struct Registered {
    /// Its row. What is in force of its metadata may spell the ports of loopback addresses otherwise.
    pub client: Client,
    /// None for a public client.
    pub secret: Option<MachineSecret>,
    /// By which the registration can be read, changed and ended (RFC 7592). None where several
    /// installations share it, or the operator made it.
    pub registration_token: Option<MachineSecret>,
}

/// Who registers.
pub struct Newcomer {
    /// From where.
    pub network: Network,
    /// With what, if a token is needed.
    pub token: Option<String>,
}

/// Makes a client. Strangers' unused registrations make room for each other; nobody else's do.
///
/// # Errors
/// The database's.
pub fn register(
    conn: &mut DbConnection,
    metadata: &ClientMetadata,
    origin: ClientOrigin,
    bounds: &Bounds,
    now: UnixTime,
) -> Result<Registered, StorageError> {
    let registered = match origin {
        ClientOrigin::Registered => make(conn, metadata, clients::SEVERAL, bounds, now)?,
        _ => insert(conn, metadata, origin, now)?,
    };
    let event = match origin {
        ClientOrigin::Configured => Event::ClientAdded,
        ClientOrigin::Registered | ClientOrigin::Document => Event::ClientRegistered,
    };
    record(conn, event, Subject::client(&registered.client.client_id), now)?;
    Ok(registered)
}

/// A client registers itself. If one with the same metadata has done so, it is that one again, which
/// from now on nobody may change; what people say yes to stays apart all the same.
///
/// # Errors
/// `invalid_token` for a token with which nobody may register any more, and the database's.
pub fn register_itself(
    conn: &mut DbConnection,
    metadata: &ClientMetadata,
    newcomer: &Newcomer,
    bounds: &Bounds,
    now: UnixTime,
) -> Result<Registered, Error> {
    let by_token = match &newcomer.token {
        Some(token) => Some(initial_access::consume(conn, token, now)?),
        None => None,
    };
    let network = newcomer.network.holder();
    let alike = match fingerprint(metadata) {
        Some(fingerprint) => clients::find_alike(conn, &fingerprint)?,
        None => None,
    };
    let Some(client) = alike else {
        let registered = make(conn, metadata, &network, bounds, now)?;
        let about = Subject::client(&registered.client.client_id);
        record(conn, Event::ClientRegistered, Subject { detail: by_token, ..about }, now)?;
        return Ok(registered);
    };
    let same = client.registered_from.as_deref() == Some(network.as_str());
    let from = if same { &network } else { clients::SEVERAL };
    clients::share(conn, &client.client_id)?;
    clients::set_registered(conn, &client.client_id, from, now)?;
    Ok(Registered { client, secret: None, registration_token: None })
}

/// The row of a client that registers itself, after there is room for it.
fn make(
    conn: &mut DbConnection,
    metadata: &ClientMetadata,
    network: &str,
    bounds: &Bounds,
    now: UnixTime,
) -> Result<Registered, StorageError> {
    /// After a limit was lowered, room is made in steps.
    const MOST_AT_ONCE: i64 = 500;
    let excess = clients::count_unused(conn)? + 1 - bounds.unused_clients;
    if excess > 0 {
        clients::delete_excess(conn, excess.min(MOST_AT_ONCE))?;
    }
    let registered = insert(conn, metadata, ClientOrigin::Registered, now)?;
    let id = &registered.client.client_id;
    clients::set_registered(conn, id, network, now)?;
    Ok(registered)
}

fn insert(
    conn: &mut DbConnection,
    metadata: &ClientMetadata,
    origin: ClientOrigin,
    now: UnixTime,
) -> Result<Registered, StorageError> {
    let by_itself = origin == ClientOrigin::Registered;
    let secret = (!metadata.is_public()).then(MachineSecret::for_client);
    let registration_token = by_itself.then(MachineSecret::for_registration);
    let ceiling = (origin == ClientOrigin::Configured).then(|| metadata.scope.clone());
    let client = Client {
        secret_hash: secret.as_ref().map(MachineSecret::hash),
        registration_token_hash: registration_token.as_ref().map(MachineSecret::hash),
        fingerprint: if by_itself { fingerprint(metadata) } else { None },
        ceiling: ceiling.filter(|scope| !scope.is_empty()),
        ..Client::new(ClientId::generate(), metadata.clone(), origin, now)
    };
    clients::insert(conn, &client)?;
    Ok(Registered { client, secret, registration_token })
}
