//! Where the clients of the replaced provider are used to go, which is where they must find us.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::super::{Failure, output};
use crate::config::Config;
use crate::doctor::asking::Asker;
use crate::oauth::{Issuer, ResourceUri};
use crate::pages::recipes::{PUBLIC, WELL_KNOWN};

/// It is beside us, or not there at all.
const PATIENCE: Duration = Duration::from_secs(3);

/// The issuer to which the clients are bound (RFC 8414 section 3.3), and what of its origin is ours now.
#[derive(Serialize)]
pub(super) struct OldIssuer {
    #[serde(rename = "old_issuer")]
    issuer: Issuer,
    /// How it is known.
    known: Known,
    /// Paths at its origin that are to lead here, each with all that is below it.
    paths: Vec<String>,
    /// Whether the settings say the same already.
    is_ours: bool,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Known {
    /// The operator has said it.
    Given,
    /// It is published there.
    Published,
    /// Nobody answers there.
    Guessed,
}

/// None if nothing tells where that provider is.
pub(super) async fn of(
    given: Option<Issuer>,
    resource: Option<&ResourceUri>,
    config: &Config,
) -> Option<OldIssuer> {
    let (issuer, known) = match (given, resource) {
        (Some(issuer), _) => (issuer, Known::Given),
        (None, Some(resource)) => match published(resource).await {
            Some(issuer) => (issuer, Known::Published),
            None => (guessed(resource)?, Known::Guessed),
        },
        (None, None) => return None,
    };
    let below = PUBLIC.iter().map(|name| format!("{}/{name}", issuer.path()));
    let metadata = format!("/.well-known/{}{}", WELL_KNOWN[0], issuer.path());
    let paths = below.chain([metadata]).collect();
    Some(OldIssuer { is_ours: issuer == config.issuer, issuer, known, paths })
}

/// What it says itself, while it still runs: in its metadata, or in the MCP server's (RFC 9728).
async fn published(resource: &ResourceUri) -> Option<Issuer> {
    let asker = Asker::new(PATIENCE).ok()?;
    let root = format!("{}/.well-known/{}", resource.origin(), WELL_KNOWN[0]);
    for (url, member) in [(resource.metadata_url(), "/authorization_servers/0"), (root, "/issuer")]
    {
        let document = asker.get(&url).await.ok().and_then(|answer| answer.json());
        let said = document.as_ref().and_then(|document| document.pointer(member));
        if let Some(issuer) = said.and_then(Value::as_str).and_then(|text| text.parse().ok()) {
            return Some(issuer);
        }
    }
    None
}

/// FastMCP writes a slash behind a host.
fn guessed(resource: &ResourceUri) -> Option<Issuer> {
    format!("{}/", resource.origin()).parse().ok()
}

impl OldIssuer {
    /// What is to be done, so that nobody notices.
    pub(super) fn show(&self, config: &Config) -> Result<(), Failure> {
        let issuer = &self.issuer;
        let how = match self.known {
            Known::Given => String::new(),
            Known::Published => " (so it is published there)".to_owned(),
            Known::Guessed => format!(
                " (nobody answers there, so this is a guess: it is the \"issuer\" in {}, with or \
                 without the slash at its end; say it with --old-issuer)",
                issuer.metadata_url()
            ),
        };
        let text = format!("the old issuer, byte for byte: {issuer}{how}");
        output::line(&output::printable(&text))?;
        output::line("its clients are bound to it, and go on if")?;
        let now = if self.is_ours {
            "as it is".to_owned()
        } else {
            format!("it is {} now", config.issuer)
        };
        output::line(&format!("  the service has MCP_OAUTH_ISSUER={issuer} ({now})"))?;
        output::line(&format!(
            "  {} hands these on to {}, with all that is below them:",
            issuer.origin(),
            config.listen
        ))?;
        output::line(&format!("    {}", self.paths.join(" ")))?;
        output::line(&format!(
            "  the MCP server there asks {} in place of its provider, and names \
             \"{issuer}\" as its authorization server, in these letters",
            issuer.url("/introspect")
        ))
    }
}
