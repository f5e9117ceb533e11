//! Codex, in a terminal and as an app: rmcp, with habits of its own.

use super::families::rmcp;
use crate::doctor::profiles::profile::{
    Authorization, Condition, Document, Dynamic, Profile, Refresh, RefreshScope, Registration,
    TokenHabits,
};

/// openai/codex `codex-rs/rmcp-client`; issues #33403 (no `resource` when refreshing), #14144 and
/// #27165 (old refresh tokens in several sessions), #29630 (never registers again).
pub(super) const PROFILE: Profile = Profile {
    name: "codex",
    product: "Codex",
    source: "openai/codex codex-rs/rmcp-client; #14144, #27165, #29630, #33403",
    habits: "document; `/callback/<id>` where no `iss` is promised; `resource` twice in the \
             authorization URL and not at all when refreshing; several sessions refresh at once",
    user_agent: "codex-mcp-client",
    page: None,
    reading: rmcp::READING,
    discovery: rmcp::DISCOVERY,
    registration: Registration {
        documents: &[
            Document {
                id: "https://chatgpt.com/oauth/codex/client.json",
                on: Condition::IssuerInResponse,
                keys: false,
                redirect_uri: "http://127.0.0.1:{port}/callback",
            },
            Document {
                id: "https://chatgpt.com/oauth/codex/{id}/client.json",
                on: Condition::Always,
                keys: false,
                redirect_uri: "http://127.0.0.1:{port}/callback/{id}",
            },
        ],
        dynamic: Some(Dynamic {
            client_name: "Codex",
            redirect_uris: &["http://127.0.0.1:{port}/callback/{id}"],
            ..rmcp::DYNAMIC
        }),
    },
    authorization: Authorization { twice: true, ..rmcp::AUTHORIZATION },
    tokens: TokenHabits {
        refresh_resource: false,
        refresh_scope: RefreshScope::Absent,
        refresh: Refresh::Together,
        ..rmcp::TOKENS
    },
};
