//! mcp-remote: brings clients without OAuth to servers with it.

use super::families::typescript_v1;
use crate::doctor::profiles::profile::{
    Authorization, Dynamic, OtherBuild, Profile, Refresh, Registration, ScopeFrom, TokenHabits,
};

/// geelen/mcp-remote `src/lib/{coordination,node-oauth-client-provider,utils}.ts` of 0.1.43.
pub(super) const PROFILE: Profile = Profile {
    name: "mcp-remote",
    product: "mcp-remote",
    source: "geelen/mcp-remote 0.1.43 src/lib/{coordination,node-oauth-client-provider,utils}.ts",
    habits: "one port for each server, and another when that is taken; `software_id`; asks for \
             `openid email profile` where nobody names scopes; several processes refresh at once",
    user_agent: "node",
    page: None,
    reading: typescript_v1::READING,
    discovery: typescript_v1::DISCOVERY,
    registration: Registration {
        documents: &[],
        dynamic: Some(Dynamic {
            client_name: "MCP CLI Proxy",
            redirect_uris: &["http://localhost:{port}/oauth/callback"],
            others: &[
                ("client_uri", "https://github.com/modelcontextprotocol/mcp-cli"),
                ("software_id", "2e6dc280-f3c3-4e01-99a7-8181dbd1d23d"),
                ("software_version", "0.1.43"),
            ],
            ..typescript_v1::DYNAMIC
        }),
    },
    authorization: Authorization {
        scope: &[
            ScopeFrom::Challenge,
            ScopeFrom::Resource,
            ScopeFrom::Server,
            ScopeFrom::Fixed("openid email profile"),
        ],
        other_builds: &[OtherBuild {
            which: "one whose port was taken",
            redirect_uri: Some("http://localhost:3335/oauth/callback"),
            in_document: false,
            resource: None,
        }],
        ..typescript_v1::AUTHORIZATION
    },
    tokens: TokenHabits { refresh: Refresh::Together, ..typescript_v1::TOKENS },
};
