//! One place on one host, as clients see it: where a proxy listens.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use url::{Host, Url};

use super::RecipeError;

/// An origin and a path, of characters that every proxy's language takes literally.
#[derive(Debug, Clone)]
pub(super) struct Site {
    https: bool,
    host: String,
    port: u16,
    path: String,
    loopback: Option<IpAddr>,
}

impl Site {
    /// # Errors
    /// Characters that mean something in some proxy's language.
    pub(super) fn of(origin: &str, path: &str) -> Result<Self, RecipeError> {
        let refused = || RecipeError::Characters(format!("{origin}{path}"));
        let url = Url::parse(origin).map_err(|_| refused())?;
        let host = url.host_str().filter(|host| is_host(host)).ok_or_else(refused)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
        if !path.bytes().all(plain) || path.contains("//") {
            return Err(refused());
        }
        let loopback = match url.host() {
            // Whoever asks for ::1 first goes on to 127.0.0.1 (RFC 8305).
            Some(Host::Domain("localhost")) => Some(Ipv4Addr::LOCALHOST.into()),
            Some(Host::Ipv4(address)) => Some(IpAddr::from(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::from(address)),
            _ => None,
        };
        Ok(Self {
            https: url.scheme() == "https",
            host: host.to_owned(),
            port: url.port_or_known_default().ok_or_else(refused)?,
            path: path.to_owned(),
            loopback: loopback.filter(IpAddr::is_loopback),
        })
    }

    /// Whether both are on one origin.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        (self.https, &self.host, self.port) == (other.https, &other.host, other.port)
    }

    /// With certificates.
    pub(super) fn is_https(&self) -> bool {
        self.https
    }

    /// Whether it can be reached from this machine only.
    pub(super) fn is_loopback(&self) -> bool {
        self.loopback.is_some()
    }

    /// A name or an address, an IPv6 address in brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The same, an IPv6 address without brackets.
    pub(super) fn name(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Whether its URL has no port.
    pub(super) fn has_default_port(&self) -> bool {
        self.port == if self.https { 443 } else { 80 }
    }

    /// Without a trailing slash; empty at the root.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Where to listen, when that is one address: a site of this machine alone.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.loopback.map(|address| SocketAddr::new(address, self.port))
    }
}

/// A name, an address, or an IPv6 address in brackets.
pub(super) fn is_host(text: &str) -> bool {
    let name = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    let v6 = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<std::net::Ipv6Addr>().ok();
    !text.is_empty() && name(text) || v6().is_some()
}
