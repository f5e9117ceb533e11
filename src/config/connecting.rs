//! `MCP_OAUTH_CLIENTS` and `MCP_OAUTH_KNOWN_CLIENTS`: which apps may connect, and which ones the
//! operator trusts by name.

use super::ConfigError;
use super::values::{Reader, wrong};
use crate::oauth::{ClientIdUrl, RedirectUri};

/// Which apps may connect.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Connecting {
    /// What becomes of those that nobody here has met.
    pub newcomers: Newcomers,
    /// Whom the operator trusts, besides the clients that this program knows by itself.
    pub known: Vec<KnownClient>,
}

/// What becomes of apps that nobody here has met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Newcomers {
    /// Every person decides for herself.
    #[default]
    Open,
    /// Only those that are known may ask people.
    Known,
    /// The owner says yes to each of them first.
    Ask,
}

/// Something that the operator trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownClient {
    /// Every document of this host, spelt as in [`ClientIdUrl::host`].
    Host(String),
    /// One document.
    Document(ClientIdUrl),
    /// Whoever has its answers sent there.
    Callback(RedirectUri),
}

impl Reader<'_> {
    pub(super) fn connecting(&self) -> Result<Connecting, ConfigError> {
        let newcomers = match self.0.text("clients") {
            Some("open") => Newcomers::Open,
            Some("known") => Newcomers::Known,
            Some("ask") => Newcomers::Ask,
            _ => return Err(wrong("clients", "is open, known or ask")),
        };
        let text = self.0.text("known_clients").unwrap_or_default();
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let mut known = vec![];
        for entry in entries {
            let meant = known_clients(entry);
            if meant.is_empty() {
                let problem = "is neither a host, nor the https address of a document, nor a \
                               redirect URI";
                return Err(wrong("known_clients", format!("({entry}) {problem}")));
            }
            known.extend(meant);
        }
        Ok(Connecting { newcomers, known })
    }
}

/// What an entry means. An https address can be a document's, or a place where answers go: nobody can
/// see which, and both are somebody's whom the operator has named.
fn known_clients(entry: &str) -> Vec<KnownClient> {
    if !entry.contains('/') {
        // By whole labels, as the address of a document has it: no wildcards, no suffixes.
        let document = format!("https://{}/document", entry.to_ascii_lowercase());
        let host = document.parse::<ClientIdUrl>().ok().map(|url| url.host());
        let named = host.filter(|host| !host.contains('*'));
        return named.map(KnownClient::Host).into_iter().collect();
    }
    let document = entry.parse().ok().map(KnownClient::Document);
    let callback = entry.parse().ok().map(KnownClient::Callback);
    document.into_iter().chain(callback).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Sources};
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Connecting, String> {
        let environment = settings.iter().map(|(name, text)| ((*name).into(), (*text).into()));
        let sources = Sources::gather(&[], None, environment).map_err(|why| why.to_string())?;
        Config::from_sources(&sources)
            .map(|config| config.connecting)
            .map_err(|why| why.to_string())
    }

    #[test]
    fn everybody_may_connect_unless_somebody_says_otherwise() {
        assert_eq!(read(&[]).unwrap(), Connecting::default());
        for (text, meant) in [("known", Newcomers::Known), ("ask", Newcomers::Ask)] {
            assert_eq!(read(&[("MCP_OAUTH_CLIENTS", text)]).unwrap().newcomers, meant);
        }
        let problem = read(&[("MCP_OAUTH_CLIENTS", "closed")]).unwrap_err();
        assert_eq!(problem, "MCP_OAUTH_CLIENTS is open, known or ask");
    }

    #[test]
    fn whom_the_operator_knows_is_a_host_a_document_or_a_callback() {
        let text = "Wiki.Example.org, notes.example:8443, https://h.example/client.json, \
                    https://h.example/cb?x=1, com.example.app:/cb, http://127.0.0.1/callback,";
        let known = read(&[("MCP_OAUTH_KNOWN_CLIENTS", text)]).unwrap().known;
        let callback = |uri: &str| KnownClient::Callback(uri.parse().unwrap());
        let expected = [
            KnownClient::Host("wiki.example.org".to_owned()),
            KnownClient::Host("notes.example:8443".to_owned()),
            KnownClient::Document("https://h.example/client.json".parse().unwrap()),
            callback("https://h.example/client.json"),
            callback("https://h.example/cb?x=1"),
            callback("com.example.app:/cb"),
            callback("http://127.0.0.1/callback"),
        ];
        assert_eq!(known, expected);
        for wrong in ["*.example.org", "a b", "http://h.example/cb", "javascript:/x", "h.example#"]
        {
            let problem = read(&[("MCP_OAUTH_KNOWN_CLIENTS", wrong)]).unwrap_err();
            assert!(
                problem.starts_with(&format!("MCP_OAUTH_KNOWN_CLIENTS ({wrong}) ")),
                "{problem}"
            );
        }
    }
}
