//! What clients have from the code that they are built on.

pub(super) mod python;
pub(super) mod rmcp;
pub(super) mod typescript_v1;

use crate::doctor::profiles::profile::{
    Authorization, Challenge, Discovery, Iss, IssuerRule, Offline, Outage, Pkce, Probe, Refresh,
    RefreshScope, Resource, ResourceRule, ScopeFrom, State, TokenHabits,
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
