//! Visual Studio Code.

use super::families::{SPECIFIED_AUTHORIZATION, SPECIFIED_DISCOVERY, SPECIFIED_TOKENS};
use crate::doctor::profiles::profile::{
    Authorization, Condition, Discovery, Document, Dynamic, Echo, OtherBuild, Profile, Reading,
    RegisteredScope, Registration, ResourceRule, State, TokenHabits,
};

/// microsoft/vscode `src/vs/base/common/oauth.ts`, `src/vs/workbench/api/common/
/// extHostAuthentication.ts`; issues #278512 (a random port, when another window has 33418),
/// #282472 (documents); contextstream/mcp-server#57 (no slash at the end of the redirect URI).
pub(super) const PROFILE: Profile = Profile {
    name: "vscode",
    product: "Visual Studio Code",
    source: "microsoft/vscode src/vs/base/common/oauth.ts; #278512, #282472, #321834; contextstream/mcp-server#57",
    habits: "document, or a registration with the device grant and four redirects; a port other \
             than 33418; other builds: no slash after it; `state` with `+`, `/` and `=`; `code` \
             as it stands in the query",
    user_agent: "Visual Studio Code/1.110.0",
    page: None,
    reading: Reading::Loose,
    discovery: Discovery { resource: ResourceRule::SameUrl, ..SPECIFIED_DISCOVERY },
    registration: Registration {
        documents: &[Document {
            id: "https://vscode.dev/oauth/client-metadata.json",
            on: Condition::Always,
            keys: false,
            redirect_uri: "http://127.0.0.1:{port}/",
        }],
        dynamic: Some(Dynamic {
            client_name: "Visual Studio Code",
            redirect_uris: &[
                "https://insiders.vscode.dev/redirect",
                "https://vscode.dev/redirect",
                "http://127.0.0.1:33418/",
                "http://127.0.0.1/",
            ],
            grant_types: &[
                "authorization_code",
                "refresh_token",
                "urn:ietf:params:oauth:grant-type:device_code",
            ],
            method: Some("none"),
            application_type: Some("native"),
            scope: RegisteredScope::Asked,
            others: &[("client_uri", "https://code.visualstudio.com")],
            echo: Echo::Any,
        }),
    },
    authorization: Authorization {
        state: State::Base64,
        raw_code: true,
        other_builds: &[
            OtherBuild {
                which: "one with the port of its own",
                redirect_uri: Some("http://127.0.0.1:33418/"),
                in_document: false,
                resource: None,
            },
            OtherBuild {
                which: "one whose window has another port",
                redirect_uri: Some("http://127.0.0.1:{port}/"),
                in_document: false,
                resource: None,
            },
            OtherBuild {
                which: "one without the slash",
                redirect_uri: Some("http://127.0.0.1:33418"),
                in_document: false,
                resource: None,
            },
            OtherBuild {
                which: "one in the browser",
                redirect_uri: Some("https://vscode.dev/redirect"),
                in_document: false,
                resource: None,
            },
        ],
        ..SPECIFIED_AUTHORIZATION
    },
    tokens: TokenHabits { margin: 300, ..SPECIFIED_TOKENS },
};
