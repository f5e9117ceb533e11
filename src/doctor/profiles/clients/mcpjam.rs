//! The Inspector of `MCPJam`.

use super::families::{SPECIFIED_AUTHORIZATION, SPECIFIED_DISCOVERY, SPECIFIED_TOKENS};
use crate::doctor::profiles::profile::{Condition, Document, Profile, Reading, Registration};

/// Its document; the rest is as the MCP specification has it.
pub(super) const PROFILE: Profile = Profile {
    name: "mcpjam",
    product: "MCPJam Inspector",
    source: "www.mcpjam.com/.well-known/oauth/client-metadata.json",
    habits: "document; the TypeScript SDK's reading",
    user_agent: "mcpjam",
    page: None,
    reading: Reading::Loose,
    discovery: SPECIFIED_DISCOVERY,
    registration: Registration {
        documents: &[Document {
            id: "https://www.mcpjam.com/.well-known/oauth/client-metadata.json",
            on: Condition::Always,
            keys: false,
            redirect_uri: "http://127.0.0.1:6274/oauth/callback",
        }],
        dynamic: None,
    },
    authorization: SPECIFIED_AUTHORIZATION,
    tokens: SPECIFIED_TOKENS,
};
