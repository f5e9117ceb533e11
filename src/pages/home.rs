//! What this is, for whoever opens the bare address.

use askama::Template;

use super::Frame;

/// The page.
#[derive(Template)]
#[template(path = "home.html", config = "src/pages/askama.toml")]
pub struct Home {
    /// Around the content.
    pub frame: Frame,
    /// Whether anybody can sign in yet.
    pub state: State,
    /// Who is signed in, if anybody.
    pub account: Option<Account>,
    /// Where the authorization server metadata is: RFC 8414.
    pub metadata_url: String,
}

/// Whether the service is ready for use.
#[derive(Debug, Clone)]
pub enum State {
    /// Nobody has an account.
    NotSetUp,
    /// There are accounts.
    Ready {
        /// URLs of the MCP servers.
        resources: Vec<String>,
    },
}

/// Who is signed in.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user name.
    pub username: String,
    /// Proves that the form is ours.
    pub csrf: String,
}
