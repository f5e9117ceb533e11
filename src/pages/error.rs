//! What went wrong, in plain words.

use askama::Template;

use super::Frame;

/// The page. It says nothing that the request said.
#[derive(Template)]
#[template(path = "error.html", config = "src/pages/askama.toml")]
pub struct ErrorPage {
    /// Around the content.
    pub frame: Frame,
    /// In a few words.
    pub title: String,
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
