//! The end of a session.

use askama::Template;

use super::Frame;

/// What is left to say after signing out.
#[derive(Template)]
#[template(path = "signed_out.html", config = "src/pages/askama.toml")]
pub struct SignedOut {
    /// Around the content.
    pub frame: Frame,
}
