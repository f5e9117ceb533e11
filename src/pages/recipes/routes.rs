//! What the proxies whose configuration is one tree of routes need beside nginx's and Caddy's blocks.

use super::templates::{CLAIMS, PUBLIC, WELL_KNOWN, encoded};
use super::{Recipe, Site};

impl Recipe {
    /// Where Envoy asks: it puts the client's own path behind.
    pub(super) fn ext_authz_path(&self) -> String {
        let scopes = self.encoded_scopes();
        let scopes = if scopes.is_empty() { "-" } else { &scopes };
        format!("/ext_authz/{}/{scopes}", encoded(self.id.as_str()))
    }

    /// The authorization server's own host, if the proxy has to listen for it at an address of its own.
    pub(super) fn own_listener(&self) -> Option<&Site> {
        self.own_host().filter(|site| !self.mcp.is_heard_with(site))
    }

    /// The authorization server's own host, if only the `Host` header tells it from the MCP server's.
    pub(super) fn own_name(&self) -> Option<&Site> {
        self.own_host().filter(|site| self.mcp.is_heard_with(site))
    }

    /// All that are behind the address at which the MCP server is heard.
    pub(super) fn heard_with_mcp(&self) -> Vec<&Site> {
        [Some(&self.mcp), self.own_name()].into_iter().flatten().collect()
    }

    /// The authorization server's host, as [`Recipe::heard_with_mcp`] gives its hosts.
    #[expect(clippy::unused_self, reason = "a template sees nothing but the methods of its values")]
    pub(super) fn heard_alone<'a>(&self, site: &'a Site) -> Vec<&'a Site> {
        vec![site]
    }

    /// What Traefik calls the place where that host is heard.
    pub(super) fn own_entry(&self) -> &'static str {
        if self.own_listener().is_some() { "oauth" } else { "mcp" }
    }

    /// Metadata of both, which every host answers. Like those below, an expression for the whole of a
    /// path, without a backslash, which each language would read in its own way.
    #[expect(clippy::unused_self, reason = "a template sees nothing but the methods of its values")]
    pub(super) fn metadata_paths(&self) -> String {
        format!("/[.]well-known/({})(/.*)?", WELL_KNOWN.join("|"))
    }

    /// Pages and endpoints of an authorization server there.
    #[expect(clippy::unused_self, reason = "a template sees nothing but the methods of its values")]
    pub(super) fn oauth_paths(&self, site: &Site) -> String {
        match site.path() {
            "" => format!("/(({})(/.*)?)?", PUBLIC.join("|")),
            path => below(path),
        }
    }

    /// The same in pieces: Envoy refuses an expression whose program is longer than 100 steps.
    pub(super) fn oauth_paths_in_pieces(&self, site: &Site) -> Vec<String> {
        /// Names of which each is a dozen letters at the most.
        const AT_ONCE: usize = 6;
        if !site.path().is_empty() {
            return vec![self.oauth_paths(site)];
        }
        let pieces = PUBLIC.chunks(AT_ONCE).map(|names| format!("/({})(/.*)?", names.join("|")));
        std::iter::once("/".to_owned()).chain(pieces).collect()
    }

    /// Paths that lead elsewhere with some servers: an encoded slash, a backslash, "." and ".." with or
    /// without what Java servers take for parameters. (No URL has `[`, `]` or `^` in its path.)
    #[expect(clippy::unused_self, reason = "a template sees nothing but the methods of its values")]
    pub(super) fn ambiguous_paths(&self) -> &'static str {
        ".*(%2[fF]|%5[cC]|[[-^]|/([.]|%2[eE]){1,2}([^a-zA-Z0-9]|$)).*"
    }

    /// What Traefik's rules have against them.
    pub(super) fn unambiguous(&self) -> String {
        format!(" && !PathRegexp(`^{}$`)", self.ambiguous_paths())
    }

    /// The names of what a client may not claim, and of all that proxies say in its place.
    #[expect(clippy::unused_self, reason = "a template sees nothing but the methods of its values")]
    pub(super) fn claimed_names(&self) -> String {
        let claims = CLAIMS.map(str::to_ascii_lowercase);
        let others = claims.iter().filter(|name| !name.starts_with("x-forwarded-"));
        let names: Vec<_> = others.map(String::as_str).chain(["x-forwarded-.*"]).collect();
        names.join("|")
    }

    /// The MCP server.
    pub(super) fn mcp_paths(&self) -> String {
        below(self.path())
    }

    /// The MCP server's host, without the brackets of an IPv6 address.
    pub(super) fn upstream_host(&self) -> &str {
        self.upstream.host.trim_start_matches('[').trim_end_matches(']')
    }
}

impl Site {
    /// Whether one address to listen at is enough for both.
    fn is_heard_with(&self, other: &Self) -> bool {
        (self.address(), self.port()) == (other.address(), other.port())
    }
}

fn below(path: &str) -> String {
    match path {
        "" => "/.*".to_owned(),
        path => format!("{}(/.*)?", path.replace('.', "[.]")),
    }
}
