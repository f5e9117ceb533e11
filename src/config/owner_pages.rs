//! `MCP_OAUTH_OWNER_PAGES`: where the pages are from which the owner runs the service.

use std::str::FromStr;

use super::values::wrong;
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
            let why = "is internal, where nobody could sign in: let MCP_OAUTH_PASSWORD be on";
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

/// Passkeys and other providers know the issuer's address only: what they say is good there.
fn works_inside(ways: &SignInWays) -> bool {
    ways.password
}
