//! Finished configuration for a reverse proxy in front of an MCP server that knows nothing about
//! OAuth: the proxy asks the gate before it lets a request through.
//!
//! Everything that a template inserts is made of characters that mean nothing in any proxy's
//! language: [`Recipe::new`] refuses the rest.

mod routes;
mod site;
mod spellings;
mod templates;
#[cfg(test)]
mod tests;
mod upstream;

use std::fmt;
use std::net::SocketAddr;

use super::Frame;
use super::language::Html;
use crate::config::{Config, reachable};
use crate::oauth::{IntrospectionId, Issuer, ResourceUri, Scope};
use crate::words;
use site::Site;
pub use templates::{PUBLIC, WELL_KNOWN};
pub use upstream::Upstream;

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

/// Why there is no recipe. One line, for the operator.
#[derive(Debug, PartialEq, Eq)]
pub enum RecipeError {
    /// Nothing could tell their requests apart.
    BothAtRoot(String),
    /// The MCP server's path is one of the service.
    SamePath(String, String),
    /// Two programs cannot listen at one address.
    Taken(SocketAddr, &'static str, &'static str),
    /// No proxy's language has a place for it.
    Characters(String),
    /// This proxy's language has no place for it.
    Encoded(&'static str, String),
}

impl RecipeError {
    /// For a page, in its language.
    #[must_use]
    pub fn shown(&self, frame: &Frame) -> Html {
        let (words, values) = self.words();
        let values: Vec<&str> = values.iter().map(|value| frame.t(value)).collect();
        frame.say(words, &values)
    }

    /// A sentence, and what stands in it.
    fn words(&self) -> (&'static str, Vec<String>) {
        match self {
            Self::BothAtRoot(origin) => (
                words!(
                    "the MCP server and the authorization server are both at the root of {}: give \
                     MCP_OAUTH_ISSUER a path, like {}/as"
                ),
                vec![origin.clone(), origin.clone()],
            ),
            Self::SamePath(resource, origin) => (
                words!(
                    "{} is an address of the authorization server too: give MCP_OAUTH_ISSUER a \
                     path of its own, like {}/as"
                ),
                vec![resource.clone(), origin.clone()],
            ),
            Self::Taken(address, who, advice) => (
                words!("the proxy would have to listen on {}, where {} listens: {}"),
                vec![address.to_string(), (*who).to_owned(), (*advice).to_owned()],
            ),
            Self::Characters(text) => (
                words!("{} has characters that the configuration of a proxy cannot carry"),
                vec![text.clone()],
            ),
            Self::Encoded(proxy, text) => (
                words!(
                    "{} cannot ask at an address with encoded characters, {}: let the \
                     introspection id and the scopes be of letters, digits, and - . _ ~ :"
                ),
                vec![(*proxy).to_owned(), text.clone()],
            ),
        }
    }
}

impl fmt::Display for RecipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (words, values) = self.words();
        let mut values = values.iter();
        for (index, part) in words.split("{}").enumerate() {
            if index > 0 {
                f.write_str(values.next().map_or("", String::as_str))?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

impl std::error::Error for RecipeError {}

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
        if self.issuer_beside().is_some() {
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
                let advice = words!("give MCP_OAUTH_LISTEN another port");
                return Err(RecipeError::Taken(address, words!("the service"), advice));
            }
            if Some(address) == upstream {
                let advice = words!("let it listen elsewhere, and say so by --upstream");
                return Err(RecipeError::Taken(address, words!("the MCP server"), advice));
            }
        }
        Ok(())
    }

    /// The authorization server, if it is under the MCP server's own host name.
    fn issuer_beside(&self) -> Option<&Site> {
        self.issuer.as_ref().filter(|issuer| issuer.is_beside(&self.mcp))
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
}

fn is_below(path: &str, parent: &str) -> bool {
    !parent.is_empty()
        && path.strip_prefix(parent).is_some_and(|rest| matches!(rest.as_bytes(), [] | [b'/', ..]))
}
