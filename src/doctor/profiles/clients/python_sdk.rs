//! The Python SDK.

use super::families::{BOTH_GRANTS, python};
use crate::doctor::profiles::profile::{Dynamic, Echo, Profile, RegisteredScope, Registration};

/// modelcontextprotocol/python-sdk `src/mcp/client/auth/{oauth2,utils}.py`.
pub(super) const PROFILE: Profile = Profile {
    name: "python-sdk",
    product: "the MCP SDK for Python",
    source: "modelcontextprotocol/python-sdk src/mcp/client/auth/{oauth2,utils}.py",
    habits: "registers without a method, and takes the one that it is given with its secret; \
             `client_id` in the body beside Basic; every scope of the server where nobody names \
             scopes; exact issuer",
    user_agent: "python-httpx/0.28.1",
    page: None,
    reading: python::READING,
    discovery: python::DISCOVERY,
    registration: Registration {
        documents: &[],
        dynamic: Some(Dynamic {
            client_name: "MCP Python SDK",
            redirect_uris: &["http://localhost:3030/callback"],
            grant_types: BOTH_GRANTS,
            method: None,
            application_type: Some("native"),
            scope: RegisteredScope::Asked,
            others: &[],
            echo: Echo::WithItsSecret,
        }),
    },
    authorization: python::AUTHORIZATION,
    tokens: python::TOKENS,
};
