//! modelcontextprotocol/rust-sdk: `crates/rmcp/src/transport/auth.rs`.

use super::{BOTH_GRANTS, SPECIFIED_AUTHORIZATION, SPECIFIED_DISCOVERY, SPECIFIED_TOKENS};
use crate::doctor::profiles::profile::{
    Authorization, Discovery, Dynamic, Echo, Iss, IssuerRule, Offline, Probe, Reading,
    RefreshScope, RegisteredScope, TokenHabits,
};

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
pub(in super::super) const TOKENS: TokenHabits =
    TokenHabits { refresh_scope: RefreshScope::GrantedAndOffline, margin: 30, ..SPECIFIED_TOKENS };
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
