//! Cursor: one registration with three redirect URIs, of which none may be refused.

use super::families::{
    BOTH_GRANTS, SPECIFIED_AUTHORIZATION, SPECIFIED_DISCOVERY, SPECIFIED_TOKENS,
};
use crate::doctor::profiles::profile::{
    Authorization, Dynamic, Echo, OtherBuild, Profile, Reading, RegisteredScope, Registration,
    ScopeFrom,
};

/// forum.cursor.com 136907 (`application_type: web` beside a private-use scheme), 165019 (the third
/// redirect URI), 148096 (no documents); laravel/mcp#173, modelcontextprotocol/python-sdk#897.
pub(super) const PROFILE: Profile = Profile {
    name: "cursor",
    product: "Cursor",
    source: "forum.cursor.com 136907, 148096, 165019; laravel/mcp#173, modelcontextprotocol/python-sdk#897",
    habits: "no documents; one registration with `cursor://`, https and loopback redirects and \
             `application_type: web`; asks for every scope of the server",
    user_agent: "Cursor/3.10.17",
    page: None,
    reading: Reading::Loose,
    discovery: SPECIFIED_DISCOVERY,
    registration: Registration {
        documents: &[],
        dynamic: Some(Dynamic {
            client_name: "Cursor",
            redirect_uris: &[
                "https://www.cursor.com/agents/mcp/oauth/callback",
                "http://localhost:8787/callback",
                "cursor://anysphere.cursor-mcp/oauth/callback",
            ],
            grant_types: BOTH_GRANTS,
            method: Some("none"),
            application_type: Some("web"),
            scope: RegisteredScope::Asked,
            others: &[],
            echo: Echo::Any,
        }),
    },
    authorization: Authorization {
        scope: &[ScopeFrom::Server],
        other_builds: &[
            OtherBuild {
                which: "an agent in the cloud",
                redirect_uri: Some("https://www.cursor.com/agents/mcp/oauth/callback"),
                in_document: false,
                resource: None,
            },
            OtherBuild {
                which: "3.10.17",
                redirect_uri: Some("http://localhost:8787/callback"),
                in_document: false,
                resource: None,
            },
        ],
        ..SPECIFIED_AUTHORIZATION
    },
    tokens: SPECIFIED_TOKENS,
};
