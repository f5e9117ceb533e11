//! The Rust SDK.

use super::families::rmcp;
use crate::doctor::profiles::profile::{Dynamic, Profile, Registration};

/// modelcontextprotocol/rust-sdk `crates/rmcp/src/transport/auth.rs`.
pub(super) const PROFILE: Profile = Profile {
    name: "rmcp",
    product: "the MCP SDK for Rust",
    source: "modelcontextprotocol/rust-sdk crates/rmcp/src/transport/auth.rs",
    habits: "GET, with `MCP-Protocol-Version: 2024-11-05`; the issuer compared but for a root's \
             slash; redirect URIs in the registration's answer; `expires_in` a number; refreshes \
             with the granted scope and `offline_access`",
    user_agent: "rmcp",
    page: None,
    reading: rmcp::READING,
    discovery: rmcp::DISCOVERY,
    registration: Registration {
        documents: &[],
        dynamic: Some(Dynamic {
            client_name: "MCP Rust SDK",
            redirect_uris: &["http://127.0.0.1:{port}/callback"],
            ..rmcp::DYNAMIC
        }),
    },
    authorization: rmcp::AUTHORIZATION,
    tokens: rmcp::TOKENS,
};
