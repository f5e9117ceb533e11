//! Antigravity: the person carries the code back by hand.

use super::families::{
    BOTH_GRANTS, SPECIFIED_AUTHORIZATION, SPECIFIED_DISCOVERY, SPECIFIED_TOKENS,
};
use crate::doctor::profiles::profile::{
    Dynamic, Echo, Profile, Reading, RegisteredScope, Registration,
};

/// google-antigravity issue #1038: no `offline_access`, dynamic registration only.
pub(super) const PROFILE: Profile = Profile {
    name: "antigravity",
    product: "Antigravity",
    source: "antigravity #1038, and its redirect page",
    habits: "no documents; a redirect to a page from which the code is copied; no `offline_access`",
    user_agent: "Antigravity",
    page: None,
    reading: Reading::Loose,
    discovery: SPECIFIED_DISCOVERY,
    registration: Registration {
        documents: &[],
        dynamic: Some(Dynamic {
            client_name: "Antigravity",
            redirect_uris: &["https://antigravity.google/oauth-callback"],
            grant_types: BOTH_GRANTS,
            method: Some("none"),
            application_type: None,
            scope: RegisteredScope::Asked,
            others: &[],
            echo: Echo::Any,
        }),
    },
    authorization: SPECIFIED_AUTHORIZATION,
    tokens: SPECIFIED_TOKENS,
};
