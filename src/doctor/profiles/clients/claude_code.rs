//! Claude Code, in a terminal.

use super::families::typescript_v1;
use crate::doctor::profiles::profile::{
    Authorization, Condition, Discovery, Document, Dynamic, Offline, OtherBuild, Profile, Refresh,
    Registration, Resource, ResourceRule, TokenHabits,
};

/// anthropics/claude-code CHANGELOG to 2.1.240; issues #52871 (`resource` is the origin with a
/// slash), #76096 (`resource` compared), #41610 (`offline_access` that nobody lists), #89862 (no
/// scope when refreshing), #37767 and #41011 (loopback ports), #24317 and #74250 (races).
pub(super) const PROFILE: Profile = Profile {
    name: "claude-code",
    product: "Claude Code",
    source: "anthropics/claude-code CHANGELOG 2.1.240; #24317, #37767, #41610, #52871, #76096, #89862",
    habits: "document with a loopback redirect without port, and a random port in the request; \
             `offline_access` unasked; other builds: 127.0.0.1, `resource` as origin and slash; \
             several processes refresh at once",
    user_agent: "claude-code/2.1.240 (cli)",
    page: None,
    reading: typescript_v1::READING,
    discovery: Discovery { resource: ResourceRule::SameUrl, ..typescript_v1::DISCOVERY },
    registration: Registration {
        documents: &[Document {
            id: "https://claude.ai/oauth/claude-code-client-metadata",
            on: Condition::Always,
            keys: false,
            redirect_uri: "http://localhost:{port}/callback",
        }],
        dynamic: Some(Dynamic {
            client_name: "Claude Code",
            redirect_uris: &["http://localhost:{port}/callback"],
            ..typescript_v1::DYNAMIC
        }),
    },
    authorization: Authorization {
        offline: Offline::Always,
        other_builds: &[
            OtherBuild {
                which: "2.1.229",
                redirect_uri: Some("http://127.0.0.1:{port}/callback"),
                in_document: true,
                resource: None,
            },
            OtherBuild {
                which: "the one of #52871",
                redirect_uri: None,
                in_document: false,
                resource: Some(Resource::Origin),
            },
        ],
        ..typescript_v1::AUTHORIZATION
    },
    tokens: TokenHabits { refresh: Refresh::Together, ..typescript_v1::TOKENS },
};
