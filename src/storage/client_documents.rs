//! `client_documents`: clients' metadata documents, as they were published. What is in force of one
//! stands in the row of its client.

use diesel::prelude::*;

use super::codec::text_enum;
use super::schema::{client_documents, oauth_clients};
use super::{DbConnection, StorageError, clients};
use crate::clock::UnixTime;
use crate::oauth::ClientId;

/// A copy of a document.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = client_documents, treat_none_as_default_value = false)]
pub struct ClientDocument {
    /// The address.
    pub client_id: ClientId,
    /// JSON.
    pub document: String,
    /// Where the copy is from.
    pub source: DocumentSource,
    /// When it was published there; of one that the operator laid down, when that was.
    pub fetched_at: UnixTime,
    /// When it is asked for again. Nobody asks for one that the operator laid down.
    pub fresh_until: UnixTime,
    /// Whether the client has no other yes of the owner than this copy.
    pub approves: bool,
}

text_enum!(
    /// Where a copy of a document is from.
    DocumentSource {
        /// Its address.
        Fetched = "fetched",
        /// This program, because it could not be fetched.
        Shipped = "shipped",
        /// The operator. It counts until it is removed.
        Operator = "operator",
    }
);

/// Nobody has said yes to it, and the operator has decided nothing about it: one that is disabled
/// stays, for that is what keeps it out.
macro_rules! unused {
    () => {
        client_documents::table
            .inner_join(
                oauth_clients::table.on(oauth_clients::client_id.eq(client_documents::client_id)),
            )
            .filter(client_documents::source.ne(DocumentSource::Operator))
            .filter(oauth_clients::authorized_at.is_null())
            .filter(oauth_clients::disabled_at.is_null())
            .filter(oauth_clients::approved_at.is_null())
            // It would come back under the same id, and without its limit.
            .filter(oauth_clients::ceiling.is_null())
    };
}

/// The copy that is kept of this document.
pub fn find(
    conn: &mut DbConnection,
    id: &ClientId,
) -> Result<Option<ClientDocument>, StorageError> {
    let row = client_documents::table.find(id).select(ClientDocument::as_select());
    Ok(row.get_result(conn).optional()?)
}

/// Up to `limit` copies in the order of their addresses, after `after`.
pub fn list(
    conn: &mut DbConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<ClientDocument>, StorageError> {
    let page = client_documents::table
        .filter(client_documents::client_id.gt(after))
        .order(client_documents::client_id)
        .limit(limit);
    Ok(page.select(ClientDocument::as_select()).load(conn)?)
}

/// Keeps a copy, in the place of the one before.
pub fn keep(conn: &mut DbConnection, copy: &ClientDocument) -> Result<(), StorageError> {
    let row = client_documents::table.find(&copy.client_id);
    if diesel::update(row).set(copy).execute(conn)? == 0 {
        diesel::insert_into(client_documents::table).values(copy).execute(conn)?;
    }
    Ok(())
}

/// Puts off when it is asked for again.
pub fn set_fresh_until(
    conn: &mut DbConnection,
    id: &ClientId,
    until: UnixTime,
) -> Result<(), StorageError> {
    let row = client_documents::table.find(id);
    diesel::update(row).set(client_documents::fresh_until.eq(until)).execute(conn)?;
    Ok(())
}

/// From now on the owner's yes does not go with the copy: he has said it himself.
pub fn stand_alone(conn: &mut DbConnection, id: &ClientId) -> Result<(), StorageError> {
    let row = client_documents::table.find(id).filter(client_documents::approves);
    diesel::update(row).set(client_documents::approves.eq(false)).execute(conn)?;
    Ok(())
}

/// False if there is no copy.
pub fn remove(conn: &mut DbConnection, id: &ClientId) -> Result<bool, StorageError> {
    Ok(diesel::delete(client_documents::table.find(id)).execute(conn)? == 1)
}

/// How many clients are described by a document, were never used, and wait for nobody.
pub fn count_unused(conn: &mut DbConnection) -> Result<i64, StorageError> {
    Ok(unused!().filter(oauth_clients::asked_at.is_null()).count().get_result(conn)?)
}

/// Makes room: up to `limit` of those go, the oldest first.
pub fn delete_excess(conn: &mut DbConnection, limit: i64) -> Result<usize, StorageError> {
    let oldest = unused!()
        .filter(oauth_clients::asked_at.is_null())
        .order(oauth_clients::created_at)
        .limit(limit)
        .select(client_documents::client_id)
        .load::<ClientId>(conn)?;
    forget(conn, &oldest)
}

/// Deletes up to `limit` clients, the oldest first, that were first seen before `before` and never
/// used: strangers must not fill the disk.
pub fn delete_unused(
    conn: &mut DbConnection,
    before: UnixTime,
    limit: i64,
) -> Result<usize, StorageError> {
    let oldest = unused!()
        .filter(oauth_clients::created_at.lt(before))
        .order(oauth_clients::created_at)
        .limit(limit)
        .select(client_documents::client_id)
        .load::<ClientId>(conn)?;
    forget(conn, &oldest)
}

/// With their documents and the record of them.
fn forget(conn: &mut DbConnection, ids: &[ClientId]) -> Result<usize, StorageError> {
    let documents = client_documents::table.filter(client_documents::client_id.eq_any(ids));
    diesel::delete(documents).execute(conn)?;
    clients::forget(conn, ids)
}
