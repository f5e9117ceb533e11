//! Whether anybody answers at all. Where nobody does, that is said once, and nothing else is asked.

use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::place::Place;
use crate::doctor::{Finding, Patient};

const CHECK: &str = "reach";
const PATIENCE: Duration = Duration::from_secs(5);

/// What was found, and where nobody answers.
pub(super) async fn look(patient: &Patient<'_>) -> (Vec<Finding>, Vec<Place>) {
    let (mut findings, mut silent) = (vec![], vec![]);
    for place in super::names::places(patient) {
        let at = (place.name(), place.port);
        // What has no address is said by the check of the names.
        if !matches!(timeout(PATIENCE, lookup_host(at)).await, Ok(Ok(_))) {
            silent.push(place);
            continue;
        }
        let why = match timeout(PATIENCE, TcpStream::connect(at)).await {
            Ok(Ok(_)) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
        };
        findings.push(Finding::wrong(
            CHECK,
            format!("nobody is at {}:{}, so nothing else was asked there: {why}", at.0, at.1),
            "start the service, the MCP server and the proxy before them, and open the port in the \
             firewall; behind a router that does not lead back inside, look from outside",
        ));
        silent.push(place);
    }
    if silent.is_empty() {
        findings.push(Finding::fine(CHECK, "the issuer and the MCP server take connections"));
    }
    (findings, silent)
}
