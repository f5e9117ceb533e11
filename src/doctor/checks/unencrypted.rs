//! Port 80 of a host that is encrypted: nobody needs it, but people type names without a scheme.

use reqwest::Method;

use crate::doctor::asking::Asker;
use crate::doctor::{Finding, Patient};

const CHECK: &str = "port 80";

pub(super) async fn look(patient: &Patient<'_>, asker: &Asker) -> Vec<Finding> {
    let mut findings = vec![];
    for place in super::names::places(patient) {
        if !place.https || place.is_here || !asker.reaches(&place.url()) {
            continue;
        }
        let url = format!("http://{}/", place.host);
        let answer = asker.ask(asker.question(Method::GET, &url)).await;
        let says = match answer {
            Err(_) => format!("{url} does not answer, and no client needs it"),
            Ok(answer) => match answer.redirect() {
                Some(to) if to.starts_with("https://") => format!("{url} sends to {to}"),
                _ => format!("{url} answers {}; a redirect to https would do", answer.in_short()),
            },
        };
        findings.push(Finding::fine(CHECK, says));
    }
    findings
}
