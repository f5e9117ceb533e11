//! `import fastmcp-sqlite`: moving in from the replaced provider.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::super::{Failure, grant, open, output};
use super::old_issuer::{self, OldIssuer};
use crate::app::bounds;
use crate::clock::Clock;
use crate::config::Config;
use crate::moving::replaced_provider::{self, Counts, Report, Terms};
use crate::oauth::{Issuer, ResourceUri, UserId};
use crate::storage::replaced_provider::{self as replaced, Found};
use crate::storage::{Missing, Storage, resources};

/// What, and for whom.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Its database, which is only read; stop that provider first
    path: PathBuf,
    /// Whose the connections are from now on: that provider knows nobody
    #[arg(long, value_name = "NAME")]
    user: String,
    /// The issuer that its metadata says, byte for byte; it is asked for it, if left out
    #[arg(long)]
    old_issuer: Option<Issuer>,
    /// Only say what would be taken
    #[arg(long)]
    dry_run: bool,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    dry_run: bool,
    user: &'a str,
    #[serde(flatten)]
    report: &'a Report,
    #[serde(flatten)]
    old: Option<&'a OldIssuer>,
}

/// Runs it.
///
/// # Errors
/// 69 for a database that cannot be read; a person or an MCP server that is not there; the database's.
pub(super) async fn run(arguments: Arguments, config: &Config) -> Result<(), Failure> {
    let found = replaced::read(&arguments.path, Clock::System.now())?;
    let missing = if arguments.dry_run { Missing::Refuse } else { Missing::Create };
    let storage = open(config, missing)?;
    let done = import(arguments, found, &storage, config).await;
    storage.close().await;
    done
}

async fn import(
    Arguments { user, old_issuer, dry_run, json, .. }: Arguments,
    found: Found,
    storage: &Storage,
    config: &Config,
) -> Result<(), Failure> {
    let user_id = grant::find_user(storage, &user).await?;
    let resource = default_resource(storage, config, &found).await?;
    let named = named(&found).or_else(|| resource.clone());
    let terms = terms(user_id, resource, config, dry_run);
    let report = replaced_provider::take(storage, found, &terms).await?;
    let old = old_issuer::of(old_issuer, named.as_ref(), config).await;
    if json {
        return output::json(&Answer { dry_run, user: &user, report: &report, old: old.as_ref() });
    }
    show(&report, dry_run)?;
    if let Some(old) = &old {
        old.show(config)?;
    }
    if dry_run {
        output::hint("nothing was written: the same without --dry-run takes it");
    }
    Ok(())
}

fn terms(user_id: UserId, resource: Option<ResourceUri>, config: &Config, dry: bool) -> Terms {
    let (bounds, lifetimes) = (bounds(config), config.lifetimes.clone());
    Terms { user_id, resource, bounds, lifetimes, now: Clock::System.now(), dry }
}

/// For what names no MCP server, or has forgotten it, as that provider does at every refresh: that of
/// the settings, or the only one there is.
async fn default_resource(
    storage: &Storage,
    config: &Config,
    found: &Found,
) -> Result<Option<ResourceUri>, Failure> {
    let mut all = storage.read(resources::list).await?;
    if all.is_empty() {
        return Err(Failure::Failed(
            "there is no MCP server here yet; add it first: mcp-oauthd resource add URL".to_owned(),
        ));
    }
    if let Some(declared) = config.resources.first() {
        let canonical = declared.uri.canonical();
        return match all.into_iter().find(|one| one.canonical == canonical) {
            Some(resource) => Ok(Some(resource.uri)),
            None => Err(Failure::Failed(format!(
                "{} of MCP_OAUTH_RESOURCE is not here yet: start the service once",
                declared.uri
            ))),
        };
    }
    let forgotten = found.tokens.iter().any(|token| token.resource.is_none())
        || found.codes.iter().any(|code| code.resource.is_none());
    if all.len() > 1 && forgotten {
        return Err(Failure::Usage(
            "some name no MCP server, and there are several here: say which with --resource"
                .to_owned(),
        ));
    }
    let only = all.pop().filter(|_| all.is_empty());
    Ok(only.map(|resource| resource.uri))
}

/// An MCP server that was named there, and so is beside that provider.
fn named(found: &Found) -> Option<ResourceUri> {
    let tokens = found.tokens.iter().map(|token| &token.resource);
    let mut all = tokens.chain(found.codes.iter().map(|code| &code.resource)).flatten();
    all.find_map(|text| text.parse().ok())
}

fn show(report: &Report, dry: bool) -> Result<(), Failure> {
    let head = if dry { "would be taken" } else { "taken" };
    output::line(&format!("{head}: {}", words(report.taken)))?;
    if report.already_here != Counts::default() {
        output::line(&format!("here already: {}", words(report.already_here)))?;
    }
    let expired = report.expired;
    output::line(&format!("past their time: codes {}, tokens {}", expired.codes, expired.tokens))?;
    for left in &report.left {
        let examples = left.examples.join(", ");
        let text = format!("left: {} of kind {}: {} ({examples})", left.count, left.what, left.why);
        output::line(&output::printable(&text))?;
    }
    Ok(())
}

fn words(counts: Counts) -> String {
    let Counts { clients, codes, grants, access_tokens, refresh_tokens } = counts;
    format!(
        "clients {clients}, codes {codes}, connections {grants} (access tokens {access_tokens}, \
         refresh tokens {refresh_tokens})"
    )
}
