//! The apps and connectors of `ChatGPT`: asked from `OpenAI`'s servers.

use super::families::{
    BOTH_GRANTS, SPECIFIED_AUTHORIZATION, SPECIFIED_DISCOVERY, SPECIFIED_TOKENS,
};
use crate::doctor::profiles::profile::{
    Authorization, Condition, Discovery, Document, Dynamic, Echo, Iss, Pkce, Profile, Reading,
    RegisteredScope, Registration,
};

/// developers.openai.com/apps-sdk/build/auth. The document names `private_key_jwt`, and lists
/// `none` beside it: a server without keys negotiates down to `none`.
pub(super) const PROFILE: Profile = Profile {
    name: "chatgpt",
    product: "ChatGPT",
    source: "developers.openai.com/apps-sdk/build/auth; openai/codex#47513",
    habits: "stable document where `iss` is promised, else one for each connection; \
             `private_key_jwt` negotiated to `none`; `S256` listed; exact `iss`; the registered \
             method as it was asked for",
    user_agent: "Mozilla/5.0 (compatible; ChatGPT-User/1.0; +https://openai.com/bot)",
    page: None,
    reading: Reading::Loose,
    discovery: Discovery { pkce: Pkce::Listed, ..SPECIFIED_DISCOVERY },
    registration: Registration {
        documents: &[
            Document {
                id: "https://chatgpt.com/oauth/client.json",
                on: Condition::IssuerInResponse,
                keys: true,
                redirect_uri: "https://chatgpt.com/connector_platform_oauth_redirect",
            },
            Document {
                id: "https://chatgpt.com/oauth/{id}/client.json",
                on: Condition::Always,
                keys: true,
                redirect_uri: "https://chatgpt.com/connector/oauth/{id}",
            },
        ],
        dynamic: Some(Dynamic {
            client_name: "ChatGPT",
            redirect_uris: &["https://chatgpt.com/connector/oauth/{id}"],
            grant_types: BOTH_GRANTS,
            method: Some("none"),
            application_type: None,
            scope: RegisteredScope::Absent,
            others: &[],
            echo: Echo::AsAsked,
        }),
    },
    authorization: Authorization { iss: Iss::AsPromised, ..SPECIFIED_AUTHORIZATION },
    tokens: SPECIFIED_TOKENS,
};
