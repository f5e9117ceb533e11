//! Everything that ends access. It is over when the transaction is: the next introspection says no.

pub mod ending;

use crate::accounts::roles;
use crate::accounts::session::SignedIn;
use crate::clients::{AuthenticatedClient, document_copies};
use crate::clock::UnixTime;
use crate::error::Error;
use crate::oauth::{ClientId, ErrorCode, GrantId, TokenKind, TokenSecret, UserId};
use crate::storage::events::{Event, Subject, record};
use crate::storage::resources::Resource;
use crate::storage::{
    DbConnection, RevokedBecause, StorageError, access_tokens, belongings, clients, codes, grants,
    one_time_links, refresh_tokens, resource_people, resource_rules, resources, sessions, sign_ins,
    users,
};

/// `POST /revoke`: RFC 7009. Either token of a pair ends the grant, also a used or an expired one:
/// that is a logout. A token that nobody knows is revoked already.
///
/// # Errors
/// `invalid_grant` for another client's token.
pub fn revoke_token(
    conn: &mut DbConnection,
    client: &AuthenticatedClient,
    token: &str,
    now: UnixTime,
) -> Result<(), Error> {
    let Some(id) = grant_of(conn, token)? else { return Ok(()) };
    let Some(grant) = grants::find(conn, id)? else { return Ok(()) };
    if grant.client_id != *client.id() {
        return Err(ErrorCode::InvalidGrant
            .because("the token was issued to another client")
            .into());
    }
    Ok(end(conn, id, RevokedBecause::Client, now)?)
}

/// Ends a grant, and with it every token that points at it.
///
/// # Errors
/// The database's.
pub fn end(
    conn: &mut DbConnection,
    id: GrantId,
    because: RevokedBecause,
    now: UnixTime,
) -> Result<(), StorageError> {
    if !grants::revoke(conn, id, because, now)? {
        return Ok(());
    }
    let Some(grant) = grants::find(conn, id)? else { return Ok(()) };
    let subject = Subject { detail: Some(because.to_string()), ..Subject::of(&grant) };
    record(conn, Event::GrantRevoked, subject, now)
}

/// A person takes her yes back. False if she has given none of this id, which is the same for a
/// grant of somebody else; one that has ended before has still been hers.
///
/// # Errors
/// The database's.
pub fn disconnect(
    conn: &mut DbConnection,
    person: &SignedIn,
    id: GrantId,
    now: UnixTime,
) -> Result<bool, StorageError> {
    if grants::find(conn, id)?.is_none_or(|grant| grant.user_id != person.user().id) {
        return Ok(false);
    }
    end(conn, id, RevokedBecause::Person, now)?;
    Ok(true)
}

/// A person takes back every yes, also one whose code is still on its way; how many grants that ended.
///
/// # Errors
/// The database's.
pub fn disconnect_all(
    conn: &mut DbConnection,
    person: &SignedIn,
    now: UnixTime,
) -> Result<usize, StorageError> {
    let id = &person.user().id;
    codes::end_open(conn, now, |code| code.user_id == *id)?;
    let ended = grants::revoke_of_user(conn, id, RevokedBecause::Person, now)?;
    if ended > 0 {
        let subject = Subject { detail: Some(ended.to_string()), ..Subject::user(id) };
        record(conn, Event::AppsDisconnected, subject, now)?;
    }
    Ok(ended)
}

/// Nothing works for the person any more; how many grants that ended. None if there is no such
/// person, or the account is disabled already.
///
/// # Errors
/// `access_denied` for the last owner, and the database's.
pub fn disable_user(
    conn: &mut DbConnection,
    id: &UserId,
    now: UnixTime,
) -> Result<Option<usize>, Error> {
    roles::spare_last_owner(conn, id)?;
    if !users::disable(conn, id, now)? {
        return Ok(None);
    }
    end_ways_in(conn, id)?;
    codes::end_open(conn, now, |code| code.user_id == *id)?;
    record(conn, Event::UserDisabled, Subject::user(id), now)?;
    Ok(Some(grants::revoke_of_user(conn, id, RevokedBecause::User, now)?))
}

