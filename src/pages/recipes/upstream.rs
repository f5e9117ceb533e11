//! Where an MCP server listens.

use std::fmt::{self, Display};
use std::str::FromStr;

use super::site::is_host;

/// Where the MCP server listens: `HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    pub(super) host: String,
    pub(super) port: u16,
}

impl FromStr for Upstream {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').ok_or("is not HOST:PORT")?;
        if !is_host(host) {
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
