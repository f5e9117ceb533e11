//! `doctor --as`: one client's own requests, or those of each of them.

use std::collections::BTreeMap;
use std::io;

use clap::builder::PossibleValuesParser;
use serde_json::json;
use url::Url;

use super::{Arguments, conclude, show};
use crate::app::fetcher::Fetcher;
use crate::cli::{Failure, output};
use crate::doctor::profiles::{self, ALL, Profile};
use crate::oauth::ResourceUri;

const EVERY: &str = "all";
const LIST: &str = "list";

/// The names of clients, and two words more.
pub(super) fn names() -> PossibleValuesParser {
    ALL.iter().map(|profile| profile.name).chain([EVERY, LIST]).collect::<Vec<_>>().into()
}

/// Whether there is nothing to look at.
pub(super) fn is_list(name: &str) -> bool {
    name == LIST
}

/// Which clients there are, and what is known of them.
///
/// # Errors
/// [`Failure::NobodyReads`] when the reader has gone.
pub(super) fn list(json: bool) -> Result<(), Failure> {
    if json {
        let row = |profile: &Profile| {
            json!({
                "name": profile.name,
                "client": profile.product,
                "habits": profile.habits,
                "source": profile.source,
            })
        };
        return output::json(&ALL.iter().map(row).collect::<Vec<_>>());
    }
    let rows: Vec<_> = ALL.iter().map(|one| [one.name, one.product].map(str::to_owned)).collect();
    output::table(["NAME", "CLIENT"], &rows)
}

/// Replays a client, or all of them.
///
/// # Errors
/// 1 when one of them would fail, 2 when somebody would have to sign in for all of them.
pub(super) async fn run(
    name: &str,
    arguments: &Arguments,
    resource: &ResourceUri,
    fetcher: &Fetcher,
) -> Result<(), Failure> {
    let broken = |error: url::ParseError| Failure::Failed(error.to_string());
    if let Some(profile) = profiles::named(name) {
        let person: Option<profiles::Person<'_>> =
            if arguments.through { Some(&ask_somebody) } else { None };
        let findings = profiles::play(profile, resource, fetcher, person).await.map_err(broken)?;
        show(&findings, arguments.json)?;
        return conclude(&findings);
    }
    if arguments.through {
        let why = "--through goes with one client at a time, since a person has to sign in";
        return Err(Failure::Usage(why.to_owned()));
    }
    let (mut every, mut said) = (vec![], BTreeMap::new());
    for profile in &ALL {
        let findings = profiles::play(profile, resource, fetcher, None).await.map_err(broken)?;
        if !arguments.json {
            output::line(&format!("{} ({})", profile.product, profile.name))?;
            show(&findings, false)?;
        }
        every.extend(findings.iter().cloned());
        said.insert(profile.name, findings);
    }
    if arguments.json {
        output::json(&said)?;
    }
    conclude(&every)
}

/// The address has a code in it: it comes by stdin, where no list of processes shows it.
fn ask_somebody(url: &Url) -> Result<String, String> {
    output::hint(&format!(
        "Open this in a browser, and say yes:\n\n  {url}\n\nThe browser is then sent to an address \
         at which nothing may answer. Copy that address from the browser, and paste it here:"
    ));
    let mut line = String::new();
    let read = io::stdin().read_line(&mut line).map_err(|error| error.to_string())?;
    if read == 0 || line.trim().is_empty() {
        return Err("no address was pasted".to_owned());
    }
    Ok(line)
}
