//! modelcontextprotocol/typescript-sdk v1: `src/client/auth.ts` of 1.30. Read by
//! `src/shared/auth.ts`, whose zod schemas know no null.

use super::{BOTH_GRANTS, SPECIFIED_AUTHORIZATION, SPECIFIED_DISCOVERY, SPECIFIED_TOKENS};
use crate::doctor::profiles::profile::{
    Authorization, Discovery, Dynamic, Echo, Outage, Reading, RegisteredScope, Resource,
    TokenHabits,
};

pub(in super::super) const READING: Reading = Reading::Zod;
pub(in super::super) const DISCOVERY: Discovery =
    Discovery { version: Some("2025-11-25"), outage: Outage::Ends, ..SPECIFIED_DISCOVERY };
pub(in super::super) const AUTHORIZATION: Authorization =
    Authorization { resource: Resource::Parsed, ..SPECIFIED_AUTHORIZATION };
pub(in super::super) const TOKENS: TokenHabits = TokenHabits { basic: true, ..SPECIFIED_TOKENS };
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
