//! What a certificate says of itself: RFC 5280.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

/// What of it people understand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    /// For whom.
    pub(super) subject: String,
    /// By whom.
    pub(super) issuer: String,
    /// For which hosts.
    pub(super) names: Vec<String>,
    /// The last second of it.
    pub(super) not_after: i64,
}

impl Certificate {
    /// None, if it is no certificate.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let alternatives = certificate.subject_alternative_name().ok().flatten();
        let names = alternatives.map(|names| names.value.general_names.iter());
        Some(Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            names: names.into_iter().flatten().map(shown).collect(),
            not_after: certificate.validity().not_after.timestamp(),
        })
    }
}

fn shown(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => (*name).to_owned(),
        GeneralName::IPAddress(bytes) => {
            match (<[u8; 4]>::try_from(*bytes), <[u8; 16]>::try_from(*bytes)) {
                (Ok(four), _) => std::net::Ipv4Addr::from(four).to_string(),
                (_, Ok(six)) => std::net::Ipv6Addr::from(six).to_string(),
                _ => "no address".to_owned(),
            }
        }
        other => other.to_string(),
    }
}
