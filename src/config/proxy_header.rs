//! `MCP_OAUTH_PROXY_HEADER`: a reverse proxy that has signed people in says who they are.

use ipnet::IpNet;

use super::values::{Reader, wrong};
use super::{ConfigError, SignInWays};
use crate::oauth::Issuer;

/// A header that is believed.
#[derive(Debug, Clone)]
pub struct ProxyHeader {
    /// In lower case.
    pub name: String,
    /// From where: the addresses of the connection itself, never of a header.
    pub from: Vec<IpNet>,
    /// Whether somebody without an account here gets one.
    pub sign_up: bool,
}

impl Reader<'_> {
    pub(super) fn proxy_header(&self) -> Result<Option<ProxyHeader>, ConfigError> {
        let from = self.networks("proxy_header_from")?;
        let sign_up = match self.0.text("proxy_header_sign_up") {
            Some("off") => false,
            Some("allowed") => true,
            _ => return Err(wrong("proxy_header_sign_up", "is off or allowed")),
        };
        let Some(name) = self.0.text("proxy_header") else {
            return if from.is_empty() && !sign_up {
                Ok(None)
            } else {
                Err(wrong("proxy_header", "is missing: which header is it?"))
            };
        };
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(wrong("proxy_header", format!("({name}) is not the name of a header")));
        }
        if from.is_empty() {
            let problem = "is missing: from which addresses is MCP_OAUTH_PROXY_HEADER believed?";
            return Err(wrong("proxy_header_from", problem));
        }
        if from.iter().any(|network| network.prefix_len() == 0) {
            return Err(wrong("proxy_header_from", "is everybody, who could write any name"));
        }
        Ok(Some(ProxyHeader { name: name.to_ascii_lowercase(), from, sign_up }))
    }
}

impl SignInWays {
    /// Somebody must be able to sign in, and nobody as somebody else.
    pub(super) fn check(&self, issuer: &Issuer) -> Result<(), ConfigError> {
        // An address cannot be an RP id: Web Authentication section 5.1.2.
        let passkeys = self.passkeys && cfg!(feature = "passkeys") && issuer.has_a_name();
        if !self.password && !passkeys && self.providers.is_empty() && self.proxy_header.is_none() {
            return Err(wrong("password", "is off, and so is every other way to sign in"));
        }
        // The proxy's names are accounts here. At a provider, people may choose theirs.
        if self.proxy_header.is_some() && self.providers.iter().any(|provider| provider.sign_up) {
            let problem = "cannot be together with a sign-up at a provider, where somebody could \
                           take a name that the proxy gives to somebody else";
            return Err(wrong("proxy_header", problem));
        }
        Ok(())
    }
}
