//! What went wrong, in plain words.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use askama::Template;
use tracing::{debug, error};

use super::{ContentPolicy, Frame, render};
use crate::clock::Seconds;
use crate::error::Error;
use crate::middleware::outcome::Outcome;
use crate::middleware::request_log::note_refusal;
use crate::middleware::sighting::mark_cause;
use crate::oauth::{ErrorCode, OAuthError};
use crate::storage::StorageError;
use crate::words;

/// The page. It says nothing that the request said.
#[derive(Template)]
#[template(path = "error.html", config = "src/pages/askama.toml")]
pub struct ErrorPage {
    /// Around the content.
    pub frame: Frame,
    /// In a few words.
    pub title: &'static str,
    /// One cause, and what the person can do.
    pub message: String,
    /// By which the operator finds the log lines.
    pub request_id: String,
    /// A way back to the app, where following one is safe.
    pub back: Option<Back>,
}

/// A link that the person may follow; we never follow it for him (OAuth 2.1 section 7.12.2).
#[derive(Debug, Clone)]
pub struct Back {
    /// The client's verified redirect URI with the error's parameters.
    pub href: String,
    /// Where it leads: a host, or a scheme.
    pub place: String,
}

/// A page that takes the place of the one that was asked for.
pub struct PageError {
    page: Box<ErrorPage>,
    status: StatusCode,
    outcome: Outcome,
    refused: Option<OAuthError>,
    retry_after: Option<Seconds>,
}

impl PageError {
    /// For a request that is refused, or that has failed.
    #[must_use]
    pub fn new(error: Error, frame: Frame, request_id: String) -> Self {
        let outcome = match &error {
            Error::Refused(refused) => Outcome::Refused(refused.code),
            Error::Failed(_) => Outcome::Failed,
        };
        let refused = match &error {
            Error::Refused(refused) => Some(refused.clone()),
            Error::Failed(_) => None,
        };
        let (status, title, message) = match error {
            Error::Refused(refused) => {
                note_refusal(&refused);
                let (status, title) = match refused.code {
                    ErrorCode::AccessDenied => (StatusCode::FORBIDDEN, words!("That did not work")),
                    ErrorCode::TemporarilyUnavailable => {
                        (StatusCode::TOO_MANY_REQUESTS, words!("Too many requests"))
                    }
                    _ => (StatusCode::BAD_REQUEST, words!("This request did not work")),
                };
                (status, title, sentence(&described(&frame, &refused.description)))
            }
            Error::Failed(StorageError::Unavailable(cause)) => {
                debug!(cause, "unavailable");
                let words = frame.t("Nothing was lost. Please try again in a moment.");
                (StatusCode::SERVICE_UNAVAILABLE, words!("Just a moment"), words.to_owned())
            }
            Error::Failed(failed) => {
                error!(error = %failed, "failed");
                let words = frame.t("This is our fault, not yours. Please try again.");
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                (status, words!("Something went wrong"), words.to_owned())
            }
        };
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(Seconds(5));
        let page = Box::new(ErrorPage { frame, title, message, request_id, back: None });
        Self { page, status, outcome, refused, retry_after }
    }

    /// With a way back to the app.
    #[must_use]
    pub fn with_back(mut self, back: Back) -> Self {
        self.page.back = Some(back);
        self
    }

    /// With another status than the one that follows from the error.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// With the time after which it is worth another try.
    #[must_use]
    pub fn with_retry(self, wait: Seconds) -> Self {
        Self { retry_after: Some(wait), ..self }
    }
}

/// The words of a refusal in the page's language. Those of a missing parameter have its name in them.
pub(super) fn described(frame: &Frame, description: &str) -> String {
    match description.strip_suffix(" is missing") {
        Some(name) if !name.contains(' ') => frame.t("{} is missing").replace("{}", name),
        _ => frame.t(description).to_owned(),
    }
}

/// A description of the protocol, as something that is said to a person.
pub(super) fn sentence(description: &str) -> String {
    let mut letters = description.chars();
    let is_code = description.split(' ').next().is_some_and(|word| word.contains('_'));
    let capital = |first: char| if is_code { first } else { first.to_ascii_uppercase() };
    let first = letters.next().map(capital);
    let end = if description.ends_with('.') { "" } else { "." };
    first.into_iter().chain(letters).collect::<String>() + end
}

impl fmt::Debug for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageError").field("status", &self.status).finish_non_exhaustive()
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.page.message)
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = render(self.status, &*self.page, ContentPolicy::Closed);
        self.outcome.mark(&mut response);
        if let Some(refused) = &self.refused {
            mark_cause(&mut response, refused);
        }
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, wait.0.into());
        }
        response
    }
}
