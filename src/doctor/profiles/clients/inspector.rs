//! MCP Inspector: runs in a browser, so that the same-origin policy stands between it and us.

use super::families::typescript_v1;
use crate::doctor::profiles::profile::{
    Authorization, Discovery, Dynamic, Iss, IssuerRule, Offline, OtherBuild, Profile,
    RegisteredScope, Registration,
};

const DYNAMIC: Dynamic = Dynamic {
    client_name: "MCP Inspector",
    redirect_uris: &["http://127.0.0.1:6274/oauth/callback"],
    application_type: Some("native"),
    scope: RegisteredScope::Empty,
    others: &[("client_uri", "https://github.com/modelcontextprotocol/inspector")],
    ..typescript_v1::DYNAMIC
};

/// modelcontextprotocol/inspector 2.3.0: the web client; the terminal has a port of its own.
pub(super) const PROFILE: Profile = Profile {
    name: "inspector",
    product: "MCP Inspector",
    source: "modelcontextprotocol/inspector 2.3.0",
    habits: "a browser: preflights, and CORS headers on metadata, registration, token, revocation \
             and the MCP server's 401; registers with scope `\"\"`; the TypeScript SDK v2's reading",
    user_agent: "Mozilla/5.0",
    page: Some("http://127.0.0.1:6274"),
    reading: typescript_v1::READING,
    discovery: Discovery {
        issuer: IssuerRule::Exact,
        version: Some("2026-07-28"),
        ..typescript_v1::DISCOVERY
    },
    registration: Registration { documents: &[], dynamic: Some(DYNAMIC) },
    authorization: Authorization {
        offline: Offline::Listed,
        iss: Iss::AsPromised,
        ..typescript_v1::AUTHORIZATION
    },
    tokens: typescript_v1::TOKENS,
};

/// modelcontextprotocol/inspector v1: one page more, for its step-by-step mode.
pub(super) const PROFILE_V1: Profile = Profile {
    name: "inspector-v1",
    product: "MCP Inspector v1",
    source: "modelcontextprotocol/inspector client/src/lib/auth.ts",
    habits: "as Inspector, on localhost, with `/oauth/callback/debug` beside the usual redirect",
    page: Some("http://localhost:6274"),
    discovery: typescript_v1::DISCOVERY,
    registration: Registration {
        documents: &[],
        dynamic: Some(Dynamic {
            redirect_uris: &[
                "http://localhost:6274/oauth/callback/debug",
                "http://localhost:6274/oauth/callback",
            ],
            ..DYNAMIC
        }),
    },
    authorization: Authorization {
        other_builds: &[OtherBuild {
            which: "its step-by-step mode",
            redirect_uri: Some("http://localhost:6274/oauth/callback/debug"),
            in_document: false,
            resource: None,
        }],
        ..typescript_v1::AUTHORIZATION
    },
    ..PROFILE
};
