//! Who is calling, and how a client becomes known.

pub mod authentication;
pub mod registration;

pub use authentication::{AuthenticatedClient, Presented, Stranger};

use crate::oauth::Scope;
use crate::storage::ClientOrigin;
use crate::storage::clients::Client;

/// The most that a person may grant a client.
///
/// The operator's word about a client is a limit. A client's own is not: it registers with what its
/// first request needs, and is led on to more (MCP 2026-07-28, "Step-Up Authorization Flow").
#[must_use]
pub fn ceiling(client: &Client, offered: &Scope) -> Scope {
    match client.origin {
        ClientOrigin::Configured => offered.narrow(&client.metadata.scope),
        ClientOrigin::Registered => offered.clone(),
    }
}
