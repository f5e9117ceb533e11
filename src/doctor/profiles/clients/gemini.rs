//! Gemini CLI.

use super::families::{
    BOTH_GRANTS, SPECIFIED_AUTHORIZATION, SPECIFIED_DISCOVERY, SPECIFIED_TOKENS,
};
use crate::doctor::profiles::profile::{
    Authorization, Challenge, Discovery, Dynamic, Echo, Iss, Pkce, Probe, Profile, Reading,
    RefreshScope, RegisteredScope, Registration, Resource, ResourceRule, ScopeFrom, TokenHabits,
};

/// google-gemini/gemini-cli `packages/core/src/mcp/{oauth-provider,oauth-utils}.ts`,
/// `packages/core/src/tools/mcp-client.ts`; pull request #29117 (no callback without `iss`).
pub(super) const PROFILE: Profile = Profile {
    name: "gemini",
    product: "Gemini CLI",
    source: "google-gemini/gemini-cli packages/core/src/mcp/{oauth-provider,oauth-utils}.ts; #29117",
    habits: "HEAD; a new client with scope `\"\"` each time, on a random port; asks for every \
             scope of the server and again when refreshing; `resource` as typed; no callback \
             without `iss`; thinks that tokens end five minutes early",
    user_agent: "node",
    page: None,
    reading: Reading::Loose,
    discovery: Discovery {
        probe: Probe::Head,
        challenge: Challenge::Needed,
        resource: ResourceRule::AsParsed,
        root_too: true,
        pkce: Pkce::Unread,
        ..SPECIFIED_DISCOVERY
    },
    registration: Registration {
        documents: &[],
        dynamic: Some(Dynamic {
            client_name: "Gemini CLI MCP Client",
            redirect_uris: &["http://localhost:{port}/oauth/callback"],
            grant_types: BOTH_GRANTS,
            method: Some("none"),
            application_type: None,
            scope: RegisteredScope::Empty,
            others: &[],
            echo: Echo::Any,
        }),
    },
    authorization: Authorization {
        scope: &[ScopeFrom::Server],
        resource: Resource::ServerUrl,
        iss: Iss::Needed,
        ..SPECIFIED_AUTHORIZATION
    },
    tokens: TokenHabits { refresh_scope: RefreshScope::Asked, margin: 300, ..SPECIFIED_TOKENS },
};
