//! `MCP_OAUTH_OWNER_PAGES`: where the pages are from which the owner runs the service.

use std::str::FromStr;

use url::Host;

use super::values::{Reader, wrong};
use super::{Config, ConfigError, SignInWays};

/// Where the owner's pages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerPages {
    /// At the public listener.
    On,
    /// At the internal listener only, with a sign-in of its own.
    Internal,
    /// Nowhere: the command line does all of it.
    Off,
}

impl FromStr for OwnerPages {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "on" => Ok(Self::On),
            "internal" => Ok(Self::Internal),
            "off" => Ok(Self::Off),
            _ => Err("is on, internal or off"),
        }
    }
}

impl OwnerPages {
    /// Whoever may see the pages has to be able to sign in where they are.
    pub(super) fn check(self, config: &Config) -> Result<(), ConfigError> {
        if self == Self::Internal && !works_inside(&config.sign_in) {
            let why = "is internal, where nobody could sign in: let MCP_OAUTH_PASSWORD be on, or \
                       have MCP_OAUTH_PROXY_HEADER";
            return Err(wrong("owner_pages", why));
        }
        Ok(())
    }
}

impl Config {
    /// That there is a listener for the pages that are kept to it. Known when the listeners are:
    /// one may have been handed over.
    ///
    /// # Errors
    /// When there is none.
    pub fn check_internal_listener(&self) -> Result<(), ConfigError> {
        if self.owner_pages == OwnerPages::Internal && self.internal_listen.is_none() {
            return Err(wrong("owner_pages", "is internal, and needs MCP_OAUTH_INTERNAL_LISTEN"));
        }
        Ok(())
    }
}

impl Reader<'_> {
    /// Host names with commas between them.
    pub(super) fn internal_names(&self) -> Result<Vec<String>, ConfigError> {
        let text = self.0.text("internal_names").unwrap_or_default();
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let read = |name: &str| match Host::parse(name) {
            Ok(Host::Domain(name)) => Ok(name),
            _ => Err(wrong("internal_names", format!("({name}) is no host name"))),
        };
        names.map(read).collect()
    }
}

/// Passkeys and other providers know the issuer's address only: what they say is good there.
fn works_inside(ways: &SignInWays) -> bool {
    ways.password || ways.proxy_header.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn read(environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let environment = environment.iter().map(|(name, text)| ((*name).into(), (*text).into()));
        Config::from_sources(&Sources::gather(&[], None, environment)?)
    }

    #[test]
    fn names_of_the_internal_listener_are_host_names() {
        let names = |text| read(&[("MCP_OAUTH_INTERNAL_NAMES", text)]);
        let config = names("Admin.example.org, a.ts.net").unwrap();
        assert_eq!(config.internal_names, ["admin.example.org", "a.ts.net"]);
        for wrong in ["https://a.example", "a.example:9090", "10.0.0.5", "a b"] {
            let problem = names(wrong).unwrap_err().to_string();
            assert!(problem.starts_with("MCP_OAUTH_INTERNAL_NAMES "), "{problem}");
        }
    }

    #[test]
    fn kept_inside_they_need_a_way_in_and_a_listener() {
        let inside = ("MCP_OAUTH_OWNER_PAGES", "internal");
        let listen = ("MCP_OAUTH_INTERNAL_LISTEN", "127.0.0.1:9090");
        let config = read(&[inside, listen]).unwrap();
        assert_eq!(config.owner_pages, OwnerPages::Internal);
        config.check_internal_listener().unwrap();
        let problem = read(&[inside, listen, ("MCP_OAUTH_PASSWORD", "off")]).unwrap_err();
        assert!(problem.to_string().starts_with("MCP_OAUTH_OWNER_PAGES "), "{problem}");
        let proxy = [
            ("MCP_OAUTH_PROXY_HEADER", "Remote-User"),
            ("MCP_OAUTH_PROXY_HEADER_FROM", "10.0.0.7"),
        ];
        read(&[inside, listen, ("MCP_OAUTH_PASSWORD", "off"), proxy[0], proxy[1]]).unwrap();
        let config = read(&[inside]).unwrap();
        let problem = config.check_internal_listener().unwrap_err();
        assert!(problem.to_string().contains("MCP_OAUTH_INTERNAL_LISTEN"), "{problem}");
        read(&[("MCP_OAUTH_OWNER_PAGES", "off")]).unwrap().check_internal_listener().unwrap();
    }
}
