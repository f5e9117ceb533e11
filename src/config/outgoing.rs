//! `MCP_OAUTH_OUTGOING_CA_FILE`: private certificate authorities of those whom we ask.

use std::fmt;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::ConfigError;
use super::values::{Reader, wrong};

/// Certificates of authorities, which can be used as such.
#[derive(Clone, Default)]
pub struct Certificates(Vec<CertificateDer<'static>>);

impl Certificates {
    /// Each in DER.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(AsRef::as_ref)
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificates({})", self.0.len())
    }
}

impl Reader<'_> {
    pub(super) fn outgoing_ca(&self) -> Result<Certificates, ConfigError> {
        const KEY: &str = "outgoing_ca";
        let Some(text) = self.0.text(KEY) else { return Ok(Certificates::default()) };
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
        let certificates = read.map_err(|_| wrong(KEY, "is not PEM"))?;
        let mut store = RootCertStore::empty();
        for certificate in &certificates {
            let unusable = |_| wrong(KEY, "has a certificate that cannot be read");
            store.add(certificate.clone()).map_err(unusable)?;
        }
        if certificates.is_empty() {
            return Err(wrong(KEY, "has no certificate in it"));
        }
        Ok(Certificates(certificates))
    }
}
