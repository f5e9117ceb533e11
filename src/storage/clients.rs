//! `oauth_clients`.

mod registrations;
mod waiting;

use diesel::prelude::*;

use super::codec::text_enum;
use super::connection::{directly, update};
use super::schema::oauth_clients;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::{ClientId, ClientMetadata, Scope, TokenHash, UserId};

pub(super) use registrations::forget;
pub use registrations::{
    SEVERAL, count_unused, delete_excess, delete_unused, find_alike, forget_record,
    replace_metadata, set_registered, share,
};
pub(super) use waiting::waiting;
pub use waiting::{approve, ask, count_waiting, disapprove};

/// A client, with its metadata in force.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_clients, treat_none_as_default_value = false)]
pub struct Client {
    /// Its name for machines.
    pub client_id: ClientId,
    /// RFC 7591 section 2.
    #[diesel(column_name = client_json)]
    pub metadata: ClientMetadata,
    /// When it was registered.
    pub created_at: UnixTime,
    /// Of its secret, if it is confidential.
    pub secret_hash: Option<TokenHash>,
    /// Who vouches for its metadata.
    pub origin: ClientOrigin,
    /// When somebody first said yes to it. From then on it never expires.
    pub authorized_at: Option<UnixTime>,
    /// When somebody last said yes to it.
    pub last_used_at: Option<UnixTime>,
    /// Since when nothing works for it.
    pub disabled_at: Option<UnixTime>,
    /// The metadata's name, or nothing: for lists, and for the gate, which asks each time.
    pub name: String,
    /// Of the token by which its registration may be changed: RFC 7592.
    pub registration_token_hash: Option<TokenHash>,
    /// Of what a public client registered with: the same again is the same client.
    pub fingerprint: Option<TokenHash>,
    /// The network that registered it, or [`SEVERAL`].
    pub registered_from: Option<String>,
    /// Where new clients wait for the owner: since when. Whoever said yes before that said it to
    /// something else.
    pub asked_at: Option<UnixTime>,
    /// Who met it first; none: nobody has, since then.
    pub asked_by: Option<UserId>,
    /// When the owner said yes to it.
    pub approved_at: Option<UnixTime>,
    /// The most that the operator lets it have; none: no limit.
    pub ceiling: Option<Scope>,
}

impl Client {
    /// A client that nobody has used yet, and about which nobody has said anything.
    #[must_use]
    pub fn new(
        client_id: ClientId,
        metadata: ClientMetadata,
        origin: ClientOrigin,
        created_at: UnixTime,
    ) -> Self {
        Self {
            client_id,
            name: metadata.client_name.clone().unwrap_or_default(),
            metadata,
            created_at,
            secret_hash: None,
            origin,
            authorized_at: None,
            last_used_at: None,
            disabled_at: None,
            registration_token_hash: None,
            fingerprint: None,
            registered_from: None,
            asked_at: None,
            asked_by: None,
            approved_at: None,
            ceiling: None,
        }
    }

    /// Whether several installations may have this registration: somebody has registered the same
    /// again, and nobody may change it any more.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.fingerprint.is_some() && self.registration_token_hash.is_none()
    }

    /// Whether somebody has met it where the owner is asked, and he has said neither yes nor no.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.has_no_yes() && self.disabled_at.is_none()
    }

    /// Whether the owner has said no to it when he was asked.
    #[must_use]
    pub fn was_refused(&self) -> bool {
        self.has_no_yes() && self.disabled_at.is_some()
    }

    fn has_no_yes(&self) -> bool {
        let used_since = self.last_used_at > self.asked_at;
        self.asked_by.is_some() && self.approved_at.is_none() && !used_since
    }
}

text_enum!(
    /// Who vouches for a client's metadata.
    ClientOrigin {
        /// Nobody: it registered itself (RFC 7591).
        Registered = "registered",
        /// The operator.
        Configured = "configured",
        /// The host of its `client_id`, where its metadata document is.
        Document = "metadata_document",
    }
);

/// [`StorageError::AlreadyExists`] when the id is taken.
pub fn insert(conn: &mut DbConnection, client: &Client) -> Result<(), StorageError> {
    let query = diesel::insert_into(oauth_clients::table).values(client);
    directly!(conn => query.execute(conn))?;
    Ok(())
}

/// Puts what a client's document says now in the place of what it said before.
pub fn describe(
    conn: &mut DbConnection,
    id: &ClientId,
    metadata: &ClientMetadata,
) -> Result<(), StorageError> {
    let name = metadata.client_name.clone().unwrap_or_default();
    let described = (oauth_clients::client_json.eq(metadata), oauth_clients::name.eq(name));
    diesel::update(oauth_clients::table.find(id)).set(described).execute(conn)?;
    Ok(())
}

/// The client of this id, disabled or not.
pub fn find(conn: &mut DbConnection, id: &ClientId) -> Result<Option<Client>, StorageError> {
    let client = oauth_clients::table.find(id).select(Client::as_select());
    Ok(directly!(conn => client.get_result(conn)).optional()?)
}

