//! `MCP_OAUTH_REGISTRATION`: who may register clients (RFC 7591 section 3).

use std::str::FromStr;

/// Who may register clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Every client, by itself.
    Open,
    /// Whoever has an initial access token, which the operator gives out.
    Token,
    /// Nobody but the operator.
    Off,
}

impl FromStr for Registration {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "open" => Ok(Self::Open),
            "token" => Ok(Self::Token),
            "off" => Ok(Self::Off),
            _ => Err("is open, token or off"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigError, Sources};

    fn read(text: &str) -> Result<Registration, ConfigError> {
        let environment = [("MCP_OAUTH_REGISTRATION".into(), text.into())];
        let config = Config::from_sources(&Sources::gather(&[], None, environment)?)?;
        Ok(config.registration)
    }

    #[test]
    fn it_is_open_unless_somebody_says_otherwise() {
        let config = Config::from_sources(&Sources::gather(&[], None, []).unwrap()).unwrap();
        assert_eq!(config.registration, Registration::Open);
        assert_eq!(read("token").unwrap(), Registration::Token);
        assert_eq!(read("off").unwrap(), Registration::Off);
    }

    #[test]
    fn another_word_is_refused_by_name() {
        let problem = read("closed").unwrap_err().to_string();
        assert_eq!(problem, "MCP_OAUTH_REGISTRATION (closed) is open, token or off");
    }
}
