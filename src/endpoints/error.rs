//! Errors of the endpoints for machines, mapped once: RFC 6749 section 5.2.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use tracing::{debug, error};

use crate::error::Error;
use crate::middleware::outcome::Outcome;
use crate::middleware::request_log::note_refusal;
use crate::middleware::sighting::mark_cause;
use crate::oauth::{ErrorCode, OAuthError};
use crate::storage::StorageError;

/// Seconds after which a client may try again when the database was out of reach.
const RETRY_SECONDS: u32 = 5;

/// An error on its way to the client.
#[derive(Debug)]
pub struct EndpointError {
    error: Error,
    /// Basic was tried, and has to be named.
    basic: bool,
    /// RFC 9110 section 15.5.14
    too_large: bool,
    /// A token is needed, and none was shown.
    no_token: bool,
}

impl EndpointError {
    /// Names the Basic scheme if it was tried: RFC 6749 section 5.2.
    #[must_use]
    pub fn after_basic(self, basic: bool) -> Self {
        Self { basic, ..self }
    }

    /// For a request that shows no token where one is needed. The challenge says no error code then: RFC
    /// 6750 section 3.1. The body says the cause, as that of every other refusal.
    #[must_use]
    pub fn no_token() -> Self {
        let error = ErrorCode::InvalidToken.because("this needs a token, as a bearer token");
        Self { no_token: true, ..error.into() }
    }

    /// 413, in place of 400.
    #[must_use]
    pub fn too_large(self) -> Self {
        Self { too_large: true, ..self }
    }

    /// For a page, which has its own way to tell it.
    #[must_use]
    pub fn into_parts(self) -> (Error, StatusCode) {
        let status = self.status_code();
        (self.error, status)
    }

    /// The code that the client sees.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.body().code
    }

    fn body(&self) -> OAuthError {
        match &self.error {
            Error::Refused(refused) => refused.clone(),
            Error::Failed(StorageError::Unavailable(_)) => ErrorCode::TemporarilyUnavailable
                .because("the service cannot decide now, try again"),
            Error::Failed(_) => ErrorCode::ServerError.because("the service has failed"),
        }
    }
}

impl<E: Into<Error>> From<E> for EndpointError {
    fn from(error: E) -> Self {
        Self { error: error.into(), basic: false, too_large: false, no_token: false }
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.body().fmt(f)
    }
}

impl ResponseError for EndpointError {
    fn status_code(&self) -> StatusCode {
        match self.code() {
            ErrorCode::InvalidClient | ErrorCode::InvalidToken => StatusCode::UNAUTHORIZED,
            ErrorCode::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ if self.too_large => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn error_response(&self) -> HttpResponse {
        match &self.error {
            Error::Refused(refused) => note_refusal(refused),
            // The writer says once that the database cannot be written.
            Error::Failed(StorageError::Unavailable(cause)) => debug!(cause, "unavailable"),
            Error::Failed(failed) => error!(error = %failed, "failed"),
        }
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CACHE_CONTROL, "no-store"));
        if self.code() == ErrorCode::InvalidClient && self.basic {
            response.insert_header((WWW_AUTHENTICATE, r#"Basic realm="mcp-oauthd""#));
        }
        if self.code() == ErrorCode::InvalidToken {
            // RFC 6750 section 3
            let challenge = if self.no_token {
                r#"Bearer realm="mcp-oauthd""#
            } else {
                r#"Bearer realm="mcp-oauthd", error="invalid_token""#
            };
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        if self.code() == ErrorCode::TemporarilyUnavailable {
            response.insert_header((RETRY_AFTER, RETRY_SECONDS));
        }
        let mut response = response.json(self.body());
        match &self.error {
            Error::Refused(refused) => {
                mark_cause(&mut response, refused);
                Outcome::Refused(refused.code).mark(&mut response);
            }
            Error::Failed(_) => Outcome::Failed.mark(&mut response),
        }
        response
    }
}
