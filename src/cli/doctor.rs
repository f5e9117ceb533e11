//! `doctor`: whether clients can connect, and what mends it where they cannot.

mod client;

use clap::Args;

use super::{Failure, output};
use crate::app::fetcher::{DEADLINE, Fetcher};
use crate::config::Config;
use crate::doctor::asking::Asker;
use crate::doctor::{Finding, Patient, Verdict, checks};
use crate::oauth::ResourceUri;

/// What to look at.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The MCP server's public URL, as people type it; that of the settings, if left out
    resource: Option<ResourceUri>,
    /// Replay the requests of this client: one of them, `all`, or `list` to see what they are
    #[arg(long = "as", value_name = "CLIENT", value_parser = client::names())]
    client: Option<String>,
    /// Go on through the sign-in page, to the last token: somebody signs in, and pastes an address
    #[arg(long, requires = "client")]
    through: bool,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// 1 when a client would fail, 69 when nobody can be asked, 78 when there is no MCP server to look
/// at.
pub async fn run(arguments: Arguments, config: &Config) -> Result<(), Failure> {
    if arguments.client.as_deref().is_some_and(client::is_list) {
        return client::list(arguments.json);
    }
    let declared = || config.resources.first().map(|resource| resource.uri.clone());
    let resource = arguments.resource.clone().or_else(declared).ok_or_else(|| {
        Failure::Configuration("name the MCP server's URL, or set MCP_OAUTH_RESOURCE".to_owned())
    })?;
    if let Some(name) = &arguments.client {
        let fetcher = Fetcher::new(config.outgoing_ca.clone());
        return client::run(name, &arguments, &resource, &fetcher).await;
    }
    let asker = Asker::new(DEADLINE).map_err(Failure::Unavailable)?;
    let findings = checks::all(&Patient { config, resource }, &asker).await;
    show(&findings, arguments.json)?;
    conclude(&findings)
}

fn conclude(findings: &[Finding]) -> Result<(), Failure> {
    if findings.iter().any(|finding| finding.verdict == Verdict::Wrong) {
        return Err(Failure::Failed("a client would fail".to_owned()));
    }
    Ok(())
}

fn show(findings: &[Finding], json: bool) -> Result<(), Failure> {
    if json {
        return output::json(&findings);
    }
    for Finding { check, verdict, says, mend } in findings {
        let word = match verdict {
            Verdict::Fine => "ok",
            Verdict::Doubtful => "doubtful",
            Verdict::Wrong => "WRONG",
            Verdict::Unknown => "unknown",
        };
        let mend = mend.as_ref().map(|mend| format!(" -> {mend}")).unwrap_or_default();
        output::line(&output::printable(&format!("{word:8}  {check}: {says}{mend}")))?;
    }
    Ok(())
}
