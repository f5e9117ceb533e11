//! The configuration itself, and what its templates read.

use std::fmt::Display;

use askama::Template;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Proxy, Recipe, RecipeError, Site};

impl Recipe {
    /// The configuration.
    ///
    /// # Errors
    /// [`RecipeError::Encoded`]
    pub fn text(&self, proxy: Proxy) -> Result<Box<dyn Display + '_>, RecipeError> {
        // It decodes an address before it encodes it anew: what meant a slash would be one.
        if proxy == Proxy::Caddy && self.gate_path().contains('%') {
            return Err(RecipeError::Encoded(proxy.name(), self.gate_path()));
        }
        Ok(match proxy {
            Proxy::Nginx => Box::new(Nginx { values: self }),
            Proxy::Caddy => Box::new(Caddy { values: self }),
            Proxy::Traefik => Box::new(Traefik { values: self }),
            Proxy::Envoy => Box::new(Envoy { values: self }),
            Proxy::HaProxy => Box::new(HaProxy { values: self }),
        })
    }

    /// The authorization server's own host, if it has one and the proxy serves it.
    pub(super) fn own_host(&self) -> Option<&Site> {
        self.issuer.as_ref().filter(|issuer| !issuer.is_beside(&self.mcp))
    }

    /// Where the proxy asks; the address carries what the operator decided, and nobody else can.
    pub(super) fn gate_path(&self) -> String {
        let scopes = self.encoded_scopes();
        let separator = if scopes.is_empty() { "" } else { "/" };
        format!("/gate/{}{separator}{scopes}", encoded(self.id.as_str()))
    }

    /// As they stand in the gate's address; empty when none is demanded.
    pub(super) fn encoded_scopes(&self) -> String {
        self.scope.tokens().map(encoded).collect::<Vec<_>>().join("+")
    }

    /// Whether there are certificates to name.
    fn any_https(&self) -> bool {
        self.mcp.is_https() || self.issuer.as_ref().is_some_and(Site::is_https)
    }

    /// A name for what must be named once in the whole of a proxy's configuration.
    pub(super) fn name(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        self.id.as_str().chars().map(plain).collect()
    }
}

/// What the templates read beside the fields of [`Recipe`].
#[expect(clippy::unused_self, reason = "a template sees nothing but the methods of its values")]
impl Recipe {
    /// What a service at the root of its host answers in public.
    fn public(&self) -> [&'static str; PUBLIC.len()] {
        PUBLIC
    }

    fn well_known(&self) -> [&'static str; WELL_KNOWN.len()] {
        WELL_KNOWN
    }

    fn allow_headers(&self) -> &'static str {
        ALLOW_HEADERS
    }

    fn allow_methods(&self) -> &'static str {
        ALLOW_METHODS
    }

    fn expose_headers(&self) -> &'static str {
        EXPOSE_HEADERS
    }

    /// `Client-Id` and `client_id`: the ends of the identity headers, and of variables for them.
    fn identity(&self) -> [(&'static str, String); IDENTITY.len()] {
        IDENTITY.map(|name| (name, name.to_ascii_lowercase().replace('-', "_")))
    }

    /// What a client may not claim to the MCP server.
    fn claims(&self) -> [&'static str; CLAIMS.len()] {
        CLAIMS
    }

    /// A path as a regular expression. Of what a path has here, only the dot means something there.
    fn regex(&self, path: &str) -> String {
        path.replace('.', "\\.")
    }
}

/// The first part of every path that a service at the root of its host answers in public. What
/// supervisors and proxies ask is not among them.
pub const PUBLIC: [&str; 13] = [
    "authorize",
    "token",
    "register",
    "revoke",
    "introspect",
    "sign-in",
    "consent",
    "sign-out",
    "account",
    "owner",
    "setup",
    "welcome",
    "assets",
];

/// What the service answers below `/.well-known/` on every host of its own and of its resources.
pub const WELL_KNOWN: [&str; 3] =
    ["oauth-authorization-server", "oauth-protected-resource", "openid-configuration"];

/// What a browser may send to an MCP server, as a wildcard and, for browsers that know none, by
/// name. (A wildcard never includes `Authorization`: Fetch standard, section 3.3.3.)
const ALLOW_HEADERS: &str = "Authorization, Content-Type, Accept, Last-Event-ID, \
     MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, *";
const ALLOW_METHODS: &str = "GET, HEAD, POST, DELETE";
/// What its script may read.
const EXPOSE_HEADERS: &str = "WWW-Authenticate, Mcp-Session-Id, Retry-After";

/// Who calls, as the gate says it. Always all of them.
pub(super) const IDENTITY: [&str; 7] =
    ["Subject", "Username", "Client-Id", "Client-Name", "Scope", "Grant-Id", "Expires"];

/// Headers from which frameworks and load balancers read a caller, an address or a path, beside those
/// that the recipes set.
pub(super) const CLAIMS: [&str; 11] = [
    "Forwarded",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Server",
    "X-Forwarded-Uri",
    "X-Forwarded-User",
    "X-Original-URL",
    "X-Real-IP",
    "X-Rewrite-URL",
    "Remote-User",
    "True-Client-IP",
];

/// Percent-encoded but for what is plain in the path of a URL and in every proxy's language.
pub(super) fn encoded(text: &str) -> String {
    const OTHERS: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');
    utf8_percent_encode(text, OTHERS).to_string()
}

#[derive(Template)]
#[template(path = "recipes/nginx.txt", config = "src/pages/askama.toml")]
struct Nginx<'a> {
    values: &'a Recipe,
}

#[derive(Template)]
#[template(path = "recipes/caddy.txt", config = "src/pages/askama.toml")]
struct Caddy<'a> {
    values: &'a Recipe,
}

#[derive(Template)]
#[template(path = "recipes/traefik.txt", config = "src/pages/askama.toml")]
struct Traefik<'a> {
    values: &'a Recipe,
}

#[derive(Template)]
#[template(path = "recipes/envoy.txt", config = "src/pages/askama.toml")]
struct Envoy<'a> {
    values: &'a Recipe,
}

#[derive(Template)]
#[template(path = "recipes/haproxy.txt", config = "src/pages/askama.toml")]
struct HaProxy<'a> {
    values: &'a Recipe,
}
