//! The port, and whether it is encrypted: hosted clients come to 443 only.

use super::place::Place;
use crate::doctor::{Finding, Patient};

const CHECK: &str = "port";

pub(super) fn look(patient: &Patient<'_>) -> Vec<Finding> {
    let places = super::names::places(patient);
    places.iter().map(judge).collect()
}

fn judge(place: &Place) -> Finding {
    let Place { host, port, https, is_here } = place;
    if *is_here {
        return Finding::fine(CHECK, format!("{host}:{port} is for clients on this machine"));
    }
    if !https {
        return Finding::wrong(
            CHECK,
            format!("{host}:{port} is not encrypted, and clients send their tokens to https only"),
            "put a reverse proxy with a certificate in front, and use its https URL",
        );
    }
    if *port == 443 {
        return Finding::fine(CHECK, format!("{host} is at port 443"));
    }
    Finding::wrong(
        CHECK,
        format!("{host} is at port {port}: Claude.ai comes to port 443 only"),
        "serve it at port 443, and name URLs without a port; clients of your own can use this one",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn only_443_is_for_everybody() {
        for (url, verdict) in [
            ("https://h.example/mcp", Verdict::Fine),
            ("https://h.example:443/mcp", Verdict::Fine),
            ("https://h.example:8443/mcp", Verdict::Wrong),
            ("http://h.example/mcp", Verdict::Wrong),
            ("http://127.0.0.1:8000/mcp", Verdict::Fine),
            ("http://[::1]:8000/mcp", Verdict::Fine),
        ] {
            assert_eq!(judge(&Place::of(url).unwrap()).verdict, verdict, "{url}");
        }
    }
}
