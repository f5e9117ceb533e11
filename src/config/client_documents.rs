//! `MCP_OAUTH_CLIENT_DOCUMENTS`: clients that are known by the address of a document, a Client ID
//! Metadata Document.

use std::str::FromStr;

use super::values::wrong;
use super::{Config, ConfigError};

/// Whether clients may be known by a document, and where it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientDocuments {
    /// At public addresses, with a certificate of an authority of the system's.
    On,
    /// Neither advertised nor fetched.
    Off,
    /// At loopback addresses too, and with a certificate of `MCP_OAUTH_OUTGOING_CA`.
    Development,
}

impl FromStr for ClientDocuments {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            "development" => Ok(Self::Development),
            _ => Err("is on, off or development"),
        }
    }
}

impl ClientDocuments {
    /// What listens at loopback trusts whoever is on the same machine, and strangers must not be
    /// able to send us there.
    pub(super) fn check(self, config: &Config) -> Result<(), ConfigError> {
        if self == Self::Development && !config.issuer.is_loopback() {
            let problem = "can be development for loopback issuers only: anybody could have this \
                           service ask what listens beside it";
            return Err(wrong("client_documents", problem));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn read(documents: &str, issuer: &str) -> Result<ClientDocuments, ConfigError> {
        let said = [("CLIENT_DOCUMENTS", documents), ("ISSUER", issuer)];
        let said = said.map(|(key, text)| (format!("MCP_OAUTH_{key}"), text.to_owned()));
        Ok(Config::from_sources(&Sources::gather(&[], None, said)?)?.client_documents)
    }

    #[test]
    fn development_is_for_this_machine() {
        let (here, public) = ("http://127.0.0.1:8080", "https://h.example");
        assert_eq!(read("development", here), Ok(ClientDocuments::Development));
        assert_eq!(read("on", public), Ok(ClientDocuments::On));
        assert_eq!(read("off", public), Ok(ClientDocuments::Off));
        for (documents, issuer) in [("development", public), ("yes", here)] {
            let problem = read(documents, issuer).unwrap_err().to_string();
            assert!(problem.starts_with("MCP_OAUTH_CLIENT_DOCUMENTS "), "{problem}");
        }
    }
}
