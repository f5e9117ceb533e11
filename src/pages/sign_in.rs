//! Who is there? User name and password.

use askama::Template;

use super::Frame;

/// The page with the form.
#[derive(Template)]
#[template(path = "sign_in.html", config = "src/pages/askama.toml")]
pub struct SignIn {
    /// Around the content.
    pub frame: Frame,
    /// The pending authorization request to go on with.
    pub request: String,
    /// Proves that the form is ours.
    pub csrf: String,
    /// What the person typed before; empty at first.
    pub username: String,
    /// Why the last attempt did not succeed.
    pub problem: Option<Problem>,
}

/// Why somebody is not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The same for unknown names, wrong passwords and disabled accounts.
    WrongCredentials,
    /// Too many attempts, of this account or from this address.
    TooManyAttempts,
    /// The form is not the one that we gave to this browser.
    StaleForm,
}

impl Problem {
    fn words(self) -> &'static str {
        match self {
            Self::WrongCredentials => "The user name or the password is not right.",
            Self::TooManyAttempts => "Too many attempts. Please wait a minute, then try again.",
            Self::StaleForm => "This page was open for too long. Please sign in again.",
        }
    }
}

impl SignIn {
    fn fields_are_wrong(&self) -> bool {
        self.problem == Some(Problem::WrongCredentials)
    }
}
