//! `oauth_clients`, those that registered themselves: which are alike, who may change one (RFC 7592),
//! and which make room.

use diesel::dsl::{count_star, min};
use diesel::prelude::*;

use super::Client;
use crate::clock::UnixTime;
use crate::oauth::{ClientId, TokenHash};
use crate::storage::connection::{directly, update};
use crate::storage::schema::oauth_clients::{self, table as clients};
use crate::storage::{ClientOrigin, DbConnection, StorageError, events};

/// Stands for the network of a registration that several of them share: it is not to go because one
/// of them makes too many.
pub const SEVERAL: &str = "several networks";

/// Nobody has said yes to it, and the operator has not put it aside: a client that is disabled or
/// limited stays known, so that it does not come back as a new one.
macro_rules! unused {
    () => {
        clients
            .filter(oauth_clients::authorized_at.is_null())
            .filter(oauth_clients::disabled_at.is_null())
            .filter(oauth_clients::registered_at.is_not_null())
            // It would come back without its limit.
            .filter(oauth_clients::ceiling.is_null())
    };
}

/// Of those, the ones that no person has to do with: nobody waits for the owner because of them.
macro_rules! strangers {
    () => {
        unused!()
            .filter(oauth_clients::asked_at.is_null())
            .filter(oauth_clients::approved_at.is_null())
    };
}

/// Notes that somebody at this network has registered it, now: for the first time or again. False if
/// it is gone.
pub fn set_registered(
    conn: &mut DbConnection,
    id: &ClientId,
    from: &str,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let columns = (oauth_clients::registered_from.eq(from), oauth_clients::registered_at.eq(now));
    let registered = update(clients.find(id), columns);
    Ok(directly!(conn => registered.execute(conn))? == 1)
}

/// The client that registered with the same metadata. Of several, which an update can make alike, the
/// disabled one, so that no other way leads around it, or the oldest.
pub fn find_alike(
    conn: &mut DbConnection,
    fingerprint: &TokenHash,
) -> Result<Option<Client>, StorageError> {
    let alike = clients
        .filter(oauth_clients::fingerprint.eq(fingerprint))
        .filter(oauth_clients::origin.eq(ClientOrigin::Registered))
        .order((
            oauth_clients::disabled_at.is_null(),
            oauth_clients::created_at,
            oauth_clients::client_id,
        ))
        .limit(1);
    Ok(alike.select(Client::as_select()).load(conn)?.pop())
}

/// From now on nobody may change the registration.
pub fn share(conn: &mut DbConnection, id: &ClientId) -> Result<(), StorageError> {
    let none: Option<TokenHash> = None;
    let unshared = clients.find(id).filter(oauth_clients::registration_token_hash.is_not_null());
    diesel::update(unshared).set(oauth_clients::registration_token_hash.eq(none)).execute(conn)?;
    Ok(())
}

/// Puts other metadata, and what follows from it, in the place of what was in force. False if the
/// registration is gone, disabled, or not any more for the holder of this token to change.
pub fn replace_metadata(
    conn: &mut DbConnection,
    client: &Client,
    holder: &TokenHash,
) -> Result<bool, StorageError> {
    let held = clients
        .find(&client.client_id)
        .filter(oauth_clients::registration_token_hash.eq(holder))
        .filter(oauth_clients::disabled_at.is_null());
    let columns = (
        oauth_clients::client_json.eq(&client.metadata),
        oauth_clients::name.eq(&client.name),
        oauth_clients::secret_hash.eq(&client.secret_hash),
        oauth_clients::fingerprint.eq(&client.fingerprint),
        oauth_clients::asked_at.eq(client.asked_at),
        oauth_clients::asked_by.eq(&client.asked_by),
        oauth_clients::approved_at.eq(client.approved_at),
    );
    Ok(diesel::update(held).set(columns).execute(conn)? == 1)
}

/// How many registered themselves, were never used, and wait for nobody.
pub fn count_unused(conn: &mut DbConnection) -> Result<i64, StorageError> {
    Ok(strangers!().count().get_result(conn)?)
}

/// Makes room: up to `limit` clients go, those that registered longest ago from the network that has
/// most of them, with the record of it. What a person waits for stays.
pub fn delete_excess(conn: &mut DbConnection, limit: i64) -> Result<usize, StorageError> {
    let largest = strangers!()
        .group_by(oauth_clients::registered_from)
        .select(oauth_clients::registered_from)
        .order((count_star().desc(), min(oauth_clients::registered_at)))
        .limit(1)
        .load::<Option<String>>(conn)?
        .pop();
    let Some(network) = largest.flatten() else { return Ok(0) };
    let oldest = strangers!()
        .filter(oauth_clients::registered_from.eq(network))
        .order(oauth_clients::registered_at)
        .limit(limit)
        .select(oauth_clients::client_id)
        .load::<ClientId>(conn)?;
    forget(conn, &oldest)
}

/// Deletes up to `limit` clients, the oldest first, that registered themselves before `before`, not
/// again since, and were never used, with the record of that: strangers must not fill the disk.
pub fn delete_unused(
    conn: &mut DbConnection,
    before: UnixTime,
    limit: i64,
) -> Result<usize, StorageError> {
    let oldest = unused!()
        .filter(oauth_clients::registered_at.lt(before))
        .order(oauth_clients::registered_at)
        .limit(limit)
        .select(oauth_clients::client_id)
        .load::<ClientId>(conn)?;
    forget(conn, &oldest)
}

/// Deletes the record of a client that nobody ever met.
pub fn forget_record(conn: &mut DbConnection, id: &ClientId) -> Result<(), StorageError> {
    events::delete_registrations(conn, std::slice::from_ref(id))
}

/// Deletes clients, with the record of how they came.
pub(in crate::storage) fn forget(
    conn: &mut DbConnection,
    ids: &[ClientId],
) -> Result<usize, StorageError> {
    events::delete_registrations(conn, ids)?;
    Ok(diesel::delete(clients.filter(oauth_clients::client_id.eq_any(ids))).execute(conn)?)
}
