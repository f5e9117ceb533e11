//! The clients that are known by where they are: their documents, and where their answers go. What a
//! client calls itself proves nothing.

use super::shipped;
use crate::config::{Connecting, KnownClient};
use crate::oauth::{ClientIdUrl, ClientMetadata, Destination, RedirectUri};

/// Where answers to well-known clients go that register themselves, as each of them is documented or
/// has been seen to. `*` is one segment of the path.
const CALLBACKS: [&str; 10] = [
    // Claude on the web, on desktops and phones: support article 11503834.
    "https://claude.ai/api/mcp/auth_callback",
    "https://claude.com/api/mcp/auth_callback",
    // ChatGPT: developers.openai.com/apps-sdk/build/auth.
    "https://chatgpt.com/connector_platform_oauth_redirect",
    "https://chatgpt.com/connector/oauth/*",
    // Visual Studio Code: src/vs/base/common/oauth.ts of microsoft/vscode.
    "https://vscode.dev/redirect",
    "https://insiders.vscode.dev/redirect",
    // Cursor: its forum, topic 165019.
    "https://www.cursor.com/agents/mcp/oauth/callback",
    "cursor://anysphere.cursor-mcp/oauth/callback",
    // Grok: its metadata document.
    "https://grok.com/connectors-oauth-exchange-code/",
    // Antigravity of Google: issue 1038 of its repository.
    "https://antigravity.google/oauth-callback",
];

/// What Visual Studio Code and Cursor register beside those. By themselves they prove nothing: every
/// program on a computer can listen there.
const BESIDE: [&str; 2] = ["http://127.0.0.1/", "http://localhost:8787/callback"];

/// Whether a document is one of a known client's.
#[must_use]
pub fn is_known_document(url: &ClientIdUrl, connecting: &Connecting) -> bool {
    shipped::find(url).is_some() || operator_knows_document(url, connecting)
}

/// Whether a web site to which answers go is a known client's.
#[must_use]
pub fn is_known_site(uri: &RedirectUri, connecting: &Connecting) -> bool {
    matches!(uri.destination(), Destination::Web(_))
        && (operator_knows_callback(uri, connecting) || is_shipped(uri))
}

/// Whether all answers to a registration go to known clients. Some of them also listen on the
/// person's computer, which is fine beside a place that is theirs alone; nothing but that is known
/// only if the operator says so.
#[must_use]
pub fn is_known_registration(metadata: &ClientMetadata, connecting: &Connecting) -> bool {
    let proves = |uri: &RedirectUri| is_shipped(uri) || operator_knows_callback(uri, connecting);
    let beside = |uri: &RedirectUri| BESIDE.iter().any(|known| allows(known, uri));
    let uris = &metadata.redirect_uris;
    uris.iter().all(|uri| proves(uri) || beside(uri)) && uris.iter().any(proves)
}

/// Whether the operator has named the document, or its host.
#[must_use]
pub fn operator_knows_document(url: &ClientIdUrl, connecting: &Connecting) -> bool {
    connecting.known.iter().any(|known| match known {
        KnownClient::Host(host) => *host == url.host(),
        KnownClient::Document(document) => document == url,
        KnownClient::Callback(_) => false,
    })
}

/// Whether the operator has named the place to which answers go.
#[must_use]
pub fn operator_knows_callback(uri: &RedirectUri, connecting: &Connecting) -> bool {
    connecting.known.iter().any(|known| match known {
        KnownClient::Callback(callback) => callback.allows(uri),
        KnownClient::Host(_) | KnownClient::Document(_) => false,
    })
}

fn is_shipped(uri: &RedirectUri) -> bool {
    CALLBACKS.iter().any(|known| matches(known, uri.as_str()))
}

fn allows(known: &str, uri: &RedirectUri) -> bool {
    known.parse().is_ok_and(|known: RedirectUri| known.allows(uri))
}

