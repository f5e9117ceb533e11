//! `resource snippet`: the configuration of a reverse proxy in front of an MCP server.

use clap::{Args, ValueEnum};

use super::super::{Failure, output};
use crate::config::Config;
use crate::oauth::Scope;
use crate::pages::recipes::{self, Recipe, Upstream};
use crate::storage::resources::Resource;

/// For which proxy, and in front of what.
#[derive(Debug, Args)]
pub struct Wanted {
    /// The proxy
    #[arg(long)]
    proxy: Proxy,
    /// HOST:PORT where the MCP server listens, if not where FastMCP does by default
    #[arg(long)]
    upstream: Option<Upstream>,
    /// Scopes that every request needs, with spaces between
    #[arg(long, default_value = "")]
    scope: Scope,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Proxy {
    Nginx,
    Caddy,
    Traefik,
    Envoy,
    Haproxy,
}

impl From<Proxy> for recipes::Proxy {
    fn from(proxy: Proxy) -> Self {
        match proxy {
            Proxy::Nginx => Self::Nginx,
            Proxy::Caddy => Self::Caddy,
            Proxy::Traefik => Self::Traefik,
            Proxy::Envoy => Self::Envoy,
            Proxy::Haproxy => Self::HaProxy,
        }
    }
}

/// Prints it, alone.
pub(super) fn print(resource: &Resource, wanted: Wanted, config: &Config) -> Result<(), Failure> {
    let Wanted { proxy, upstream, scope } = wanted;
    let offered = resource.offered(&config.scopes);
    if !offered.covers(&scope) {
        let unknown = format!(
            "--scope ({scope}) has a scope that is not to be had there; these are: {offered}"
        );
        return Err(Failure::Failed(unknown));
    }
    let recipe = Recipe::new(config, &resource.uri, &resource.id, upstream, scope);
    let recipe = recipe.map_err(|error| Failure::Failed(error.to_string()))?;
    let text = recipe.text(proxy.into()).map_err(|error| Failure::Failed(error.to_string()))?;
    output::line(&text.to_string())
}
