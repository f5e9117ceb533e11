//! What clients have from the code that they are built on.

use crate::doctor::profiles::profile::{
    Authorization, Challenge, Discovery, Dynamic, Echo, Iss, IssuerRule, Offline, Outage, Pkce,
    Probe, Reading, Refresh, RefreshScope, RegisteredScope, Resource, ResourceRule, ScopeFrom,
    State, TokenHabits,
};

pub(super) const BOTH_GRANTS: &[&str] = &["authorization_code", "refresh_token"];

/// What is common to clients of which nothing else is known: the MCP specification of 2025-11-25.
pub(super) const SPECIFIED_DISCOVERY: Discovery = Discovery {
    probe: Probe::Post,
    challenge: Challenge::Helps,
    version: None,
    resource: ResourceRule::Above,
    outage: Outage::Passes,
    root_too: false,
    issuer: IssuerRule::Unread,
    pkce: Pkce::NotDenied,
};
pub(super) const SPECIFIED_AUTHORIZATION: Authorization = Authorization {
    scope: &[ScopeFrom::Challenge, ScopeFrom::Resource],
    offline: Offline::Never,
    resource: Resource::AsPublished,
    twice: false,
    state: State::Plain,
    preflight: false,
    iss: Iss::Unread,
    raw_code: false,
    other_builds: &[],
};
pub(super) const SPECIFIED_TOKENS: TokenHabits = TokenHabits {
    basic: false,
    refresh_resource: true,
    refresh_scope: RefreshScope::Absent,
    refresh: Refresh::Once,
    margin: 0,
};

/// modelcontextprotocol/typescript-sdk v1: `src/client/auth.ts` of 1.30. Read by
/// `src/shared/auth.ts`, whose zod schemas know no null.
pub(super) mod typescript_v1 {
    use super::*;

    pub(in super::super) const READING: Reading = Reading::Zod;
    pub(in super::super) const DISCOVERY: Discovery =
        Discovery { version: Some("2025-11-25"), outage: Outage::Ends, ..SPECIFIED_DISCOVERY };
    pub(in super::super) const AUTHORIZATION: Authorization =
        Authorization { resource: Resource::Parsed, ..SPECIFIED_AUTHORIZATION };
    pub(in super::super) const TOKENS: TokenHabits =
        TokenHabits { basic: true, ..SPECIFIED_TOKENS };
    /// The redirect URIs and the name are the application's.
    pub(in super::super) const DYNAMIC: Dynamic = Dynamic {
        client_name: "",
        redirect_uris: &[],
        grant_types: BOTH_GRANTS,
        method: Some("none"),
        application_type: None,
        scope: RegisteredScope::Asked,
        others: &[],
        echo: Echo::Any,
    };
}

/// modelcontextprotocol/python-sdk v2: `src/mcp/client/auth/{oauth2,utils}.py`, read by
/// `src/mcp/shared/auth.py`.
pub(super) mod python {
    use super::*;

    pub(in super::super) const READING: Reading = Reading::Pydantic;
    pub(in super::super) const DISCOVERY: Discovery = Discovery {
        version: Some("2026-07-28"),
        outage: Outage::Ends,
        issuer: IssuerRule::Exact,
        pkce: Pkce::Unread,
        ..SPECIFIED_DISCOVERY
    };
    pub(in super::super) const AUTHORIZATION: Authorization = Authorization {
        scope: &[ScopeFrom::Challenge, ScopeFrom::Resource, ScopeFrom::Server],
        offline: Offline::Listed,
        iss: Iss::AsPromised,
        ..SPECIFIED_AUTHORIZATION
    };
    pub(in super::super) const TOKENS: TokenHabits =
        TokenHabits { basic: true, ..SPECIFIED_TOKENS };
}

/// modelcontextprotocol/rust-sdk: `crates/rmcp/src/transport/auth.rs`.
pub(super) mod rmcp {
    use super::*;

    pub(in super::super) const READING: Reading = Reading::Serde;
    pub(in super::super) const DISCOVERY: Discovery = Discovery {
        probe: Probe::Get,
        version: Some("2024-11-05"),
        root_too: true,
        issuer: IssuerRule::RootSlashIgnored,
        ..SPECIFIED_DISCOVERY
    };
    pub(in super::super) const AUTHORIZATION: Authorization =
        Authorization { offline: Offline::Listed, iss: Iss::AsPromised, ..SPECIFIED_AUTHORIZATION };
    pub(in super::super) const TOKENS: TokenHabits = TokenHabits {
        refresh_scope: RefreshScope::GrantedAndOffline,
        margin: 30,
        ..SPECIFIED_TOKENS
    };
    pub(in super::super) const DYNAMIC: Dynamic = Dynamic {
        client_name: "",
        redirect_uris: &[],
        grant_types: BOTH_GRANTS,
        method: Some("none"),
        application_type: Some("native"),
        scope: RegisteredScope::Asked,
        others: &[],
        echo: Echo::Any,
    };
}
