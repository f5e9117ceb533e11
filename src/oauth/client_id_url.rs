//! A `client_id` that is the address of a document: Client ID Metadata Document draft -01, section 3.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

use super::ClientId;

/// What such a `client_id` begins with, and no other.
pub(super) const SCHEME: &str = "https://";
/// The longest, in bytes. Known ones have fewer than 100.
const LONGEST: usize = 255;

/// The address of a client's metadata document. It keeps its spelling, which the document has to
/// repeat byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientIdUrl(Url);

impl ClientIdUrl {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// For whoever fetches it.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Whose word the document is, as people read it: the host, with its port if it has one.
    #[must_use]
    pub fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The address that a `client_id` is, if it is one.
    #[must_use]
    pub fn of(id: &ClientId) -> Option<Self> {
        id.as_str().parse().ok()
    }
}

impl FromStr for ClientIdUrl {
    type Err = &'static str;

    /// https, a host spelt plainly, a path without dot segments in any spelling, no fragment, no
    /// user name, and no query: the draft says that it should not have one, and nobody's has.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > LONGEST || text.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err("a client_id URL is at most 255 printable ASCII characters");
        }
        let rest = text.strip_prefix(SCHEME).ok_or("a client_id URL begins with https://")?;
        if text.contains(['#', '?', '@', '\\', '"', '<', '>', '`', '^', '{', '|', '}']) {
            return Err("a client_id URL has no fragment, query or user name");
        }
        let path = rest.find('/').map(|slash| &rest[slash..]).filter(|path| path.len() > 1);
        let path = path.ok_or("a client_id URL has a path")?;
        let plain = |segment: &str| segment.replace("%2e", ".").replace("%2E", ".");
        if path.split('/').any(|segment| matches!(plain(segment).as_str(), "." | "..")) {
            return Err("a client_id URL has no dot segments");
        }
        let url = Url::parse(text).map_err(|_| "a client_id URL is a URL")?;
        // Whatever the parser would write otherwise (an upper-case host, a default port, an address
        // in decimal) could be another host for another reader.
        if url.as_str() != text || matches!(url.host(), None | Some(Host::Domain(""))) {
            return Err("a client_id URL is spelt plainly");
        }
        Ok(Self(url))
    }
}

impl From<&ClientIdUrl> for ClientId {
    fn from(url: &ClientIdUrl) -> Self {
        Self::of_url(url)
    }
}

impl fmt::Display for ClientIdUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_known_clients_are_accepted() {
        for text in [
            "https://claude.ai/oauth/mcp-oauth-client-metadata",
            "https://vscode.dev/oauth/client-metadata.json",
            "https://www.mcpjam.com/.well-known/oauth/client-metadata.json",
            "https://h.example:8443/c",
            "https://127.0.0.1:8443/client.json",
            "https://[::1]:8443/client.json",
        ] {
            let url: ClientIdUrl = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(url.as_str(), text);
            assert_eq!(ClientIdUrl::of(&ClientId::from(&url)), Some(url));
        }
    }

    #[test]
    fn an_address_may_be_as_long_as_any_identifier() {
        let longest = format!("https://h.example/{}", "x".repeat(LONGEST - 18));
        assert_eq!(longest.len(), LONGEST);
        assert_eq!(longest.parse::<ClientIdUrl>().unwrap().to_string(), longest);
        assert!(format!("{longest}x").parse::<ClientIdUrl>().is_err());
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let long = format!("https://h.example/{}", "x".repeat(255));
        for text in [
            "http://h.example/c",
            "HTTPS://h.example/c",
            "https://h.example",
            "https://h.example/",
            "https:///c",
            "https:/h.example/c",
            "https://h.example/a/../c",
            "https://h.example/./c",
            "https://h.example/%2e%2E/c",
            "https://h.example/.%2e/c",
            "https://h.example/c#x",
            "https://h.example/c?x=1",
            "https://u@h.example/c",
            "https://u:p@h.example/c",
            "https://h.example\\@evil.example/c",
            "https://H.example/c",
            "https://h.example:443/c",
            "https://h.example:/c",
            "https://h.example:0x50/c",
            "https://2130706433/c",
            "https://0x7f.1/c",
            "https://127.1/c",
            "https://0177.0.0.1/c",
            "https://[::ffff:127.0.0.1]/c",
            "https://[0:0:0:0:0:0:0:1]/c",
            "https://h%2eexample/c",
            "https://h.example/ä",
            "https://h.example/a b",
            "https://h.example/\tc",
            &long,
        ] {
            assert!(text.parse::<ClientIdUrl>().is_err(), "{text}");
        }
    }
}
