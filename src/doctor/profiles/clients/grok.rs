//! Grok's connectors.

use super::families::{SPECIFIED_AUTHORIZATION, SPECIFIED_DISCOVERY, SPECIFIED_TOKENS};
use crate::doctor::profiles::profile::{Condition, Document, Profile, Reading, Registration};

/// Its document, which answers 403 to data centres; openstatusHQ/openstatus#2733.
pub(super) const PROFILE: Profile = Profile {
    name: "grok",
    product: "Grok",
    source: "grok.com/oauth/mcp-client.json; openstatusHQ/openstatus#2733",
    habits: "document that data centres cannot fetch; a redirect URI that ends with a slash",
    user_agent: "Grok",
    page: None,
    reading: Reading::Loose,
    discovery: SPECIFIED_DISCOVERY,
    registration: Registration {
        documents: &[Document {
            id: "https://grok.com/oauth/mcp-client.json",
            on: Condition::Always,
            keys: false,
            redirect_uri: "https://grok.com/connectors-oauth-exchange-code/",
        }],
        dynamic: None,
    },
    authorization: SPECIFIED_AUTHORIZATION,
    tokens: SPECIFIED_TOKENS,
};
