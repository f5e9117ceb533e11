//! The certificate: who believes it, for which name, and until when (RFC 5280, RFC 9525).

mod certificate;
mod handshake;

use rustls::{CertificateError, Error};

use self::certificate::Certificate;
use self::handshake::Handshake;
use super::place::Place;
use crate::clock::{Clock, UnixTime};
use crate::doctor::asking::Asker;
use crate::doctor::{Finding, Patient};

const CHECK: &str = "tls";
const DAY: i64 = 24 * 60 * 60;
/// Below this many days nobody has renewed it who should have.
const DAYS_TO_RENEW: i64 = 14;

pub(super) async fn look(patient: &Patient<'_>, asker: &Asker) -> Vec<Finding> {
    let mut findings = vec![];
    for place in super::names::places(patient) {
        if !place.https || !asker.reaches(&place.url()) {
            continue;
        }
        match handshake::with(&place, &patient.config.outgoing_ca).await {
            Ok(handshake) => findings.push(judge(&place, &handshake, Clock::System.now())),
            Err(why) => findings.push(Finding::wrong(
                CHECK,
                format!("no encrypted connection to {}:{}: {why}", place.host, place.port),
                "is the proxy running, with a certificate for this name, and does the firewall let \
                 this port through?",
            )),
        }
    }
    findings
}

fn judge(place: &Place, handshake: &Handshake, now: UnixTime) -> Finding {
    let (host, version) = (&place.host, handshake.version);
    let Some(shown) = handshake.chain.first().and_then(|der| Certificate::read(der)) else {
        let says = format!("the certificate of {host} cannot be read");
        return Finding::wrong(CHECK, says, "replace the certificate");
    };
    let until = UnixTime(shown.not_after);
    let days = (shown.not_after - now.0).div_euclid(DAY);
    let refused = match (&handshake.believed, &handshake.believed_here) {
        (Ok(()), _) if days < DAYS_TO_RENEW => {
            return Finding::doubtful(
                CHECK,
                format!("the certificate of {host} ends in {days} days ({until})"),
                "renew it: is the renewal running (certbot renew, the log of Caddy or Traefik)?",
            );
        }
        (Ok(()), _) => {
            let says = format!("{host} is believed by this system's authorities, {version}");
            return Finding::fine(CHECK, format!("{says}, until {until} ({days} days)"));
        }
        (Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)), Ok(())) => {
            return Finding::doubtful(
                CHECK,
                format!(
                    "{host} is believed because of MCP_OAUTH_OUTGOING_CA only, {version}, until \
                     {until}: clients elsewhere do not know this authority"
                ),
                "for hosted clients (Claude.ai, ChatGPT) take a certificate of a public authority",
            );
        }
        (Err(refused), _) => refused,
    };
    let (says, mend) = reason(host, &shown, refused, handshake.chain.len());
    match refused {
        Error::General(_) => Finding::unknown(CHECK, says, mend),
        _ => Finding::wrong(CHECK, says, mend),
    }
}

/// Why it is not believed, and what to do.
fn reason(host: &str, shown: &Certificate, refused: &Error, sent: usize) -> (String, &'static str) {
    use CertificateError as Why;
    let until = UnixTime(shown.not_after);
    match refused {
        Error::InvalidCertificate(Why::Expired | Why::ExpiredContext { .. }) => (
            format!("the certificate of {host} has expired ({until})"),
            "renew it, and have the proxy load the new one",
        ),
        Error::InvalidCertificate(Why::NotValidYet | Why::NotValidYetContext { .. }) => (
            format!("the certificate of {host} is not valid yet"),
            "set the clock of this machine (NTP), or wait",
        ),
        Error::InvalidCertificate(Why::NotValidForName | Why::NotValidForNameContext { .. }) => (
            format!("the certificate is not for {host} but for {}", shown.names.join(", ")),
            "take one with this name in it; a proxy shows another one if it does not know the name",
        ),
        Error::InvalidCertificate(Why::UnknownIssuer) if shown.issuer == shown.subject => (
            format!("the certificate of {host} is signed by itself"),
            "take one of a public authority, such as Let's Encrypt",
        ),
        Error::InvalidCertificate(Why::UnknownIssuer) if sent == 1 => (
            format!(
                "{host} sends its certificate without that of its authority ({})",
                shown.issuer
            ),
            "serve the whole chain: fullchain.pem, not cert.pem",
        ),
        Error::InvalidCertificate(Why::UnknownIssuer) => (
            format!("nobody knows the authority of {host} ({})", shown.issuer),
            "take a certificate of a public authority, such as Let's Encrypt",
        ),
        // Not about the certificate: there is nobody who could judge.
        Error::General(why) => (
            format!("whether {host} is believed cannot be told: {why}"),
            "install this system's authorities (ca-certificates)",
        ),
        other => (
            format!("the certificate of {host} is not believed: {other}"),
            "take a certificate of a public authority, such as Let's Encrypt",
        ),
    }
}
