//! `recovery_codes`: what lets somebody in whose second factor is lost. Each works once.

use diesel::prelude::*;

use super::schema::recovery_codes;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::{TokenHash, UserId};

/// Gives a person these, in the place of all that were there.
pub fn replace(
    conn: &mut DbConnection,
    user_id: &UserId,
    hashes: &[TokenHash],
) -> Result<(), StorageError> {
    remove_of_user(conn, user_id)?;
    for hash in hashes {
        let row = (recovery_codes::user_id.eq(user_id), recovery_codes::hash.eq(hash));
        diesel::insert_into(recovery_codes::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// Uses a code up. False if there is none like it, or somebody was first.
pub fn consume(
    conn: &mut DbConnection,
    user_id: &UserId,
    hash: &TokenHash,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let code = recovery_codes::table.find((user_id, hash));
    let unused = code.filter(recovery_codes::used_at.is_null());
    Ok(diesel::update(unused).set(recovery_codes::used_at.eq(now)).execute(conn)? == 1)
}

/// How many are left.
pub fn count_unused(conn: &mut DbConnection, user_id: &UserId) -> Result<i64, StorageError> {
    let unused = recovery_codes::table
        .filter(recovery_codes::user_id.eq(user_id))
        .filter(recovery_codes::used_at.is_null());
    Ok(unused.count().get_result(conn)?)
}

/// Forgets them all; how many there were.
pub fn remove_of_user(conn: &mut DbConnection, user_id: &UserId) -> Result<usize, StorageError> {
    let theirs = recovery_codes::table.filter(recovery_codes::user_id.eq(user_id));
    Ok(diesel::delete(theirs).execute(conn)?)
}
