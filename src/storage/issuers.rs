//! `issuers`: the URL to which clients are to be bound, and those from which the service has moved.

use diesel::prelude::*;
use serde::Serialize;

use super::schema::issuers;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::Issuer;

/// One from which the service has moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Former {
    /// Byte for byte.
    pub issuer: Issuer,
    /// Since when another one has taken its place.
    pub since: UnixTime,
    /// Until when it is answered for all the same.
    pub until: UnixTime,
}

/// The one to which clients are to be bound; none before anything was served.
pub fn present(conn: &mut DbConnection) -> Result<Option<Issuer>, StorageError> {
    let present = issuers::table.filter(issuers::left_at.is_null()).select(issuers::issuer);
    Ok(present.get_result(conn).optional()?)
}

/// The others, the last one first.
pub fn former(conn: &mut DbConnection) -> Result<Vec<Former>, StorageError> {
    let rows = issuers::table
        .filter(issuers::left_at.is_not_null())
        .order(issuers::left_at.desc())
        .select((
            issuers::issuer,
            issuers::left_at.assume_not_null(),
            issuers::kept_until.assume_not_null(),
        ))
        .load::<(Issuer, UnixTime, UnixTime)>(conn)?;
    Ok(rows.into_iter().map(|(issuer, since, until)| Former { issuer, since, until }).collect())
}

/// Binds clients to this one from now on, and to none beside it.
pub fn set_present(conn: &mut DbConnection, issuer: &Issuer) -> Result<(), StorageError> {
    let replaced = issuers::left_at.is_null().or(issuers::issuer.eq(issuer));
    diesel::delete(issuers::table.filter(replaced)).execute(conn)?;
    diesel::insert_into(issuers::table).values(issuers::issuer.eq(issuer)).execute(conn)?;
    Ok(())
}

/// Keeps one from which the service has moved.
pub fn insert_former(conn: &mut DbConnection, former: &Former) -> Result<(), StorageError> {
    let row = (
        issuers::issuer.eq(&former.issuer),
        issuers::left_at.eq(former.since),
        issuers::kept_until.eq(former.until),
    );
    diesel::insert_into(issuers::table).values(row).execute(conn)?;
    Ok(())
}

/// False if the service has not moved from there.
pub fn remove_former(conn: &mut DbConnection, issuer: &Issuer) -> Result<bool, StorageError> {
    let former = issuers::table.find(issuer).filter(issuers::left_at.is_not_null());
    Ok(diesel::delete(former).execute(conn)? == 1)
}
