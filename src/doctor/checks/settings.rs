//! What the settings alone say about who can connect.

use super::place::Place;
use crate::clock::Seconds;
use crate::config::{Newcomers, Registration};
use crate::doctor::{Finding, Patient};

const CHECK: &str = "settings";
/// Gemini CLI refreshes when less than this is left: with each call, if there is never more.
const REFRESHED_ALWAYS: Seconds = Seconds(300);

pub(super) fn look(patient: &Patient<'_>) -> Vec<Finding> {
    let lifetime = patient.config.lifetimes.access_token;
    let mut findings = vec![who(patient)];
    findings.extend(newcomers(patient));
    if lifetime <= REFRESHED_ALWAYS {
        findings.push(Finding::doubtful(
            CHECK,
            format!(
                "access tokens live for {} s: Gemini CLI, which refreshes 5 minutes before the end, \
                 would refresh with each call",
                lifetime.0
            ),
            "set MCP_OAUTH_ACCESS_TOKEN_LIFETIME to more than 5m; revocation is immediate all the same",
        ));
    }
    findings
}

/// What a client does not see before a person signs in, where the operator wants it so.
fn newcomers(patient: &Patient<'_>) -> Vec<Finding> {
    let connecting = match patient.config.connecting.newcomers {
        Newcomers::Open => None,
        Newcomers::Known => Some("only known apps may connect (MCP_OAUTH_CLIENTS=known)"),
        Newcomers::Ask => Some(
            "a new app waits for an owner's yes (MCP_OAUTH_CLIENTS=ask), given at /owner or by \
             client approve",
        ),
    };
    let registration = match patient.config.registration {
        Registration::Open => None,
        Registration::Token => {
            Some("apps register with a token of yours only (MCP_OAUTH_REGISTRATION=token)")
        }
        Registration::Off => Some("no app can register (MCP_OAUTH_REGISTRATION=off)"),
    };
    connecting.into_iter().chain(registration).map(|says| Finding::fine(CHECK, says)).collect()
}

/// The issuer is in the metadata of the MCP server: whoever can reach one must reach the other.
fn who(patient: &Patient<'_>) -> Finding {
    let (issuer, resource) = (patient.config.issuer.as_str(), patient.resource.as_str());
    let is_here = |url| Place::of(url).is_some_and(|place| place.is_here);
    match (is_here(issuer), is_here(resource)) {
        (true, true) => Finding::fine(
            CHECK,
            format!(
                "{issuer} is on loopback: for clients on this machine; no hosted one (Claude.ai, \
                 ChatGPT) can come"
            ),
        ),
        (true, false) => Finding::wrong(
            CHECK,
            format!("clients of {resource} are sent to {issuer}, which is each one's own machine"),
            "set MCP_OAUTH_ISSUER to the public https URL of this service",
        ),
        (false, true) => Finding::doubtful(
            CHECK,
            format!("{resource} is this machine, and {issuer} is for everybody"),
            "name the MCP server's public URL, as people type it, as the argument",
        ),
        (false, false) => {
            Finding::fine(CHECK, format!("clients of {resource} sign in at {issuer}"))
        }
    }
}
