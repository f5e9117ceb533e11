//! What a bearer token is worth at a resource: the one decision behind introspection and the gate.

pub mod confirmation;
pub mod decision;
pub mod rule_book;
pub mod rules;

use std::sync::Arc;

use crate::authorization::admission;
use crate::clock::UnixTime;
use crate::oauth::{TokenKind, TokenSecret};
use crate::storage::access_tokens::Described;
use crate::storage::resources::Resource;
use crate::storage::{Known, StorageError};

/// The token, if it is an access token for this resource and lives now. Everything else is nothing,
/// for whatever reason: RFC 7662 section 2.2. A resource that is paused has no other word for it, so
/// its clients try to refresh, which works, and keep what they have.
///
/// # Errors
/// The database's.
pub fn examine(
    known: &mut Known<'_>,
    token: &str,
    resource: &Resource,
    now: UnixTime,
) -> Result<Option<Arc<Described>>, StorageError> {
    let Some(secret) = TokenSecret::parse(TokenKind::Access, token) else { return Ok(None) };
    if resource.paused_at.is_some() {
        return Ok(None);
    }
    let described = known.token(secret.id())?.filter(|found| {
        found.token.hash == secret.hash()
            && now < found.token.expires_at
            && found.grant.is_live(now)
            && found.grant.resource.canonical() == resource.canonical
    });
    let Some(found) = described else { return Ok(None) };
    Ok(admission::stands(known.conn, resource, &found.grant)?.then_some(found))
}
