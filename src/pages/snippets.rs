//! Code to paste into an MCP server, with the values of one resource filled in.
//!
//! [`crate::oauth::Issuer`], [`ResourceUri`], [`Scope`] and what we issue are text without double quotes and
//! backslashes, which makes them safe between the quotes of all four languages.

use std::fmt::Display;

use askama::Template;
use url::Url;

use crate::config::Config;
use crate::oauth::{IntrospectionId, ResourceUri, Scope};
use crate::storage::resources::Resource;

/// What the snippets are filled with. It holds a secret in clear: never to be logged.
pub struct Snippets {
    /// In its own spelling, which clients compare (RFC 8414 section 3.3).
    pub issuer: String,
    /// Where tokens are checked: RFC 7662.
    pub introspection_url: String,
    /// The MCP server's URL, in the spelling that becomes `aud`.
    pub resource: ResourceUri,
    /// The MCP server's user name at introspection.
    pub introspection_id: IntrospectionId,
    /// Its password there; none when it has one already, which we do not know.
    pub introspection_secret: Option<String>,
    /// What the MCP server's metadata offers: RFC 9728 section 2.
    pub scopes: Scope,
}

impl Snippets {
    /// For the resource with these credentials.
    #[must_use]
    pub fn new(
        config: &Config,
        resource: ResourceUri,
        id: IntrospectionId,
        secret: Option<String>,
    ) -> Self {
        Self {
            issuer: config.issuer.to_string(),
            introspection_url: config.introspection_url(),
            resource,
            introspection_id: id,
            introspection_secret: secret,
            scopes: config.scopes.clone(),
        }
    }

    /// The same, with the scopes that there are to be had at the resource.
    #[must_use]
    pub fn of(self, resource: &Resource) -> Self {
        Self { scopes: resource.offered(&self.scopes).into_owned(), ..self }
    }

    /// The secret, or words in its place.
    fn secret(&self) -> &str {
        self.introspection_secret.as_deref().unwrap_or("PUT-THE-SECRET-OF-YOUR-SETTINGS-HERE")
    }

    /// Python, `fastmcp` 4.
    #[must_use]
    pub fn fastmcp(&self) -> impl Display + '_ {
        FastMcp { values: self }
    }

    /// TypeScript, `@modelcontextprotocol/sdk` 1.
    #[must_use]
    pub fn typescript(&self) -> impl Display + '_ {
        TypeScript { values: self }
    }

    /// Rust, `rmcp` 3 with axum.
    #[must_use]
    pub fn rmcp(&self) -> impl Display + '_ {
        Rmcp { values: self }
    }

    /// A shell command.
    #[must_use]
    pub fn curl(&self) -> impl Display + '_ {
        Curl { values: self }
    }

    /// Where the MCP endpoint is mounted: never empty.
    fn path(&self) -> String {
        let slash = if self.resource.as_str().ends_with('/') { "/" } else { "" };
        match self.resource.path() {
            "" => "/".to_owned(),
            path => format!("{path}{slash}"),
        }
    }

    /// Where the MCP server listens: what its URL says when it is on this machine, else what
    /// FastMCP listens at by default, for a reverse proxy to find.
    fn port(&self) -> u16 {
        const LOOPBACK: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];
        let url = Url::parse(self.resource.as_str()).ok();
        url.filter(|url| url.host_str().is_some_and(|host| LOOPBACK.contains(&host)))
            .and_then(|url| url.port())
            .unwrap_or(8000)
    }

    fn metadata_path(&self) -> String {
        format!("/.well-known/oauth-protected-resource{}", self.resource.path())
    }

    /// `"a", "b"`: the same in Python, TypeScript and Rust.
    fn quoted_scopes(&self) -> String {
        self.scopes.tokens().map(|token| format!("\"{token}\"")).collect::<Vec<_>>().join(", ")
    }
}

#[derive(Template)]
#[template(path = "snippets/fastmcp.txt", config = "src/pages/askama.toml")]
struct FastMcp<'a> {
    values: &'a Snippets,
}

#[derive(Template)]
#[template(path = "snippets/typescript.txt", config = "src/pages/askama.toml")]
struct TypeScript<'a> {
    values: &'a Snippets,
}

#[derive(Template)]
#[template(path = "snippets/rmcp.txt", config = "src/pages/askama.toml")]
struct Rmcp<'a> {
    values: &'a Snippets,
}

#[derive(Template)]
#[template(path = "snippets/curl.txt", config = "src/pages/askama.toml")]
struct Curl<'a> {
    values: &'a Snippets,
}
