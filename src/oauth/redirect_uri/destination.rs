//! Where a redirect URI leads: RFC 8252 sections 7.1, 7.3 and 8.4.

use std::fmt;

use url::{Host, Url};

/// Hosts on which every port is the same client: RFC 8252 section 7.3; `localhost` too, because
/// real clients register it and then listen on a random port.
pub(super) const LOOPBACK: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// Private-use schemes without the period that RFC 8252 section 7.1 asks for, of known clients.
const KNOWN_SCHEMES: [&str; 15] = [
    "claude",
    "cursor",
    "goose",
    "jetbrains",
    "jetbrains-gateway",
    "kiro",
    "lmstudio",
    "mcpjam",
    "raycast",
    "trae",
    "vscode",
    "vscode-insiders",
    "vscodium",
    "windsurf",
    "zed",
];

/// Where an answer goes, as the person at the consent page has to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A web site, by its host.
    Web(String),
    /// A program on the person's own computer that listens at this loopback host.
    Loopback(String),
    /// An app that has claimed this private-use scheme.
    App(String),
}

/// In short: the host, or `scheme://`.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web(host) | Self::Loopback(host) => f.write_str(host),
            Self::App(scheme) => write!(f, "{scheme}://"),
        }
    }
}

/// Both our reading of the authority and the URL parser's must agree, so that no disguise
/// (`http://127.0.0.1:80@evil.example`) is read in two ways.
pub(super) fn web_or_loopback(
    scheme: &str,
    text: &str,
    url: &Url,
) -> Result<Destination, &'static str> {
    let rest = text[scheme.len()..].strip_prefix("://").ok_or("a redirect URI names a host")?;
    let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
    if authority.contains(['@', '%']) {
        return Err("a redirect URI has no user name");
    }
    let bracket = authority.find(']').unwrap_or(0);
    let (host, port) = match authority[bracket..].find(':') {
        None => (authority, None),
        Some(colon) => (&authority[..bracket + colon], Some(&authority[bracket + colon + 1..])),
    };
    let digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    if port.is_some_and(|port| !digits(port) || !matches!(port.parse::<u16>(), Ok(1..))) {
        return Err("a redirect URI has a port from 1 to 65535");
    }
    let parsed = match url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => format!("[{address}]"),
        None => return Err("a redirect URI names a host"),
    };
    if !parsed.eq_ignore_ascii_case(host) {
        return Err("a redirect URI spells its host plainly");
    }
    match scheme {
        "https" => Ok(Destination::Web(parsed)),
        _ if LOOPBACK.contains(&host) => Ok(Destination::Loopback(parsed)),
        _ => Err("http is for loopback addresses only"),
    }
}

/// A scheme that only an installed app can have claimed: with a period (RFC 8252 section 7.1), or
/// known. That leaves no room for `javascript`, `data`, `file` and their kin.
pub(super) fn private_use(scheme: &str, rest: &str) -> Result<Destination, &'static str> {
    let letters =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    if !scheme.starts_with(|first: char| first.is_ascii_lowercase()) || !scheme.bytes().all(letters)
    {
        return Err("a redirect URI has a scheme in lower case");
    }
    if !(scheme.contains('.') || KNOWN_SCHEMES.contains(&scheme)) {
        return Err("this scheme is not allowed in a redirect URI: https is, http on a loopback \
                    address, and a scheme of an app with a period, like com.example.app");
    }
    if rest.trim_matches('/').is_empty() || rest.contains('@') {
        return Err("a redirect URI says where in the app it leads");
    }
    Ok(Destination::App(scheme.to_owned()))
}
