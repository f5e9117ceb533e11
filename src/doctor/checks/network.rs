//! What nobody can know from here.

use super::place::Place;
use crate::doctor::{Finding, Patient};

const CHECK: &str = "network";

pub(super) fn look(patient: &Patient<'_>) -> Vec<Finding> {
    let resource = patient.resource.as_str();
    if Place::of(resource).is_some_and(|place| place.is_here) {
        let says = "nobody has to come through a network";
        return vec![Finding::fine(CHECK, says)];
    }
    vec![Finding::unknown(
        CHECK,
        format!(
            "whether the networks of providers get through to {resource}, and whether a firewall on \
             the way lets them, cannot be seen from here"
        ),
        "connect once from there, and see how far it came: mcp-oauthd connection list; where \
         addresses are filtered, let Claude.ai's pass (160.79.104.0/21)",
    )]
}
