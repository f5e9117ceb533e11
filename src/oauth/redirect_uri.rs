//! `redirect_uri`: OAuth 2.1 section 2.3, RFC 8252 sections 7.1, 7.3 and 8.4.

mod destination;

use std::fmt;
use std::str::FromStr;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};
use url::Url;

pub use destination::Destination;
use destination::{LOOPBACK, private_use, web_or_loopback};

/// A redirect URI that a client may register. It keeps its spelling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
#[serde(try_from = "String", into = "String")]
pub struct RedirectUri {
    text: String,
    destination: Destination,
}

impl RedirectUri {
    /// As the client wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it leads.
    #[must_use]
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Whether a request may use `requested` where this was registered: the same string, but for
    /// the port of a loopback address and the slash after a bare loopback authority.
    #[must_use]
    pub fn allows(&self, requested: &Self) -> bool {
        match (&self.destination, &requested.destination) {
            (Destination::Loopback(_), Destination::Loopback(_)) => {
                self.without_port() == requested.without_port()
            }
            _ => self.text == requested.text,
        }
    }

    /// This URI with parameters appended; a query that it has is retained: OAuth 2.1 section 2.3.
    #[must_use]
    pub fn with_parameters(&self, parameters: &[(&str, &str)]) -> String {
        let encoded = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish()
            // A space as "%20": some clients read the query without knowing "+".
            .replace('+', "%20");
        let separator = match self.text.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        format!("{}{separator}{encoded}", self.text)
    }

    /// The same for every URI that allows the same requests.
    #[must_use]
    pub fn without_its_port(&self) -> String {
        match &self.destination {
            Destination::Loopback(_) => {
                let (host, path) = self.without_port();
                format!("http://{host}{path}")
            }
            _ => self.text.clone(),
        }
    }

    fn without_port(&self) -> (&str, &str) {
        let rest = self.text.strip_prefix("http://").unwrap_or(&self.text);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let host = LOOPBACK.into_iter().find(|host| authority.starts_with(host)).unwrap_or("");
        (host, if path.is_empty() { "/" } else { path })
    }
}

impl FromStr for RedirectUri {
    type Err = &'static str;

    /// https anywhere, http on a loopback host, or a private-use scheme.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err("a redirect URI is printable ASCII without spaces");
        }
        if text.contains(['#', '*', '\\', '"', '<', '>', '`', '^', '{', '|', '}']) {
            return Err("a redirect URI has no fragment, no wildcard and no unsafe character");
        }
        let (scheme, rest) = text.split_once(':').ok_or("a redirect URI is absolute")?;
        // Of an app as well: what no browser can read leads nowhere.
        let url = Url::parse(text).map_err(|_| "a redirect URI is a URL")?;
        let destination = match scheme {
            "https" | "http" => web_or_loopback(scheme, text, &url)?,
            _ => private_use(scheme, rest)?,
        };
        Ok(Self { text: text.to_owned(), destination })
    }
}

impl TryFrom<String> for RedirectUri {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RedirectUri> for String {
    fn from(uri: RedirectUri) -> Self {
        uri.text
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> RedirectUri {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn what_real_clients_register_is_accepted() {
        for text in [
            "https://claude.ai/api/mcp/auth_callback",
            "https://chatgpt.com/connector/oauth/abc",
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "https://www.cursor.com/agents/mcp/oauth/callback",
            "http://localhost:8787/callback",
            "https://insiders.vscode.dev/redirect",
            "http://127.0.0.1/",
            "http://127.0.0.1:33418",
            "http://[::1]:8080/callback",
            "vscode://vscode.github-authentication/did-authenticate",
            "com.example.app:/oauth2redirect",
            "https://h.example/cb?x=1",
        ] {
            uri(text);
        }
    }

    #[test]
    fn what_is_dangerous_is_refused() {
        let disguised = [
            "",
            "java\tscript:alert(1)",
            " javascript:alert(1)",
            "https://h.example/a b",
            "https://h.example\\@evil.example/",
            "https://h.example/\u{e4}",
        ];
        let plain = "/callback javascript:alert(1) JavaScript:alert(1) data:text/html,x vbscript:x \
             file:///etc/passwd about:blank blob:https://h.example/x ftp://h.example/ intent://x \
             view-source:https://h.example http://h.example/cb http://LOCALHOST/ \
             http://127.0.0.1:80@evil.example/ http://127.0.0.1.evil.example/ \
             http://localhost.evil.example/ http://2130706433/ http://127.0.0.1:0/ \
             http://127.0.0.1:99999/ http://127.0.0.1:/ http://127.0.0.1:8o/ https:// https:///x \
             https:h.example/x https:/h.example/x https://u:p@h.example/ https://h.example/cb#x \
             https://*.example/cb com.example.app: com.example.app:// com.example.app://[x]/ \
             com.example.app://h:x/ com.Example.app:/cb Com.example.app:/cb";
        for text in plain.split(' ').chain(disguised) {
            assert!(text.parse::<RedirectUri>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn only_the_loopback_port_may_differ() {
        for (registered, requested) in [
            ("http://127.0.0.1/callback", "http://127.0.0.1:49152/callback"),
            ("http://localhost:3000/callback", "http://localhost:3001/callback"),
            ("http://[::1]/callback", "http://[::1]:1/callback"),
            ("http://127.0.0.1:33418", "http://127.0.0.1:33418/"),
            ("http://127.0.0.1/", "http://127.0.0.1:5"),
            ("https://h.example/cb", "https://h.example/cb"),
        ] {
            assert!(uri(registered).allows(&uri(requested)), "{registered} {requested}");
            assert_eq!(uri(registered).without_its_port(), uri(requested).without_its_port());
        }
        for (registered, requested) in [
            ("http://127.0.0.1/callback", "http://localhost/callback"),
            ("http://127.0.0.1/callback", "http://127.0.0.1/callback/"),
            ("http://127.0.0.1/callback", "http://127.0.0.1/Callback"),
            ("http://127.0.0.1/callback", "http://127.0.0.1/callback?x"),
            ("http://127.0.0.1/callback", "https://127.0.0.1/callback"),
            ("https://h.example/cb", "https://h.example:443/cb"),
            ("https://h.example/cb", "https://H.example/cb"),
            ("https://h.example", "https://h.example/"),
            ("https://h.example/cb", "https://h.example/cb%2e"),
            ("cursor://a/b", "cursor://a/b/"),
        ] {
            assert!(!uri(registered).allows(&uri(requested)), "{registered} {requested}");
            assert_ne!(uri(registered).without_its_port(), uri(requested).without_its_port());
        }
    }

    #[test]
    fn parameters_are_appended_and_encoded() {
        for (text, answer) in [
            ("https://h.example/cb", "https://h.example/cb?state=a%2Bb%20%2F%3D%26c"),
            ("https://h.example/cb?x=1", "https://h.example/cb?x=1&state=a%2Bb%20%2F%3D%26c"),
            ("https://h.example/cb?", "https://h.example/cb?state=a%2Bb%20%2F%3D%26c"),
            ("com.example.app:/cb", "com.example.app:/cb?state=a%2Bb%20%2F%3D%26c"),
        ] {
            assert_eq!(uri(text).with_parameters(&[("state", "a+b /=&c")]), answer);
        }
    }
}
