//! An account whose attempts to sign in are used up: NIST SP 800-63B section 5.2.2.

use std::net::IpAddr;

use crate::clock::UnixTime;
use crate::storage::events::{Event, Subject, record};
use crate::storage::{DbConnection, StorageError, users};

/// Records it. A name that nobody has leaves nothing behind: a stranger can make up as many as he
/// likes.
///
/// # Errors
/// The database's.
pub fn note(
    conn: &mut DbConnection,
    username: &str,
    address: IpAddr,
    now: UnixTime,
) -> Result<(), StorageError> {
    let Some(user) = users::find_by_name(conn, username)? else { return Ok(()) };
    let subject = Subject { address: Some(address.to_string()), ..Subject::user(&user.id) };
    record(conn, Event::LockedOut, subject, now)
}
