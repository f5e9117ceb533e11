//! `issuer`: RFC 8414 section 2, RFC 9207.

use std::fmt;
use std::str::FromStr;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use serde::Serialize;
use url::{Host, Url};

/// The issuer identifier, byte for byte as the operator wrote it.
///
/// Clients compare it as a string (RFC 8414 section 3.3, RFC 9207 section 2.4), so nothing may
/// ever re-spell it: not a trailing slash, not a default port, not a capital letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
#[serde(into = "String")]
pub struct Issuer {
    text: String,
    origin: String,
    path: String,
    loopback: bool,
    https: bool,
}

impl Issuer {
    /// As the operator wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path without a trailing slash: empty for an issuer at the root, else `/as`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `scheme://host[:port]` as browsers write it in `Origin` (RFC 6454 section 6.2).
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// `host[:port]`, as people read it.
    #[must_use]
    pub fn host(&self) -> &str {
        self.origin.split_once("://").map_or(&self.origin, |(_, host)| host)
    }

    /// Whether a `Host` header says this host: in capitals or not, with the port that its scheme has anyway
    /// or without (RFC 9110 section 4.2.3).
    #[must_use]
    pub fn is_at(&self, host: &str) -> bool {
        let usual = if self.https { ":443" } else { ":80" };
        self.host().eq_ignore_ascii_case(host.strip_suffix(usual).unwrap_or(host))
    }

    /// The URL of one of our paths: `url("/token")`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.text.trim_end_matches('/'))
    }

    /// Where RFC 8414 section 3.1 puts the metadata of this issuer.
    #[must_use]
    pub fn metadata_url(&self) -> String {
        format!("{}/.well-known/oauth-authorization-server{}", self.origin, self.path)
    }

    /// Whether cookies can be `Secure`, and so carry the `__Host-` prefix.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Whether its host is a name, and not an address.
    #[must_use]
    pub fn has_a_name(&self) -> bool {
        let url = Url::parse(&self.text);
        url.is_ok_and(|url| matches!(url.host(), Some(Host::Domain(_))))
    }

    /// Whether it can be reached from this machine only.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl FromStr for Issuer {
    type Err = &'static str;

    /// https, or http on a loopback host; no query, fragment or user name (RFC 8414 section 2).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| "is not an absolute URL")?;
        if text.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err("has characters that a URL cannot have");
        }
        if text.contains(['?', '#']) {
            return Err("must have no query and no fragment");
        }
        if text.contains('@') {
            return Err("must have no user name");
        }
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => return Err("names no host"),
        };
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            _ => return Err("must be https (http is for loopback addresses only)"),
        }
        if url.path().contains("//") || url.path().contains('%') {
            return Err("has a path that clients would re-spell");
        }
        Ok(Self {
            text: text.to_owned(),
            origin: url.origin().ascii_serialization(),
            path: url.path().trim_end_matches('/').to_owned(),
            loopback,
            https: url.scheme() == "https",
        })
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Issuer> for String {
    fn from(issuer: Issuer) -> Self {
        issuer.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_header_may_spell_the_port_out() {
        let issuer = |text: &str| text.parse::<Issuer>().unwrap();
        for (text, host) in [
            ("https://login.example", "LOGIN.example"),
            ("https://login.example", "login.example:443"),
            ("https://login.example:443/as", "login.example"),
            ("https://login.example:8443", "login.example:8443"),
            ("http://127.0.0.1:80", "127.0.0.1"),
        ] {
            assert!(issuer(text).is_at(host), "{text} {host}");
        }
        for host in ["login.example:80", "login.example.", "login.example:8443", "", "example"] {
            assert!(!issuer("https://login.example").is_at(host), "{host}");
        }
    }

    #[test]
    fn the_spelling_is_kept() {
        for text in ["https://H.example:443", "https://h.example/", "http://127.0.0.1:8080/as/"] {
            let issuer = text.parse::<Issuer>().unwrap();
            assert_eq!(
                (issuer.to_string(), String::from(issuer)),
                (text.to_owned(), text.to_owned())
            );
        }
    }

    #[test]
    fn urls_are_joined_with_one_slash() {
        for (issuer, url) in [
            ("https://h.example", "https://h.example/token"),
            ("https://h.example/", "https://h.example/token"),
            ("https://h.example/as", "https://h.example/as/token"),
        ] {
            assert_eq!(issuer.parse::<Issuer>().unwrap().url("/token"), url);
        }
    }

    #[test]
    fn what_cannot_be_an_issuer_is_refused() {
        for text in [
            "h.example",
            "ftp://h.example",
            "http://h.example",
            "http://192.168.0.1",
            "http://localhost.example",
            "https://h.example?x",
            "https://h.example#",
            "https://u@h.example",
            "https://u:p@h.example",
            "https://h.example//",
            "https://h.example/a//b",
            "https://h.example/%61s",
            "https://h.example/a b",
        ] {
            assert!(text.parse::<Issuer>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_issuer_has_parts() {
        let issuer = |text: &str| text.parse::<Issuer>().unwrap();
        let below = issuer("https://h.example:8443/as/");
        assert_eq!((below.path(), below.origin()), ("/as", "https://h.example:8443"));
        let metadata = "https://h.example:8443/.well-known/oauth-authorization-server/as";
        assert_eq!(below.metadata_url(), metadata, "RFC 8414 section 3.1");
        assert!(below.is_https() && below.has_a_name() && !below.is_loopback());
        let address = issuer("http://127.0.0.1:8080/");
        assert_eq!((address.path(), address.host()), ("", "127.0.0.1:8080"));
        assert!(!address.is_https() && !address.has_a_name());
    }

    #[test]
    fn http_is_for_loopback() {
        for text in ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:8080/as"] {
            assert!(text.parse::<Issuer>().unwrap().is_loopback(), "{text}");
        }
    }
}
