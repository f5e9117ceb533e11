//! What the names stand for: A and AAAA records, as this machine's resolver gives them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

use super::place::Place;
use crate::doctor::{Finding, Patient};

const CHECK: &str = "names";
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the issuer and the MCP server are; one, if it is the same.
pub(super) fn places(patient: &Patient<'_>) -> Vec<Place> {
    let urls = [patient.config.issuer.as_str(), patient.resource.as_str()];
    let mut places: Vec<_> = urls.into_iter().filter_map(Place::of).collect();
    places.dedup();
    places
}

pub(super) async fn look(patient: &Patient<'_>) -> Vec<Finding> {
    let mut places = places(patient);
    places.dedup_by(|left, right| left.host == right.host);
    let mut findings = vec![];
    for place in places {
        let found = match timeout(PATIENCE, lookup_host((place.name(), place.port))).await {
            Ok(Ok(addresses)) => Ok(addresses.map(|address| address.ip()).collect()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the resolver does not answer".to_owned()),
        };
        findings.push(judge(&place, found));
    }
    findings
}

fn judge(place: &Place, found: Result<Vec<IpAddr>, String>) -> Finding {
    let host = &place.host;
    let addresses = match found {
        Ok(addresses) if !addresses.is_empty() => addresses,
        Ok(_) => return unknown_name(host, "it has no address"),
        Err(why) => return unknown_name(host, &why),
    };
    let all = listed(&addresses);
    let only = |kind: Kind| addresses.iter().all(|address| Kind::of(*address) == kind);
    let any = |kind: Kind| addresses.iter().any(|address| Kind::of(*address) == kind);
    if only(Kind::Loopback) && place.is_here {
        return Finding::fine(CHECK, format!("{host} is this machine ({all})"));
    }
    if any(Kind::Loopback) {
        return Finding::doubtful(
            CHECK,
            format!(
                "{host} is this machine ({all}) here, and something else elsewhere, or nothing"
            ),
            "look again from a machine whose hosts file does not name it",
        );
    }
    if any(Kind::Private) {
        return Finding::doubtful(
            CHECK,
            format!(
                "{host} has a private address ({all}): clients in your network can reach it, hosted \
                 ones (Claude.ai, ChatGPT) cannot"
            ),
            "give the name a public IPv4 address; if only your own network sees this one, look from \
             outside",
        );
    }
    if !addresses.iter().any(IpAddr::is_ipv4) {
        return Finding::wrong(
            CHECK,
            format!("{host} has IPv6 addresses only ({all}): Claude.ai comes over IPv4 only"),
            "add an A record with a public IPv4 address",
        );
    }
    Finding::fine(CHECK, format!("{host} is {all}"))
}

fn unknown_name(host: &str, why: &str) -> Finding {
    let mend = "add an A record for it, or mend the URL; a new record takes a while to be seen";
    Finding::wrong(CHECK, format!("{host} cannot be found: {why}"), mend)
}

fn listed(addresses: &[IpAddr]) -> String {
    let mut all: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    all.sort();
    all.dedup();
    all.join(", ")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Loopback,
    /// Of a network that the world does not reach: RFC 1918, 3927, 4193, 6598.
    Private,
    Public,
}

impl Kind {
    fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let private = match address {
            IpAddr::V4(ip) => is_private(ip),
            IpAddr::V6(ip) => is_local(ip),
        };
        if address.is_loopback() || address.is_unspecified() {
            Self::Loopback
        } else if private {
            Self::Private
        } else {
            Self::Public
        }
    }
}

fn is_private(ip: Ipv4Addr) -> bool {
    let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0b1100_0000 == 64;
    ip.is_private() || ip.is_link_local() || shared || ip.is_documentation() || ip.is_broadcast()
}

fn is_local(ip: Ipv6Addr) -> bool {
    ip.is_unique_local() || ip.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn verdict(url: &str, addresses: &[&str]) -> Verdict {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        judge(&Place::of(url).unwrap(), Ok(addresses)).verdict
    }

    #[test]
    fn a_name_is_for_everybody_if_it_has_a_public_ipv4_address_and_no_other_kind() {
        const NAME: &str = "https://h.example/mcp";
        for (addresses, expected) in [
            (&["8.8.8.8"][..], Verdict::Fine),
            (&["2606:4700::1111", "1.1.1.1"], Verdict::Fine),
            (&["2606:4700::1111"], Verdict::Wrong),
            (&[], Verdict::Wrong),
            (&["192.168.1.5"], Verdict::Doubtful),
            (&["100.64.0.1"], Verdict::Doubtful),
            (&["100.128.0.1"], Verdict::Fine),
            (&["169.254.1.1", "8.8.8.8"], Verdict::Doubtful),
            (&["fd00::1"], Verdict::Doubtful),
            (&["127.0.1.1"], Verdict::Doubtful),
            (&["::ffff:10.0.0.1"], Verdict::Doubtful),
        ] {
            assert_eq!(verdict(NAME, addresses), expected, "{addresses:?}");
        }
        assert_eq!(verdict("http://localhost:8000", &["::1", "127.0.0.1"]), Verdict::Fine);
    }

    #[test]
    fn a_name_that_nobody_knows_is_said_with_the_reason() {
        let place = Place::of("https://h.example").unwrap();
        let finding = judge(&place, Err("no such host".to_owned()));
        assert_eq!(finding.verdict, Verdict::Wrong);
        assert!(finding.says.contains("no such host"), "{finding:?}");
    }
}
