//! Closing resources to everybody for a while. The row of the resource says it, which is read at each
//! request anyway: from the next one on no token is good there, whoever asks, in whatever process.
//!
//! No login is lost by it: tokens go on being refreshed, and codes being redeemed. Only a new yes is
//! refused.

use crate::clock::UnixTime;
use crate::storage::events::{Event, Subject, record};
use crate::storage::resources::{self, Resource};
use crate::storage::{DbConnection, StorageError};

/// Closes one resource, or every one; how many were open before.
///
/// # Errors
/// The database's.
pub fn pause(
    conn: &mut DbConnection,
    one: Option<&Resource>,
    now: UnixTime,
) -> Result<usize, StorageError> {
    change(conn, one, Some(now), now)
}

/// Opens one resource again, or every one; how many were closed before.
///
/// # Errors
/// The database's.
pub fn resume(
    conn: &mut DbConnection,
    one: Option<&Resource>,
    now: UnixTime,
) -> Result<usize, StorageError> {
    change(conn, one, None, now)
}

/// Since when a resource is closed that is added now: while every other one is, it is too. Otherwise
/// whoever adds one would open a door beside those that the owner has just shut.
///
/// # Errors
/// The database's.
pub fn of_a_new_one(
    conn: &mut DbConnection,
    now: UnixTime,
) -> Result<Option<UnixTime>, StorageError> {
    let others = resources::list(conn)?;
    let all = !others.is_empty() && others.iter().all(|other| other.paused_at.is_some());
    Ok(all.then_some(now))
}

fn change(
    conn: &mut DbConnection,
    one: Option<&Resource>,
    paused_at: Option<UnixTime>,
    now: UnixTime,
) -> Result<usize, StorageError> {
    let which = match one {
        Some(one) => vec![one.clone()],
        None => resources::list(conn)?,
    };
    let kind = if paused_at.is_some() { Event::ResourcePaused } else { Event::ResourceResumed };
    let mut changed = 0;
    for resource in which {
        if resources::set_paused(conn, &resource, paused_at)? {
            record(conn, kind, Subject::resource(&resource.uri), now)?;
            changed += 1;
        }
    }
    Ok(changed)
}
