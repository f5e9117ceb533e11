//! Finished configuration for a reverse proxy in front of an MCP server that knows nothing about
//! OAuth: the proxy asks the gate before it lets a request through.
//!
//! Everything that a template inserts is made of characters that mean nothing in any proxy's
//! language: [`Recipe::new`] refuses the rest.

mod routes;
mod site;

use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use askama::Template;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config::Config;
use crate::oauth::{IntrospectionId, Issuer, ResourceUri, Scope};
pub use site::Site;

/// The proxies that recipes are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxy {
    /// nginx, 1.22 and newer: `auth_request`.
    Nginx,
    /// Caddy, 2.6 and newer: `forward_auth`.
    Caddy,
    /// Traefik, 3.7.12 and newer: `ForwardAuth`.
    Traefik,
    /// Envoy, 1.40 and newer: `ext_authz`.
    Envoy,
    /// `HAProxy`, 2.6 and newer: an action in Lua.
    HaProxy,
}

impl Proxy {
    /// All of them, in the order in which the set-up page shows them.
    pub const ALL: [Self; 5] =
        [Self::Nginx, Self::Caddy, Self::Traefik, Self::Envoy, Self::HaProxy];

    /// Its own spelling.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "Caddy",
            Self::Traefik => "Traefik",
            Self::Envoy => "Envoy",
            Self::HaProxy => "HAProxy",
        }
    }
}

/// What a recipe is filled with.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The MCP server's URL, for comments.
    resource: ResourceUri,
    /// The authorization server's, for comments.
    sign_in: Issuer,
    /// Where clients reach the MCP server.
    mcp: Site,
    /// Where they reach the authorization server, if the proxy has anything to do with it.
    issuer: Option<Site>,
    /// Where the proxy reaches the gate.
    gate: SocketAddr,
    /// Where it reaches the public side of the service.
    service: SocketAddr,
    /// Where it reaches the MCP server.
    upstream: Upstream,
    id: IntrospectionId,
    scope: Scope,
}

/// Where the MCP server listens: `HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    host: String,
    port: u16,
}

/// Why there is no recipe. One line, for the operator.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// Nothing could tell their requests apart.
    #[error(
        "the MCP server and the authorization server are both at the root of {0}: give \
         MCP_OAUTH_ISSUER a path, like {0}/as"
    )]
    BothAtRoot(String),
    /// The MCP server's path is one of the service.
    #[error(
        "{0} is an address of the authorization server too: give MCP_OAUTH_ISSUER a path of its \
         own, like {1}/as"
    )]
    SamePath(String, String),
    /// Two programs cannot listen at one address.
    #[error("the proxy would have to listen on {0}, where {1} listens: {2}")]
    Taken(SocketAddr, &'static str, &'static str),
    /// No proxy's language has a place for it.
    #[error("{0} has characters that the configuration of a proxy cannot carry")]
    Characters(String),
}

impl Recipe {
    /// For a resource of this installation. Without an upstream: where FastMCP listens by default.
    ///
    /// # Errors
    /// [`RecipeError`]
    pub fn new(
        config: &Config,
        resource: &ResourceUri,
        id: &IntrospectionId,
        upstream: Option<Upstream>,
        scope: Scope,
    ) -> Result<Self, RecipeError> {
        let mcp = Site::of(resource.origin(), resource.path())?;
        let issuer = Site::of(config.issuer.origin(), config.issuer.path())?;
        let service = reachable(config.listen);
        let shared = mcp.is_beside(&issuer);
        let direct = !shared && issuer.address() == Some(service);
        let default_port = if mcp.is_loopback() && mcp.port() == 8000 { 8001 } else { 8000 };
        let recipe = Self {
            resource: resource.clone(),
            sign_in: config.issuer.clone(),
            upstream: upstream
                .unwrap_or_else(|| Upstream { host: "127.0.0.1".to_owned(), port: default_port }),
            issuer: (!direct).then_some(issuer),
            gate: config.internal_listen.map_or(service, reachable),
            id: id.clone(),
            mcp,
            service,
            scope,
        };
        recipe.check()?;
        Ok(recipe)
    }

    /// Layouts that cannot work are refused here, not by a client that waits for an answer.
    fn check(&self) -> Result<(), RecipeError> {
        if self.shares_host() {
            let origin = self.resource.origin().to_owned();
            match (self.issuer_path(), self.path()) {
                ("", "") => return Err(RecipeError::BothAtRoot(origin)),
                (issuer, path) if is_below(path, issuer) || self.is_public(path) => {
                    return Err(RecipeError::SamePath(self.resource.to_string(), origin));
                }
                _ => {}
            }
        }
        let upstream = self.upstream.to_string().parse().ok();
        for site in [Some(&self.mcp), self.issuer.as_ref()].into_iter().flatten() {
            let Some(address) = site.address() else { continue };
            if address == self.service {
                let advice = "give MCP_OAUTH_LISTEN another port";
                return Err(RecipeError::Taken(address, "the service", advice));
            }
            if Some(address) == upstream {
                let advice = "let it listen elsewhere, and say so by --upstream";
                return Err(RecipeError::Taken(address, "the MCP server", advice));
            }
        }
        Ok(())
    }

