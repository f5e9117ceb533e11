//! Error codes that a client may see: RFC 6749 sections 4.1.2.1 and 5.2, and what extends them.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

/// An error response: RFC 6749 section 5.2.
///
/// The description is for the developer of the client. It never repeats what the request said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{code}: {description}")]
pub struct OAuthError {
    /// The one word that a program acts on.
    #[serde(rename = "error")]
    pub code: ErrorCode,
    /// One plain cause.
    #[serde(rename = "error_description")]
    pub description: Cow<'static, str>,
}

/// The registered error codes that this server answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// RFC 6749 section 5.2
    InvalidRequest,
    /// RFC 6749 section 5.2
    InvalidClient,
    /// RFC 6749 section 5.2
    InvalidGrant,
    /// RFC 6749 section 5.2
    UnauthorizedClient,
    /// RFC 6749 section 5.2
    UnsupportedGrantType,
    /// RFC 6749 section 4.1.2.1
    UnsupportedResponseType,
    /// RFC 6749 section 4.1.2.1
    AccessDenied,
    /// RFC 6749 section 4.1.2.1
    ServerError,
    /// RFC 6749 section 4.1.2.1
    TemporarilyUnavailable,
    /// RFC 8707 section 2
    InvalidTarget,
    /// RFC 7591 section 3.2.2
    InvalidRedirectUri,
    /// RFC 7591 section 3.2.2
    InvalidClientMetadata,
    /// RFC 6750 section 3.1
    InvalidToken,
    /// OpenID Connect Core section 3.1.2.6, for `prompt=none`
    LoginRequired,
    /// OpenID Connect Core section 3.1.2.6, for `prompt=none`
    ConsentRequired,
}

impl ErrorCode {
    /// This code with one plain cause, in characters that RFC 6749 section 5.2 allows.
    pub fn because(self, description: impl Into<Cow<'static, str>>) -> OAuthError {
        OAuthError { code: self, description: description.into() }
    }

    /// As it stands on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidToken => "invalid_token",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_two_members_of_json() {
        let error = ErrorCode::InvalidGrant.because("the code has expired");
        assert_eq!(
            serde_json::to_string(&error).unwrap(),
            r#"{"error":"invalid_grant","error_description":"the code has expired"}"#
        );
    }

    #[test]
    fn both_spellings_of_a_code_agree() {
        for code in [
            ErrorCode::InvalidRequest,
            ErrorCode::TemporarilyUnavailable,
            ErrorCode::InvalidTarget,
            ErrorCode::InvalidClientMetadata,
            ErrorCode::InvalidToken,
        ] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
