//! HTTP for people: one file per page, its template beside it.
//!
//! The pages work without scripts, from one style sheet, and load nothing from other hosts.

pub mod assets;
pub mod consent;
pub mod error;
pub mod home;
pub mod setup;
pub mod sign_in;
pub mod sign_out;
pub mod snippets;

#[cfg(test)]
mod tests;

use crate::oauth::Issuer;

/// What every page has around its content.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The path below which all our paths are: empty, or like `/as`.
    pub base: String,
    /// The host that people see in the address bar, with its port if it has one.
    pub host: String,
    /// Path of the style sheet.
    pub stylesheet: String,
    /// Path of the mark beside the host.
    pub mark: String,
}

impl Frame {
    /// The frame of all pages of one issuer.
    #[must_use]
    pub fn new(issuer: &Issuer) -> Self {
        let origin = issuer.origin();
        Self {
            base: issuer.path().to_owned(),
            host: origin.split_once("://").map_or(origin, |(_, host)| host).to_owned(),
            stylesheet: issuer.path().to_owned() + assets::STYLESHEET.path(),
            mark: issuer.path().to_owned() + assets::MARK.path(),
        }
    }
}

/// `Content-Security-Policy` of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentPolicy {
    /// Forms go to ourselves only.
    Closed,
    /// Without `form-action`: Chrome holds the redirects that follow a form against it, and after
    /// consent they lead to the client (a loopback port, an app's scheme, a site that redirects
    /// further), so that any list would lock somebody out.
    AnswersClient,
}

impl ContentPolicy {
    /// The header's value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => {
                "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                 frame-ancestors 'none'; form-action 'self'"
            }
            Self::AnswersClient => {
                "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                 frame-ancestors 'none'"
            }
        }
    }
}
