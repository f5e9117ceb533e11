//! FastMCP's client: the Python SDK, and a look at the authorization URL before the browser.

use super::families::{BOTH_GRANTS, python};
use crate::doctor::profiles::profile::{
    Authorization, Dynamic, Echo, Profile, RegisteredScope, Registration,
};

/// PrefectHQ/fastmcp `fastmcp_slim/fastmcp/client/auth/oauth.py`: a 400 at the authorization URL
/// means an unknown client, and anything but 200, 302, 303, 307 or 308 is an error.
pub(super) const PROFILE: Profile = Profile {
    name: "fastmcp",
    product: "FastMCP's client",
    source: "PrefectHQ/fastmcp fastmcp_slim/fastmcp/client/auth/oauth.py",
    habits: "fetches the authorization URL itself first, and takes only 200, 302, 303, 307, 308; \
             registers with scope `\"\"`; the Python SDK's reading",
    user_agent: "python-httpx/0.28.1",
    page: None,
    reading: python::READING,
    discovery: python::DISCOVERY,
    registration: Registration {
        documents: &[],
        dynamic: Some(Dynamic {
            client_name: "FastMCP Client",
            redirect_uris: &["http://localhost:{port}/callback"],
            grant_types: BOTH_GRANTS,
            method: Some("none"),
            application_type: Some("native"),
            scope: RegisteredScope::Asked,
            others: &[],
            echo: Echo::WithItsSecret,
        }),
    },
    authorization: Authorization { preflight: true, ..python::AUTHORIZATION },
    tokens: python::TOKENS,
};
