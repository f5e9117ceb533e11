//! Looks at the service from outside, as its clients do, and says in one line each what would keep
//! one of them from connecting, and what mends it.

pub mod asking;
pub mod checks;
pub mod profiles;

use serde::Serialize;

use crate::config::Config;
use crate::oauth::ResourceUri;

/// Where the service is to be looked at.
pub struct Patient<'a> {
    /// The settings: what ought to be.
    pub config: &'a Config,
    /// The MCP server's public URL, as people type it.
    pub resource: ResourceUri,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, in one word or two; the same in every version.
    pub check: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was seen, in one line.
    pub says: String,
    /// What mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Fine,
    /// Clients connect, but not all of them, or not well.
    Doubtful,
    /// A client would fail.
    Wrong,
    /// Not to be known from here.
    Unknown,
}

impl Finding {
    /// All is well.
    #[must_use]
    pub fn fine(check: &'static str, says: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Fine, says: says.into(), mend: None }
    }

    /// Clients connect, but not all of them, or not well.
    #[must_use]
    pub fn doubtful(check: &'static str, says: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Doubtful, says: says.into(), mend: Some(mend.into()) }
    }

    /// A client would fail.
    #[must_use]
    pub fn wrong(check: &'static str, says: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Wrong, says: says.into(), mend: Some(mend.into()) }
    }

    /// Not to be known from here; what to do to know it.
    #[must_use]
    pub fn unknown(check: &'static str, says: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Unknown, says: says.into(), mend: Some(mend.into()) }
    }
}
