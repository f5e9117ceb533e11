//! Dated copies of the documents of well-known clients, for when their hosts refuse us: bot filters
//! answer 403 to servers in data centres, and the client does not try another way (Client ID Metadata
//! Document draft -01, section 4.4: what cannot be fetched).

use std::borrow::Cow;

use crate::clock::UnixTime;
use crate::oauth::ClientIdUrl;

/// A copy that is shipped with this program. A document that can be fetched wins over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipped {
    /// The address.
    pub client_id: &'static str,
    /// What stood there, as far as it decides or is shown.
    pub document: Cow<'static, str>,
    /// When.
    pub as_of: UnixTime,
}

/// Every copy.
#[must_use]
pub fn all() -> &'static [Shipped] {
    &ALL
}

/// The copy of the document at this address, if there is one.
///
/// `ChatGPT` and Codex have an address for each connection, and say the same at all of them but for
/// the last segment of their redirect URIs. Nobody but they can receive at those of `ChatGPT`, and
/// those of Codex lead to the person's own computer, where no document proves anything.
#[must_use]
pub fn find(url: &ClientIdUrl) -> Option<Shipped> {
    let exact = all().iter().find(|shipped| shipped.client_id == url.as_str());
    exact.cloned().or_else(|| PATTERNS.iter().find_map(|pattern| pattern.of(url)))
}

const JUNE_30: UnixTime = UnixTime(1_782_777_600);
const AUGUST_20: UnixTime = UnixTime(1_787_184_000);
const SEPTEMBER_7: UnixTime = UnixTime(1_788_739_200);
const SEPTEMBER_18: UnixTime = UnixTime(1_789_689_600);
const SEPTEMBER_21: UnixTime = UnixTime(1_789_948_800);
const OCTOBER_9: UnixTime = UnixTime(1_791_504_000);

macro_rules! shipped {
    ($($client_id:literal $file:literal $as_of:ident),+ $(,)?) => {
        [$(Shipped {
            client_id: $client_id,
            document: Cow::Borrowed(include_str!(concat!("shipped/", $file))),
            as_of: $as_of,
        }),+]
    };
}

static ALL: [Shipped; 12] = shipped![
    "https://claude.ai/oauth/mcp-oauth-client-metadata" "claude.json" SEPTEMBER_21,
    "https://claude.ai/oauth/claude-code-client-metadata" "claude-code.json" SEPTEMBER_21,
    "https://chatgpt.com/oauth/client.json" "chatgpt.json" SEPTEMBER_21,
    "https://chatgpt.com/oauth/codex/client.json" "codex.json" AUGUST_20,
    "https://vscode.dev/oauth/client-metadata.json" "vscode.json" SEPTEMBER_21,
    "https://insiders.vscode.dev/oauth/client-metadata.json" "vscode-insiders.json" AUGUST_20,
    "https://goose-docs.ai/oauth/client-metadata.json" "goose.json" SEPTEMBER_21,
    "https://github.com/copilot/cli/client-metadata.json" "copilot-cli.json" SEPTEMBER_18,
    "https://grok.com/oauth/mcp-client.json" "grok.json" OCTOBER_9,
    "https://zed.dev/oauth/client-metadata.json" "zed.json" SEPTEMBER_21,
    "https://opencode.ai/oauth/opencode/client.json" "opencode.json" SEPTEMBER_7,
    "https://www.mcpjam.com/.well-known/oauth/client-metadata.json" "mcpjam.json" JUNE_30,
];

/// Addresses that differ in one segment, which is put into the document as well.
struct Pattern {
    /// The copy that all of them are like.
    like: &'static str,
    before: &'static str,
    after: &'static str,
    /// A redirect URI of the copy, and what it is at the address with this segment.
    redirects: &'static [(&'static str, &'static str)],
}

