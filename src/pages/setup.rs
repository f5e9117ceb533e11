//! The first visit: the owner's account and the first MCP server.

use askama::Template;

use super::Frame;
use super::snippets::Snippets;

/// The form behind the one-time link.
#[derive(Template)]
#[template(path = "setup.html", config = "src/pages/askama.toml")]
pub struct Setup {
    /// Around the content.
    pub frame: Frame,
    /// The one-time token, which also proves that the form is ours.
    pub token: String,
    /// The owner's user name.
    pub username: Field,
    /// What is wrong with the password, which is never shown again.
    pub password_problem: Option<String>,
    /// The MCP server's URL.
    pub resource: Field,
}

/// What was typed, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Field {
    /// Empty at first, or a proposal.
    pub value: String,
    /// In plain words.
    pub problem: Option<String>,
}

/// What the owner needs next. It shows the secret, once.
#[derive(Template)]
#[template(path = "setup_done.html", config = "src/pages/askama.toml")]
pub struct SetupDone {
    /// Around the content.
    pub frame: Frame,
    /// The new owner.
    pub username: String,
    /// The credentials, and code that has them filled in.
    pub snippets: Snippets,
}
