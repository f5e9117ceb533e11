//! modelcontextprotocol/python-sdk v2: `src/mcp/client/auth/{oauth2,utils}.py`, read by
//! `src/mcp/shared/auth.py`.

use super::{SPECIFIED_AUTHORIZATION, SPECIFIED_DISCOVERY, SPECIFIED_TOKENS};
use crate::doctor::profiles::profile::{
    Authorization, Discovery, Iss, IssuerRule, Offline, Outage, Pkce, Reading, ScopeFrom,
    TokenHabits,
};

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
pub(in super::super) const TOKENS: TokenHabits = TokenHabits { basic: true, ..SPECIFIED_TOKENS };
