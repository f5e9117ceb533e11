//! At which listener a browser asks, which decides how cookies are kept (RFC 6265bis section 4.1.3)
//! and where our own forms come from.

use actix_web::HttpRequest;
use actix_web::http::header::HOST;
use url::{Host, Url};

use crate::config::Config;
use crate::oauth::Issuer;

/// A listener, as browsers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that the issuer names.
    Public {
        /// Whether browsers come by TLS; else by loopback.
        https: bool,
    },
    /// The operator's own: plain http, by whatever name he reaches it.
    Internal,
}

impl Side {
    /// The public one of this installation.
    #[must_use]
    pub fn public(config: &Config) -> Self {
        Self::Public { https: config.issuer.is_https() }
    }

    /// Where a request came in. Nobody has said so: where cookies are kept most strictly.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        request.app_data::<Self>().copied().unwrap_or(Self::Public { https: true })
    }

    /// As the browsers see it that come by this issuer's name.
    #[must_use]
    pub fn for_issuer(self, issuer: &Issuer) -> Self {
        match self {
            Self::Public { .. } => Self::Public { https: issuer.is_https() },
            Self::Internal => Self::Internal,
        }
    }

    /// Whether a form that was sent from a page of this origin is one of ours (RFC 6454 section 7).
    #[must_use]
    pub fn is_own(self, origin: &str, issuer: &Issuer, request: &HttpRequest) -> bool {
        match self {
            Self::Public { .. } => origin == issuer.origin(),
            // A proxy of the operator's may add TLS.
            Self::Internal => {
                let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
                let named = origin.split_once("://").map(|(_, host)| host);
                named.is_some() && named == host
            }
        }
    }

    /// Whether a browser asks by a name that leads here because the operator wants it. A stranger can
    /// let any name of his lead to an address in somebody else's network, and his page be of the same
    /// origin then (DNS rebinding): it could sign in here by what a proxy is believed to say, and see
    /// all that the owner may.
    #[must_use]
    pub fn is_known(self, config: &Config, request: &HttpRequest) -> bool {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        self != Self::Internal || host.is_some_and(|host| is_private(host, config))
    }

    /// What a cookie is called. `__Host-` holds it to one host and to https (RFC 6265bis section
    /// 4.1.3.2), so it cannot be had without TLS. There all ports share the names (section 8.5),
    /// with whatever else somebody develops on his machine, so ours say whose they are.
    #[must_use]
    pub(super) fn cookie_name(self, name: &str) -> String {
        match self {
            Self::Public { https: true } => format!("__Host-{name}"),
            Self::Public { https: false } => format!("mcp_oauthd_{name}"),
            Self::Internal => format!("mcp_oauthd_internal_{name}"),
        }
    }

    /// Whether cookies are for TLS only.
    #[must_use]
    pub(super) fn is_secure(self) -> bool {
        self == Self::Public { https: true }
    }
}

/// An address; a name that no public name server has; the issuer's; or one that the operator declares.
fn is_private(authority: &str, config: &Config) -> bool {
    // RFC 6761, RFC 6762, RFC 8375, the reserved `internal`, and two of common use.
    const ZONES: [&str; 7] = ["localhost", "local", "internal", "home.arpa", "test", "lan", "svc"];
    let Ok(url) = Url::parse(&format!("http://{authority}/")) else { return false };
    let Some(Host::Domain(name)) = url.host() else { return url.host().is_some() };
    let is_below = |zone: &&str| name.strip_suffix(*zone).is_some_and(|left| left.ends_with('.'));
    let issuer = Url::parse(config.issuer.as_str()).ok();
    !name.contains('.')
        || ZONES.iter().any(is_below)
        || config.internal_names.iter().any(|known| known == name)
        || issuer.is_some_and(|issuer| issuer.host_str() == Some(name))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::config::Sources;

    #[test]
    fn a_strangers_name_does_not_lead_inside() {
        let settings = [
            ("MCP_OAUTH_ISSUER".to_owned(), "https://auth.example.org".to_owned()),
            ("MCP_OAUTH_INTERNAL_NAMES".to_owned(), "admin.example.org".to_owned()),
        ];
        let config = Config::from_sources(&Sources::gather(&[], None, settings).unwrap()).unwrap();
        let is_known = |side: Side, host: &'static str| {
            let request = TestRequest::default().insert_header((HOST, host)).to_http_request();
            side.is_known(&config, &request)
        };
        for host in [
            "10.0.0.5:9090",
            "[::1]:9090",
            "localhost:9090",
            "box",
            "box.lan",
            "oauthd.auth.svc.cluster.local:9090",
            "auth.example.org",
            "Admin.example.org:443",
        ] {
            assert!(is_known(Side::Internal, host), "{host}");
        }
        for host in
            ["evil.example:9090", "evil.example.", "evil.notlan", "x.auth.example.org", "", "a@b.c"]
        {
            assert!(!is_known(Side::Internal, host), "{host}");
        }
        assert!(is_known(Side::public(&config), "evil.example"), "the issuer decides there");
    }

    #[test]
    fn a_form_comes_from_the_side_that_it_is_sent_to() {
        let issuer = ("MCP_OAUTH_ISSUER".to_owned(), "https://auth.example.org".to_owned());
        let config = Config::from_sources(&Sources::gather(&[], None, [issuer]).unwrap()).unwrap();
        let request = TestRequest::default().insert_header((HOST, "10.0.0.5:9090"));
        let request = request.to_http_request();
        let is_own = |side: Side, origin| side.is_own(origin, &config.issuer, &request);
        assert!(is_own(Side::Internal, "http://10.0.0.5:9090"));
        for foreign in
            ["https://auth.example.org", "http://10.0.0.5", "null", "http://evil.example"]
        {
            assert!(!is_own(Side::Internal, foreign), "{foreign}");
        }
        assert!(is_own(Side::public(&config), "https://auth.example.org"));
        assert!(!is_own(Side::public(&config), "http://10.0.0.5:9090"));
        let nameless = TestRequest::default().to_http_request();
        assert!(!Side::Internal.is_own("null", &config.issuer, &nameless));
    }
}
