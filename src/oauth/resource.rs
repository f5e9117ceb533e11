//! `resource`: RFC 8707, and the MCP server's URL as people type it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use serde::Serialize;
use url::{Position, Url};

use crate::words;

/// An MCP server's URL. It keeps its spelling, which becomes `aud`; [`ResourceUri::canonical`]
/// says which spellings mean the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
#[serde(into = "String")]
pub struct ResourceUri {
    text: Arc<str>,
    /// None, if it is spelt so: each token that is remembered has one.
    canonical: Option<Arc<str>>,
    /// Bytes of what is canonical.
    origin: u16,
    /// Those that follow.
    path: u16,
}

const TOO_LONG: &str = words!("has characters that a URL cannot have, or too many");

impl ResourceUri {
    /// As it was registered or requested.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme and host in lower case, no default port, no trailing slash. Clients send all of
    /// these spellings for one server (MCP, "canonical server URI").
    #[must_use]
    pub fn canonical(&self) -> &str {
        self.canonical.as_deref().unwrap_or(&self.text)
    }

    /// `scheme://host[:port]`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.canonical()[..usize::from(self.origin)]
    }

    /// The path without a trailing slash; empty at the root.
    #[must_use]
    pub fn path(&self) -> &str {
        let begin = usize::from(self.origin);
        &self.canonical()[begin..begin + usize::from(self.path)]
    }

    /// For whoever keeps many, and each text once.
    pub(crate) fn texts_mut(&mut self) -> impl Iterator<Item = &mut Arc<str>> {
        std::iter::once(&mut self.text).chain(&mut self.canonical)
    }

    /// Where RFC 9728 section 3.1 puts the metadata of this resource, on its own host.
    #[must_use]
    pub fn metadata_url(&self) -> String {
        format!("{}/.well-known/oauth-protected-resource{}", self.origin(), self.path())
    }
}

impl FromStr for ResourceUri {
    type Err = &'static str;

    /// An absolute http or https URI without fragment (RFC 8707 section 2), user name or wildcard.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > 2048 || text.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err(TOO_LONG);
        }
        if text.contains(['#', '*', '@', '\\', '"', '<', '>']) {
            return Err(words!("must have no fragment, wildcard or user name"));
        }
        let url = Url::parse(text).map_err(|_| words!("is not an absolute URL"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(words!("must be an http or https URL"));
        }
        // There is no user name in it, so that it begins with its origin.
        let origin = &url[..Position::BeforePath];
        let path = url.path().trim_end_matches('/');
        let query = &url[Position::AfterPath..Position::AfterQuery];
        let canonical = format!("{origin}{path}{query}");
        let length = |text: &str| u16::try_from(text.len()).map_err(|_| TOO_LONG);
        Ok(Self {
            text: text.into(),
            origin: length(origin)?,
            path: length(path)?,
            canonical: (canonical != text).then(|| canonical.into()),
        })
    }
}

impl From<ResourceUri> for String {
    fn from(resource: ResourceUri) -> Self {
        resource.as_str().to_owned()
    }
}

impl fmt::Display for ResourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_server_are_one_resource() {
        for (left, right) in [
            ("https://h.example", "https://h.example/"),
            ("https://H.Example/mcp", "https://h.example/mcp/"),
            ("https://h.example:443/mcp", "HTTPS://h.example/mcp"),
        ] {
            let parse = |text: &str| text.parse::<ResourceUri>().unwrap();
            assert_eq!(parse(left).canonical(), parse(right).canonical());
            assert_eq!((parse(left).as_str(), String::from(parse(left))), (left, left.to_owned()));
        }
    }

    #[test]
    fn other_servers_are_not() {
        let parse = |text: &str| text.parse::<ResourceUri>().unwrap();
        let resource = parse("https://h.example/mcp");
        for other in [
            "https://h.example/MCP",
            "http://h.example/mcp",
            "https://h.example:8443/mcp",
            "https://h.example/mcp?x",
            "https://h.example/mcp/x",
        ] {
            assert_ne!(resource.canonical(), parse(other).canonical(), "{other}");
        }
    }

    #[test]
    fn what_is_no_resource_is_refused() {
        for text in [
            "mcp",
            "/mcp",
            "urn:x:y",
            "ftp://h.example/mcp",
            "https://h.example/x y",
            "https://h.example/\u{e9}",
            "https://h.example/#a",
            "https://*.example",
            "https://u@h.example",
            "https:///x y",
        ] {
            assert!(text.parse::<ResourceUri>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_resource_has_2048_characters_at_the_most() {
        let longest = format!("https://h.example/{}", "x".repeat(2048 - 18));
        assert!(longest.parse::<ResourceUri>().is_ok() && longest.len() == 2048);
        assert!(format!("{longest}x").parse::<ResourceUri>().is_err());
    }

    #[test]
    fn the_metadata_url_has_the_path_inserted() {
        for (text, url) in [
            (
                "https://h.example/mcp/",
                "https://h.example/.well-known/oauth-protected-resource/mcp",
            ),
            ("https://h.example", "https://h.example/.well-known/oauth-protected-resource"),
        ] {
            assert_eq!(text.parse::<ResourceUri>().unwrap().metadata_url(), url);
        }
    }
}
