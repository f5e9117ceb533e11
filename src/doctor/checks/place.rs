//! Who can come to the host of a URL at all.

use url::{Host, Url};

/// A host, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// As URLs write it.
    pub(super) host: String,
    /// Also if the URL says none.
    pub(super) port: u16,
    /// Whether it is encrypted.
    pub(super) https: bool,
    /// Whether by its name alone nobody but this machine means it.
    pub(super) is_here: bool,
}

impl Place {
    /// That of this URL.
    pub(super) fn of(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let is_here = match url.host()? {
            Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        Some(Self {
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
            https: url.scheme() == "https",
            is_here,
        })
    }

    /// The root of it.
    pub(super) fn url(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{}:{}/", self.host, self.port)
    }

    /// The host as the system's resolver takes it.
    pub(super) fn name(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}
