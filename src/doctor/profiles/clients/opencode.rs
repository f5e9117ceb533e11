//! opencode: the TypeScript SDK in a terminal.

use super::families::typescript_v1;
use crate::doctor::profiles::profile::{
    Condition, Document, Dynamic, Profile, Refresh, Registration, TokenHabits,
};

/// sst/opencode; issues #34074 (several processes refresh at once), #35625 (many registrations).
pub(super) const PROFILE: Profile = Profile {
    name: "opencode",
    product: "opencode",
    source: "sst/opencode packages/opencode/src/mcp; #34074, #35625",
    habits: "document; the TypeScript SDK's reading; several processes refresh at once",
    user_agent: "opencode",
    page: None,
    reading: typescript_v1::READING,
    discovery: typescript_v1::DISCOVERY,
    registration: Registration {
        documents: &[Document {
            id: "https://opencode.ai/oauth/opencode/client.json",
            on: Condition::Always,
            keys: false,
            redirect_uri: "http://127.0.0.1:{port}/callback",
        }],
        dynamic: Some(Dynamic {
            client_name: "OpenCode",
            redirect_uris: &["http://127.0.0.1:19876/mcp/oauth/callback"],
            others: &[("client_uri", "https://opencode.ai")],
            ..typescript_v1::DYNAMIC
        }),
    },
    authorization: typescript_v1::AUTHORIZATION,
    tokens: TokenHabits { refresh: Refresh::Together, ..typescript_v1::TOKENS },
};
