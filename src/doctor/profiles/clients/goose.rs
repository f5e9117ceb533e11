//! Goose: rmcp, and a refresh at each start.

use super::families::rmcp;
use crate::doctor::profiles::profile::{
    Condition, Document, Dynamic, Profile, Refresh, Registration, TokenHabits,
};

/// block/goose `crates/goose/src/oauth/mod.rs`: whatever fails at the refresh clears what is stored
/// and opens the browser.
pub(super) const PROFILE: Profile = Profile {
    name: "goose",
    product: "Goose",
    source: "block/goose crates/goose/src/oauth/mod.rs",
    habits: "document; `/oauth_callback` on a random port of 127.0.0.1; refreshes at each start, \
             however fresh the token is",
    user_agent: "goose",
    page: None,
    reading: rmcp::READING,
    discovery: rmcp::DISCOVERY,
    registration: Registration {
        documents: &[Document {
            id: "https://goose-docs.ai/oauth/client-metadata.json",
            on: Condition::Always,
            keys: false,
            redirect_uri: "http://127.0.0.1:{port}/oauth_callback",
        }],
        dynamic: Some(Dynamic {
            client_name: "goose",
            redirect_uris: &["http://127.0.0.1:{port}/oauth_callback"],
            ..rmcp::DYNAMIC
        }),
    },
    authorization: rmcp::AUTHORIZATION,
    tokens: TokenHabits { refresh: Refresh::AtStart, ..rmcp::TOKENS },
};
