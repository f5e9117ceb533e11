//! Step-up: a client that may do something already asks for more (RFC 6750 section 3.1; MCP 2026-07-28,
//! authorization, "Step-Up Authorization Flow").
//!
//! A client is told what one call takes. One that then asks for that alone would lose what it had, ask
//! for it again at its next call, and go on for ever. So a yes gives what is asked for now, and what
//! the same person has granted the same client for the same resource, as far as all three may have it
//! now.
//!
//! Whose grants those are is not known better than by `client_id`: nobody presents a token here, and
//! several installations may share one id (a metadata document, alike registrations). One of them gets
//! what the person has granted another, or a program that only claims the id gets it. That is no more
//! than it could have asked for by name, and it is not given in silence: the page says all that a yes
//! gives, new or not, and a yes never gives more than its page has said.
//!
//! The earlier grants stay as they are, whatever the answer: other installations may live on them.

use crate::clock::UnixTime;
use crate::oauth::{ClientId, Scope, UserId};
use crate::storage::resources::Resource;
use crate::storage::{DbConnection, StorageError, grants};

/// What the person has granted the client there, by grants that are live.
///
/// # Errors
/// The database's.
pub fn granted_before(
    conn: &mut DbConnection,
    (client_id, user_id): (&ClientId, &UserId),
    resource: &Resource,
    now: UnixTime,
) -> Result<Scope, StorageError> {
    let mut scope = Scope::default();
    for grant in grants::live_of(conn, user_id, &resource.canonical)? {
        let counts = grant.client_id == *client_id && grant.is_live(now);
        if counts && super::admission::stands(conn, resource, &grant)? {
            scope = scope.union(&grant.scope);
        }
    }
    Ok(scope)
}
