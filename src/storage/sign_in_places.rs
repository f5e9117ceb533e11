//! `sign_in_places`: from which networks somebody has signed in.

use diesel::prelude::*;

use super::schema::sign_in_places;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::UserId;

/// What is known about a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The person has never signed in from anywhere.
    First,
    /// The person has signed in from there.
    Known,
    /// The person has signed in, but not from there.
    New,
}

/// Notes that somebody signs in from `network`; what was known about it before.
pub fn note(
    conn: &mut DbConnection,
    user_id: &UserId,
    network: &str,
    now: UnixTime,
) -> Result<Place, StorageError> {
    let row = sign_in_places::table.find((user_id, network));
    if diesel::update(row).set(sign_in_places::last_seen_at.eq(now)).execute(conn)? == 1 {
        return Ok(Place::Known);
    }
    let theirs = sign_in_places::table.filter(sign_in_places::user_id.eq(user_id));
    let before: i64 = theirs.count().get_result(conn)?;
    let row = (
        sign_in_places::user_id.eq(user_id),
        sign_in_places::network.eq(network),
        sign_in_places::last_seen_at.eq(now),
    );
    diesel::insert_into(sign_in_places::table).values(row).execute(conn)?;
    Ok(if before == 0 { Place::First } else { Place::New })
}

/// Deletes up to `limit` places from which nobody has signed in since `before`. Reads the whole
/// table, which has a few rows for each person.
pub fn delete_unseen(
    conn: &mut DbConnection,
    before: UnixTime,
    limit: i64,
) -> Result<usize, StorageError> {
    let unseen = sign_in_places::table
        .filter(sign_in_places::last_seen_at.lt(before))
        .limit(limit)
        .select((sign_in_places::user_id, sign_in_places::network))
        .load::<(UserId, String)>(conn)?;
    let mut deleted = 0;
    for (user_id, network) in unseen {
        let row = sign_in_places::table.find((user_id, network));
        deleted += diesel::delete(row).execute(conn)?;
    }
    Ok(deleted)
}
