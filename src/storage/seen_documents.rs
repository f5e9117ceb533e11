//! `seen_documents`: what a person saw of a document's client when saying yes to it.

use diesel::prelude::*;

use super::schema::seen_documents;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::{ClientId, ClientMetadata, UserId};

/// What the person saw last time, and when; none: this person has never said yes to it.
pub fn find(
    conn: &mut DbConnection,
    user_id: &UserId,
    client_id: &ClientId,
) -> Result<Option<(ClientMetadata, UnixTime)>, StorageError> {
    let row = seen_documents::table.find((user_id, client_id));
    let columns = (seen_documents::metadata, seen_documents::seen_at);
    Ok(row.select(columns).get_result(conn).optional()?)
}

/// Notes what a person has seen, in the place of what it was before.
pub fn note(
    conn: &mut DbConnection,
    (user_id, client_id): (&UserId, &ClientId),
    metadata: &ClientMetadata,
    now: UnixTime,
) -> Result<(), StorageError> {
    let seen = (seen_documents::metadata.eq(metadata), seen_documents::seen_at.eq(now));
    let row = seen_documents::table.find((user_id, client_id));
    if diesel::update(row).set(seen).execute(conn)? == 0 {
        let key = (seen_documents::user_id.eq(user_id), seen_documents::client_id.eq(client_id));
        diesel::insert_into(seen_documents::table).values((key, seen)).execute(conn)?;
    }
    Ok(())
}

/// Forgets what everybody has seen of a client.
pub fn remove_of_client(conn: &mut DbConnection, id: &ClientId) -> Result<(), StorageError> {
    let theirs = seen_documents::table.filter(seen_documents::client_id.eq(id));
    diesel::delete(theirs).execute(conn)?;
    Ok(())
}