/// Byte for byte, but for one segment of plain letters.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == text };
    let rest = text.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    rest.is_some_and(|segment| !segment.is_empty() && segment.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> RedirectUri {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn registration(uris: &[&str]) -> bool {
        is_known(uris, &Connecting::default())
    }

    fn is_known(uris: &[&str], connecting: &Connecting) -> bool {
        let uris = serde_json::to_string(uris).unwrap();
        let metadata = format!(
            r#"{{"redirect_uris":{uris},"token_endpoint_auth_method":"none","grant_types":[],"response_types":["code"]}}"#
        );
        is_known_registration(&metadata.parse().unwrap(), connecting)
    }

    #[test]
    fn what_is_shipped_can_be_registered_and_proves_something() {
        for known in CALLBACKS.map(|known| known.replace('*', "a-B_1")) {
            assert!(is_shipped(&uri(&known)), "{known}");
        }
        for known in BESIDE {
            assert!(allows(known, &uri(known)) && !is_shipped(&uri(known)), "{known}");
        }
        for document in shipped::all() {
            let url = document.client_id.parse().unwrap();
            assert!(is_known_document(&url, &Connecting::default()), "{url}");
        }
    }

    #[test]
    fn what_known_clients_register_is_known() {
        for uris in [
            &["https://claude.ai/api/mcp/auth_callback"][..],
            &["https://chatgpt.com/connector/oauth/AbC_1-2"],
            &[
                "https://insiders.vscode.dev/redirect",
                "https://vscode.dev/redirect",
                "http://127.0.0.1/",
                "http://127.0.0.1:33418/",
            ],
            &[
                "cursor://anysphere.cursor-mcp/oauth/callback",
                "https://www.cursor.com/agents/mcp/oauth/callback",
                "http://localhost:8787/callback",
            ],
        ] {
            assert!(registration(uris), "{uris:?}");
        }
    }

    #[test]
    fn whatever_only_looks_like_it_is_not() {
        for uris in [
            &["http://127.0.0.1/"][..],
            &["http://localhost:1234/callback"],
            &["http://127.0.0.1/", "http://localhost:8787/callback"],
            &["https://claude.ai/api/mcp/auth_callback/"],
            &["https://claude.ai/api/mcp/auth_callback?x=1"],
            &["https://claude.ai:8443/api/mcp/auth_callback"],
            &["https://claude.ai.evil.example/api/mcp/auth_callback"],
            &["https://chatgpt.com/connector/oauth/"],
            &["https://chatgpt.com/connector/oauth/a/b"],
            &["https://chatgpt.com/connector/oauth/%2e%2e"],
            &["https://chatgpt.com/connector/oauth/..?x"],
            &["cursor://evil/oauth/callback"],
            &["https://claude.ai/api/mcp/auth_callback", "https://evil.example/cb"],
            &["https://claude.ai/api/mcp/auth_callback", "http://127.0.0.1/other"],
        ] {
            assert!(!registration(uris), "{uris:?}");
        }
    }

    /// `ChatGPT` and Codex have one for each connection.
    #[test]
    fn an_address_of_one_connection_is_as_known_as_the_one_that_it_is_like() {
        for (text, expected) in [
            ("https://chatgpt.com/oauth/7NsWlQyClcg9/client.json", true),
            ("https://chatgpt.com/oauth/codex/4-bzS8rt42zJ/client.json", true),
            ("https://chatgpt.com/oauth/codex/client.json", true),
            ("https://chatgpt.com/oauth/a/b/client.json", false),
            ("https://chatgpt.com/client.json", false),
            ("https://chatgpt.com:8443/oauth/7NsWlQyClcg9/client.json", false),
            ("https://chatgpt.com.evil.example/oauth/7NsWlQyClcg9/client.json", false),
            ("https://evil.example/oauth/codex/4-bzS8rt42zJ/client.json", false),
        ] {
            let url = text.parse().unwrap();
            assert_eq!(is_known_document(&url, &Connecting::default()), expected, "{text}");
        }
    }

    #[test]
    fn the_operators_word_is_for_what_it_names() {
        let named = |known: KnownClient| Connecting { known: vec![known], ..Connecting::default() };
        let loopback = named(KnownClient::Callback(uri("http://127.0.0.1/callback")));
        assert!(is_known(&["http://127.0.0.1:4711/callback"], &loopback));
        assert!(!is_known(&["http://localhost:4711/callback"], &loopback));
        assert!(!is_known_site(&uri("http://127.0.0.1/callback"), &loopback));
        let host = named(KnownClient::Host("wiki.example".to_owned()));
        for (url, expected) in [
            ("https://wiki.example/a.json", true),
            ("https://wiki.example:8443/a.json", false),
            ("https://evil-wiki.example/a.json", false),
            ("https://a.wiki.example/a.json", false),
        ] {
            assert_eq!(is_known_document(&url.parse().unwrap(), &host), expected, "{url}");
        }
        assert!(!is_known(&["https://wiki.example/cb"], &host));
    }
}
