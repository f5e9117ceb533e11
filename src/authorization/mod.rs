//! From an authorization request to a person's yes: RFC 6749 section 4.1.

pub mod admission;
pub mod consent;
pub mod limits;
pub mod obstacle;
pub mod pause;
pub mod request;
pub mod shown;
pub mod step_up;

use crate::oauth::{Destination, ErrorCode, Issuer, OAuthError, RedirectUri};

/// A redirect URI that has been checked against its client's: only this module can make one, and
/// only this may be redirected to.
#[derive(Debug, Clone)]
pub struct VerifiedRedirect {
    uri: RedirectUri,
    state: Option<String>,
}

impl VerifiedRedirect {
    /// The URL that carries an error to the client: RFC 6749 section 4.1.2.1, with `iss` (RFC 9207).
    #[must_use]
    pub fn with_error(&self, error: &OAuthError, issuer: &Issuer) -> String {
        self.with(
            &[("error", error.code.as_str()), ("error_description", &error.description)],
            issuer,
        )
    }

    /// The URL that carries a code to the client: RFC 6749 section 4.1.2, with `iss` (RFC 9207).
    #[must_use]
    pub fn with_code(&self, code: &str, issuer: &Issuer) -> String {
        self.with(&[("code", code)], issuer)
    }

    /// The URL that says that the person said no.
    #[must_use]
    pub fn with_denial(&self, issuer: &Issuer) -> String {
        let error = ErrorCode::AccessDenied.because("the person said no");
        self.with_error(&error, issuer)
    }

    /// Where it leads, for people.
    #[must_use]
    pub fn destination(&self) -> &Destination {
        self.uri.destination()
    }

    fn with(&self, answer: &[(&str, &str)], issuer: &Issuer) -> String {
        let mut parameters = answer.to_vec();
        parameters.extend(self.state.as_deref().map(|state| ("state", state)));
        parameters.push(("iss", issuer.as_str()));
        self.uri.with_parameters(&parameters)
    }
}
