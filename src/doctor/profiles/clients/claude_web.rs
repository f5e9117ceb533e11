//! Claude on the web, on the desktop and on phones: asks from Anthropic's servers.

use super::families::{
    BOTH_GRANTS, SPECIFIED_AUTHORIZATION, SPECIFIED_DISCOVERY, SPECIFIED_TOKENS,
};
use crate::doctor::profiles::profile::{
    Condition, Discovery, Document, Dynamic, Echo, Profile, Reading, Refresh, RegisteredScope,
    Registration, ResourceRule, TokenHabits,
};

/// claude.com/docs/connectors/building/authentication; anthropics/claude-ai-mcp#82 (`none`
/// returned), #650 (documents behind a bot filter), PrefectHQ/fastmcp#4264 and #4265 (two refreshes
/// at once, from two addresses).
pub(super) const PROFILE: Profile = Profile {
    name: "claude-web",
    product: "Claude (web, desktop, mobile)",
    source: "claude.com/docs/connectors; anthropics/claude-ai-mcp#82, #518, #650; PrefectHQ/fastmcp#4264",
    habits: "document only where `none` is listed, else a new client with `client_secret_post`; \
             `resource` as typed; first authorization server only; refreshes twice at once",
    user_agent: "Claude-User",
    page: None,
    reading: Reading::Loose,
    discovery: Discovery { resource: ResourceRule::AsTyped, ..SPECIFIED_DISCOVERY },
    registration: Registration {
        documents: &[Document {
            id: "https://claude.ai/oauth/mcp-oauth-client-metadata",
            on: Condition::PublicClients,
            keys: false,
            redirect_uri: "https://claude.ai/api/mcp/auth_callback",
        }],
        dynamic: Some(Dynamic {
            client_name: "Claude",
            redirect_uris: &["https://claude.ai/api/mcp/auth_callback"],
            grant_types: BOTH_GRANTS,
            method: Some("client_secret_post"),
            application_type: None,
            scope: RegisteredScope::Asked,
            others: &[],
            echo: Echo::Any,
        }),
    },
    authorization: SPECIFIED_AUTHORIZATION,
    tokens: TokenHabits { refresh: Refresh::Together, ..SPECIFIED_TOKENS },
};