/// What a client calls itself; none when it is gone, or says nothing.
pub fn name(conn: &mut DbConnection, id: &ClientId) -> Result<Option<String>, StorageError> {
    let name = oauth_clients::table.find(id).select(oauth_clients::name);
    let name = directly!(conn => name.get_result::<String>(conn)).optional()?;
    Ok(name.filter(|name| !name.is_empty()))
}

/// What these clients call themselves, who vouches for it, and their metadata; those that are gone are
/// left out.
pub fn names(
    conn: &mut DbConnection,
    ids: &[ClientId],
) -> Result<Vec<(ClientId, String, ClientOrigin, ClientMetadata)>, StorageError> {
    let named = oauth_clients::table.filter(oauth_clients::client_id.eq_any(ids));
    let columns = (
        oauth_clients::client_id,
        oauth_clients::name,
        oauth_clients::origin,
        oauth_clients::client_json,
    );
    Ok(named.select(columns).load(conn)?)
}

/// Up to `limit` clients in the order of their ids, after `after`.
pub fn list(conn: &mut DbConnection, after: &str, limit: i64) -> Result<Vec<Client>, StorageError> {
    let page = oauth_clients::table
        .filter(oauth_clients::client_id.gt(after))
        .order(oauth_clients::client_id)
        .limit(limit);
    Ok(page.select(Client::as_select()).load(conn)?)
}

/// Notes that somebody said yes. False if the client is disabled or gone: decided in the row that
/// [`disable`] writes.
pub fn authorize(
    conn: &mut DbConnection,
    id: &ClientId,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let enabled = || oauth_clients::table.find(id).filter(oauth_clients::disabled_at.is_null());
    let first = enabled().filter(oauth_clients::authorized_at.is_null());
    diesel::update(first).set(oauth_clients::authorized_at.eq(now)).execute(conn)?;
    Ok(diesel::update(enabled()).set(oauth_clients::last_used_at.eq(now)).execute(conn)? == 1)
}

/// Holds the row, so that [`disable`], and whoever limits the client, waits or is waited for. False if
/// it is disabled or gone. No yes is noted: none was said now.
pub fn hold_enabled(conn: &mut DbConnection, id: &ClientId) -> Result<bool, StorageError> {
    let enabled = oauth_clients::table.find(id).filter(oauth_clients::disabled_at.is_null());
    let same = oauth_clients::last_used_at.eq(oauth_clients::last_used_at);
    let held = update(enabled, same);
    Ok(directly!(conn => held.execute(conn))? == 1)
}

/// False if there is no such client, or it is disabled already.
pub fn disable(
    conn: &mut DbConnection,
    id: &ClientId,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let enabled = oauth_clients::table.find(id).filter(oauth_clients::disabled_at.is_null());
    Ok(diesel::update(enabled).set(oauth_clients::disabled_at.eq(now)).execute(conn)? == 1)
}

/// False if there is no such client, or it is not disabled.
pub fn enable(conn: &mut DbConnection, id: &ClientId) -> Result<bool, StorageError> {
    let disabled = oauth_clients::table.find(id).filter(oauth_clients::disabled_at.is_not_null());
    let none: Option<UnixTime> = None;
    Ok(diesel::update(disabled).set(oauth_clients::disabled_at.eq(none)).execute(conn)? == 1)
}

/// Sets the most that the operator lets it have. False if there is no such client.
pub fn set_ceiling(
    conn: &mut DbConnection,
    id: &ClientId,
    ceiling: Option<&Scope>,
) -> Result<bool, StorageError> {
    let limited = diesel::update(oauth_clients::table.find(id));
    Ok(limited.set(oauth_clients::ceiling.eq(ceiling)).execute(conn)? == 1)
}

/// The clients that have a limit, and which. The operator has set each.
pub fn limited(conn: &mut DbConnection) -> Result<Vec<(ClientId, Scope)>, StorageError> {
    let limited = oauth_clients::table.filter(oauth_clients::ceiling.is_not_null());
    let columns = (oauth_clients::client_id, oauth_clients::ceiling.assume_not_null());
    Ok(limited.select(columns).load(conn)?)
}

/// False if there is no such client.
pub fn remove(conn: &mut DbConnection, id: &ClientId) -> Result<bool, StorageError> {
    Ok(diesel::delete(oauth_clients::table.find(id)).execute(conn)? == 1)
}

/// How many there are.
pub fn count(conn: &mut DbConnection) -> Result<i64, StorageError> {
    Ok(oauth_clients::table.count().get_result(conn)?)
}

/// How many are known by something that only we have given them, and so are bound to the issuer:
/// those that are known by a document are the same everywhere.
pub fn count_bound(conn: &mut DbConnection) -> Result<i64, StorageError> {
    let bound = oauth_clients::table.filter(oauth_clients::origin.ne(ClientOrigin::Document));
    Ok(bound.count().get_result(conn)?)
}