    /// The configuration.
    #[must_use]
    pub fn text(&self, proxy: Proxy) -> Box<dyn Display + '_> {
        match proxy {
            Proxy::Nginx => Box::new(Nginx { values: self }),
            Proxy::Caddy => Box::new(Caddy { values: self }),
            Proxy::Traefik => Box::new(Traefik { values: self }),
            Proxy::Envoy => Box::new(Envoy { values: self }),
            Proxy::HaProxy => Box::new(HaProxy { values: self }),
        }
    }

    /// Whether the authorization server is under the MCP server's own host name.
    fn shares_host(&self) -> bool {
        self.issuer_beside().is_some()
    }

    /// The authorization server's own host, if it has one and the proxy serves it.
    fn own_host(&self) -> Option<&Site> {
        self.issuer.as_ref().filter(|issuer| !issuer.is_beside(&self.mcp))
    }

    /// Without a trailing slash; empty at the root.
    fn path(&self) -> &str {
        self.mcp.path()
    }

    /// Without a trailing slash; empty at the root.
    fn issuer_path(&self) -> &str {
        self.issuer.as_ref().map_or("", Site::path)
    }

    /// Whether a service at the root of its host answers this path in public.
    fn is_public(&self, path: &str) -> bool {
        let public = || PUBLIC.iter().any(|name| is_below(path, &format!("/{name}")));
        is_below(path, "/.well-known") || self.issuer_path().is_empty() && public()
    }

    /// Where the proxy asks; the address carries what the operator decided, and nobody else can.
    fn gate_path(&self) -> String {
        let scopes: Vec<_> = self.scope.tokens().map(encoded).collect();
        let separator = if scopes.is_empty() { "" } else { "/" };
        format!("/gate/{}{separator}{}", encoded(self.id.as_str()), scopes.join("+"))
    }

    /// The authorization server, if it is under the MCP server's own host name.
    fn issuer_beside(&self) -> Option<&Site> {
        self.issuer.as_ref().filter(|issuer| issuer.is_beside(&self.mcp))
    }

    /// Whether there are certificates to name.
    fn any_https(&self) -> bool {
        self.mcp.is_https() || self.issuer.as_ref().is_some_and(Site::is_https)
    }

    /// A name for what must be named once in the whole of a proxy's configuration.
    fn name(&self) -> String {
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

    /// A path as a regular expression. Of what a path has here, only the dot means something there.
    fn regex(&self, path: &str) -> String {
        path.replace('.', "\\.")
    }
}

/// The first part of every path that a service at the root of its host answers in public. What
/// supervisors and proxies ask is not among them.
const PUBLIC: [&str; 10] = [
    "authorize",
    "token",
    "register",
    "revoke",
    "introspect",
    "sign-in",
    "consent",
    "sign-out",
    "setup",
    "assets",
];

/// What the service answers below `/.well-known/` on every host of its own and of its resources.
const WELL_KNOWN: [&str; 3] =
    ["oauth-authorization-server", "oauth-protected-resource", "openid-configuration"];

/// What a browser may send to an MCP server, as a wildcard and, for browsers that know none, by
/// name. (A wildcard never includes `Authorization`: Fetch standard, section 3.3.3.)
const ALLOW_HEADERS: &str = "Authorization, Content-Type, Accept, Last-Event-ID, \
     MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, *";
const ALLOW_METHODS: &str = "GET, HEAD, POST, DELETE";
/// What its script may read.
const EXPOSE_HEADERS: &str = "WWW-Authenticate, Mcp-Session-Id, Retry-After";

/// Who calls, as the gate says it. Always all of them.
const IDENTITY: [&str; 7] =
    ["Subject", "Username", "Client-Id", "Client-Name", "Scope", "Grant-Id", "Expires"];

impl FromStr for Upstream {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').ok_or("is not HOST:PORT")?;
        if !site::is_host(host) {
            return Err("is not HOST:PORT");
        }
        let port = port.parse().ok().filter(|port| *port > 0).ok_or("has no port")?;
        Ok(Self { host: host.to_owned(), port })
    }
}

impl Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Whoever listens on every address is reached at loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

fn is_below(path: &str, parent: &str) -> bool {
    !parent.is_empty()
        && path.strip_prefix(parent).is_some_and(|rest| matches!(rest.as_bytes(), [] | [b'/', ..]))
}

/// Percent-encoded but for what is plain in the path of a URL and in every proxy's language.
fn encoded(text: &str) -> String {
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
