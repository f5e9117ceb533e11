//! Zed.

use super::families::{SPECIFIED_AUTHORIZATION, SPECIFIED_DISCOVERY, SPECIFIED_TOKENS};
use crate::doctor::profiles::profile::{Condition, Document, Profile, Reading, Registration};

/// Its document; the rest is as the MCP specification has it.
pub(super) const PROFILE: Profile = Profile {
    name: "zed",
    product: "Zed",
    source: "zed.dev/oauth/client-metadata.json",
    habits: "document; a random port of 127.0.0.1",
    user_agent: "Zed",
    page: None,
    reading: Reading::Loose,
    discovery: SPECIFIED_DISCOVERY,
    registration: Registration {
        documents: &[Document {
            id: "https://zed.dev/oauth/client-metadata.json",
            on: Condition::Always,
            keys: false,
            redirect_uri: "http://127.0.0.1:{port}/callback",
        }],
        dynamic: None,
    },
    authorization: SPECIFIED_AUTHORIZATION,
    tokens: SPECIFIED_TOKENS,
};
