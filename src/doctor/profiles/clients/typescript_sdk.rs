//! The TypeScript SDK, in both of its versions.

use super::families::typescript_v1;
use crate::doctor::profiles::profile::{
    Authorization, Discovery, Dynamic, Iss, IssuerRule, Offline, Profile, Registration,
};

const DYNAMIC: Dynamic = Dynamic {
    client_name: "MCP TypeScript SDK",
    redirect_uris: &["http://localhost:8090/callback"],
    ..typescript_v1::DYNAMIC
};

/// modelcontextprotocol/typescript-sdk `packages/client/src/client/auth.ts` of 2.0.0.
pub(super) const PROFILE: Profile = Profile {
    name: "typescript-sdk",
    product: "the MCP SDK for TypeScript",
    source: "modelcontextprotocol/typescript-sdk packages/client/src/client/auth.ts (2.0.0)",
    habits: "no null anywhere; `resource` after a URL parser, so that a root has a slash; exact \
             issuer; `offline_access` where it is listed; ends at a 5xx",
    user_agent: "node",
    page: None,
    reading: typescript_v1::READING,
    discovery: Discovery {
        issuer: IssuerRule::Exact,
        version: Some("2026-07-28"),
        ..typescript_v1::DISCOVERY
    },
    registration: Registration {
        documents: &[],
        dynamic: Some(Dynamic { application_type: Some("native"), ..DYNAMIC }),
    },
    authorization: Authorization {
        offline: Offline::Listed,
        iss: Iss::AsPromised,
        ..typescript_v1::AUTHORIZATION
    },
    tokens: typescript_v1::TOKENS,
};

/// modelcontextprotocol/typescript-sdk `src/client/auth.ts` of 1.30: it compares no issuer.
pub(super) const PROFILE_V1: Profile = Profile {
    name: "typescript-sdk-v1",
    product: "the MCP SDK for TypeScript, v1",
    source: "modelcontextprotocol/typescript-sdk src/client/auth.ts (1.30)",
    habits: "as v2, without a look at issuer and `iss`",
    discovery: typescript_v1::DISCOVERY,
    registration: Registration { documents: &[], dynamic: Some(DYNAMIC) },
    authorization: typescript_v1::AUTHORIZATION,
    ..PROFILE
};