/// As [`disable_user`], and the account is gone with all that belonged to it.
///
/// # Errors
/// `access_denied` for the last owner, and the database's.
pub fn remove_user(
    conn: &mut DbConnection,
    id: &UserId,
    now: UnixTime,
) -> Result<Option<usize>, Error> {
    roles::spare_last_owner(conn, id)?;
    if !users::remove(conn, id)? {
        return Ok(None);
    }
    belongings::remove_of_user(conn, id)?;
    record(conn, Event::UserRemoved, Subject::user(id), now)?;
    Ok(Some(grants::revoke_of_user(conn, id, RevokedBecause::User, now)?))
}

/// Browsers that are signed in or are about to be, and links that would let somebody in.
fn end_ways_in(conn: &mut DbConnection, id: &UserId) -> Result<(), StorageError> {
    sessions::remove_of_user(conn, id)?;
    sign_ins::remove_of_user(conn, id)?;
    one_time_links::remove_of_user(conn, id)
}

/// Nothing works for the client any more; how many grants that ended. None if there is no such
/// client, or it is disabled already.
///
/// # Errors
/// The database's.
pub fn disable_client(
    conn: &mut DbConnection,
    id: &ClientId,
    now: UnixTime,
) -> Result<Option<usize>, StorageError> {
    if !clients::disable(conn, id, now)? {
        return Ok(None);
    }
    codes::end_open(conn, now, |code| code.client_id == *id)?;
    record(conn, Event::ClientDisabled, Subject::client(id), now)?;
    grants::revoke_of_client(conn, id, RevokedBecause::ClientRemoved, now).map(Some)
}

/// As [`disable_client`], and the client is gone: it has to register again, or its document is read
/// again.
///
/// # Errors
/// The database's.
pub fn remove_client(
    conn: &mut DbConnection,
    id: &ClientId,
    now: UnixTime,
) -> Result<Option<usize>, StorageError> {
    let ended = forget_client(conn, id, now)?;
    if ended.is_some() {
        record(conn, Event::ClientRemoved, Subject::client(id), now)?;
    }
    Ok(ended)
}

/// As [`remove_client`], whoever wanted it, and without a record of it.
///
/// # Errors
/// The database's.
pub fn forget_client(
    conn: &mut DbConnection,
    id: &ClientId,
    now: UnixTime,
) -> Result<Option<usize>, StorageError> {
    if !clients::remove(conn, id)? {
        return Ok(None);
    }
    document_copies::forget(conn, id)?;
    codes::end_open(conn, now, |code| code.client_id == *id)?;
    grants::revoke_of_client(conn, id, RevokedBecause::ClientRemoved, now).map(Some)
}

/// The MCP server may not introspect any more; how many grants that ended. None if it is gone.
///
/// # Errors
/// The database's.
pub fn remove_resource(
    conn: &mut DbConnection,
    resource: &Resource,
    now: UnixTime,
) -> Result<Option<usize>, StorageError> {
    if !resources::remove(conn, &resource.id)? {
        return Ok(None);
    }
    resource_rules::remove_of_resource(conn, resource)?;
    resource_people::remove_of_resource(conn, resource)?;
    codes::end_open(conn, now, |code| code.resource.canonical() == resource.canonical)?;
    record(conn, Event::ResourceRemoved, Subject::resource(&resource.uri), now)?;
    let because = RevokedBecause::ResourceRemoved;
    grants::revoke_of_resource(conn, &resource.canonical, because, now).map(Some)
}

/// The grant that a token of either kind points at. The hint of RFC 7009 section 2.1 is not needed:
/// the token itself says what it is.
fn grant_of(conn: &mut DbConnection, token: &str) -> Result<Option<GrantId>, StorageError> {
    if let Some(secret) = TokenSecret::parse(TokenKind::Access, token) {
        let row = access_tokens::find(conn, secret.id())?;
        return Ok(row.filter(|row| row.hash == secret.hash()).map(|row| row.grant_id));
    }
    let Some(secret) = TokenSecret::parse(TokenKind::Refresh, token) else { return Ok(None) };
    let row = refresh_tokens::find(conn, secret.id())?;
    Ok(row.filter(|row| row.hash == secret.hash()).map(|row| row.grant_id))
}
