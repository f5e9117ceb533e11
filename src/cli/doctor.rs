//! `doctor`: whether clients can connect, and what mends it where they cannot.

use clap::Args;

use super::{Failure, output};
use crate::app::fetcher::DEADLINE;
use crate::config::Config;
use crate::doctor::asking::Asker;
use crate::doctor::{Finding, Patient, Verdict, checks};
use crate::oauth::ResourceUri;

/// What to look at.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The MCP server's public URL, as people type it; that of the settings, if left out
    resource: Option<ResourceUri>,
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
    let declared = || config.resources.first().map(|resource| resource.uri.clone());
    let resource = arguments.resource.or_else(declared).ok_or_else(|| {
        Failure::Configuration("name the MCP server's URL, or set MCP_OAUTH_RESOURCE".to_owned())
    })?;
    let asker = Asker::new(DEADLINE).map_err(Failure::Unavailable)?;
    let findings = checks::all(&Patient { config, resource }, &asker).await;
    show(&findings, arguments.json)?;
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
