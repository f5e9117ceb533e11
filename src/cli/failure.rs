//! How a command ends that did not succeed: what it says, and its exit code.

use std::process::ExitCode;

use super::output;
use crate::error::Error;
use crate::oauth::OAuthError;
use crate::storage::{OpenError, StorageError};

/// Why a command did not succeed. The variant is the exit code.
#[derive(Debug)]
pub enum Failure {
    /// 1
    Failed(String),
    /// 2: arguments that are each understood, and do not go together.
    Usage(String),
    /// 69: the database or the network is not to be reached (`sysexits.h`, `EX_UNAVAILABLE`).
    Unavailable(String),
    /// 78: the configuration is wrong (`EX_CONFIG`).
    Configuration(String),
    /// Whoever read our output has gone: nothing more to do.
    NobodyReads,
}

impl Failure {
    pub(super) fn exit(self) -> ExitCode {
        let (code, message) = match self {
            Self::Failed(message) => (1, message),
            Self::Usage(message) => (2, message),
            Self::Unavailable(message) => (69, message),
            Self::Configuration(message) => (78, message),
            Self::NobodyReads => return ExitCode::SUCCESS,
        };
        output::hint(&format!("error: {message}"));
        ExitCode::from(code)
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable(_) | StorageError::Corrupt(_) => {
                Self::Unavailable(error.to_string())
            }
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refused) => Self::Failed(refused.description.into_owned()),
            Error::Failed(failed) => failed.into(),
        }
    }
}

impl From<OAuthError> for Failure {
    fn from(refused: OAuthError) -> Self {
        Self::Failed(refused.description.into_owned())
    }
}

impl From<crate::config::ConfigError> for Failure {
    fn from(error: crate::config::ConfigError) -> Self {
        Self::Configuration(error.to_string())
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match &error {
            OpenError::ReplacedProvider(path) => Self::Configuration(format!(
                "{error}\nhint: choose another MCP_OAUTH_DB, and take its clients over with: \
                 mcp-oauthd import fastmcp-sqlite {} --user NAME --dry-run",
                path.display()
            )),
            OpenError::Copy(_) => Self::Configuration(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::NobodyReads;
        }
        Self::Failed(error.to_string())
    }
}
