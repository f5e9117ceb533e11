//! Step-up: a client that may do something already asks for more (RFC 6750 section 3.1; MCP 2026-07-28,
//! authorization, "Step-Up Authorization Flow").
//!
//! A client is told what one call takes. One that then asks for that alone would lose what it had, ask
//! for it again at its next call, and go on for ever. So a yes gives what is asked for now, and what
//! the same person has granted the same client for the same resource, as far as all three may have it
//! now.
//!
//! A grant that has all that is asked for is left out: whoever lives on it has no need to ask. So a
//! client that connects anew, or another installation of it, gets what it asks for and not what was
//! once granted; and one that steps up always keeps its own, which lacks something.
//!
//! Whose grants those are is not known better than by `client_id`: nobody presents a token here, and
//! several installations may share one id (a metadata document, alike registrations). One of them gets
//! what the person has granted another, or a program that only claims the id gets it. That is no more
//! than it could have asked for by name, and it is not given in silence: the page says all that a yes
//! gives, new or not, and a yes never gives anything else than its page has said.
//!
//! The earlier grants stay as they are, whatever the answer: other installations may live on them.

use super::admission;
use crate::clock::UnixTime;
use crate::oauth::{ClientId, Scope, UserId};
use crate::storage::resources::Resource;
use crate::storage::{DbConnection, StorageError, grants};

/// What the person has granted the client there before.
#[derive(Debug, Default)]
pub struct Before {
    /// All of it.
    pub all: Scope,
    /// What the client keeps, that asks for more now.
    pub kept: Scope,
}

/// What the person has granted the client there, by grants that are live, and what of it a yes to this
/// scope gives as well.
///
/// # Errors
/// The database's.
pub fn before(
    conn: &mut DbConnection,
    (client_id, user_id): (&ClientId, &UserId),
    resource: &Resource,
    asked: &Scope,
    now: UnixTime,
) -> Result<Before, StorageError> {
    let mut before = Before::default();
    for grant in grants::live_of(conn, user_id, &resource.canonical)? {
        let counts = grant.client_id == *client_id && grant.is_live(now);
        if !counts || !admission::stands(conn, resource, &grant)? {
            continue;
        }
        if !grant.scope.covers(asked) {
            before.kept = before.kept.union(&grant.scope);
        }
        before.all = before.all.union(&grant.scope);
    }
    Ok(before)
}
