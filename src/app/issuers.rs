//! By which issuer's name a request comes, after the service has moved to another URL.
//!
//! Clients are bound to the issuer string (RFC 8414 section 3.3, RFC 9207, MCP 2026-07-28 "Client
//! Registration"), so for a while all of the former one goes on beside the present one: its metadata
//! byte for byte, its endpoints, its `iss`. Which one is meant is chosen among those that the operator
//! has laid down; nothing that a request says gets into an answer.

use super::App;
use crate::clock::UnixTime;
use crate::oauth::Issuer;
use crate::storage::issuers::Former;

/// The issuers that the service has moved away from. Usually none.
#[derive(Debug, Default)]
pub struct FormerIssuers(Vec<Former>);

impl FormerIssuers {
    /// Those that are kept, but for the one that the settings name again.
    #[must_use]
    pub fn new(all: Vec<Former>, present: &Issuer, now: UnixTime) -> Self {
        let is_kept = |former: &Former| former.issuer != *present && now < former.until;
        Self(all.into_iter().filter(is_kept).collect())
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Issuer> {
        self.0.iter().map(|former| &former.issuer)
    }

    /// Whether there are none, so that nothing has to be chosen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl App {
    /// The issuer at which a request is aimed. The `Host` decides if it is exactly that of one of
    /// them, and among those that are left the longest path that the request's is below. Whatever is
    /// aimed at none is for the present one.
    #[must_use]
    pub fn issuer_at(&self, host: &str, path: &str) -> &Issuer {
        let present = &self.config.issuer;
        let now = self.clock.now();
        // The last one left comes last of them.
        let kept = self.former.0.iter().rev().filter(|former| now < former.until);
        let all = || kept.clone().map(|former| &former.issuer).chain([present]);
        let is_named = |issuer: &&Issuer| issuer.is_at(host);
        let any_named = all().any(|issuer| is_named(&issuer));
        all()
            .filter(|issuer| !any_named || is_named(issuer))
            .filter(|issuer| is_below(path, issuer.path()))
            // The last of equals: the present one.
            .max_by_key(|issuer| issuer.path().len())
            .unwrap_or(present)
    }
}

/// Metadata of an issuer with a path has that path behind it: RFC 8414 section 3.1.
fn is_below(path: &str, base: &str) -> bool {
    let path = path.strip_prefix("/.well-known/oauth-authorization-server").unwrap_or(path);
    path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