const PATTERNS: [Pattern; 2] = [
    Pattern {
        like: "https://chatgpt.com/oauth/codex/client.json",
        before: "https://chatgpt.com/oauth/codex/",
        after: "/client.json",
        redirects: &[
            ("http://127.0.0.1/callback", "http://127.0.0.1/callback/"),
            ("http://localhost/callback", "http://localhost/callback/"),
        ],
    },
    Pattern {
        like: "https://chatgpt.com/oauth/client.json",
        before: "https://chatgpt.com/oauth/",
        after: "/client.json",
        redirects: &[(
            "https://chatgpt.com/connector_platform_oauth_redirect",
            "https://chatgpt.com/connector/oauth/",
        )],
    },
];

impl Pattern {
    fn of(&self, url: &ClientIdUrl) -> Option<Shipped> {
        let segment = url.as_str().strip_prefix(self.before)?.strip_suffix(self.after)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !(4..=64).contains(&segment.len()) || !segment.bytes().all(plain) {
            return None;
        }
        let copy = all().iter().find(|shipped| shipped.client_id == self.like)?;
        let quoted = |text: &str| format!("\"{text}\"");
        let mut document = copy.document.replace(&quoted(self.like), &quoted(url.as_str()));
        for (stable, own) in self.redirects {
            document = document.replace(&quoted(stable), &quoted(&format!("{own}{segment}")));
        }
        Some(Shipped { document: Cow::Owned(document), ..copy.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::metadata_document::read;
    use crate::clients::registration::Bounds;
    use crate::oauth::ClientMetadata;

    const BOUNDS: Bounds = Bounds { redirect_uris: 20, string: 2048, unused_clients: 10 };

    fn metadata(url: &str) -> ClientMetadata {
        let url: ClientIdUrl = url.parse().unwrap();
        let shipped = find(&url).unwrap_or_else(|| panic!("{url} is not shipped"));
        read(&url, shipped.document.as_bytes(), &BOUNDS)
            .unwrap_or_else(|error| panic!("{url}: {}", error.description))
    }

    #[test]
    fn every_copy_is_a_valid_document_of_a_public_client_that_stays_connected() {
        for shipped in all() {
            let metadata = metadata(shipped.client_id);
            assert!(metadata.is_public() && metadata.grant_types.len() == 2);
            let date = shipped.as_of.to_string();
            assert!(date.starts_with("2026-") && date.ends_with("T00:00:00Z"), "{date}");
        }
    }

    #[test]
    fn addresses_of_one_connection_have_its_redirect_uris() {
        let uris = |url| metadata(url).redirect_uris.iter().map(ToString::to_string).collect();
        let chatgpt: Vec<String> = uris("https://chatgpt.com/oauth/7NsWlQyClcg9/client.json");
        assert_eq!(chatgpt, ["https://chatgpt.com/connector/oauth/7NsWlQyClcg9"]);
        let codex: Vec<String> = uris("https://chatgpt.com/oauth/codex/4-bzS8rt42zJ/client.json");
        assert_eq!(
            codex,
            ["http://127.0.0.1/callback/4-bzS8rt42zJ", "http://localhost/callback/4-bzS8rt42zJ"]
        );
    }

    #[test]
    fn nothing_is_shipped_for_what_only_looks_like_a_known_address() {
        let long = format!("https://chatgpt.com/oauth/{}/client.json", "x".repeat(65));
        for url in [
            "https://chatgpt.com.evil.example/oauth/client.json",
            "https://chatgpt.com/oauth/client.json/",
            "https://chatgpt.com/oauth//client.json",
            "https://chatgpt.com/oauth/abc/client.json",
            "https://chatgpt.com/oauth/codex/a/b/client.json",
            "https://chatgpt.com/oauth/abcd%22/client.json",
            "https://chatgpt.com/share/abcd/client.json",
            "https://claude.ai/oauth/mcp-oauth-client-metadata/",
            &long,
        ] {
            assert_eq!(find(&url.parse().unwrap()), None, "{url}");
        }
    }
}
