//! One handshake, with whatever certificate is shown: it is judged by those who would have to
//! believe it, and nothing is said over the connection.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config::Certificates;
use crate::doctor::checks::place::Place;

const PATIENCE: Duration = Duration::from_secs(10);

/// What came of it.
pub(super) struct Handshake {
    /// What was sent, the certificate of the host first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// By this system's authorities. [`Error::General`]: it has none.
    pub(super) believed: Result<(), Error>,
    /// With those of the settings beside them.
    pub(super) believed_here: Result<(), Error>,
    /// `TLS 1.3`
    pub(super) version: &'static str,
}

/// Shakes hands.
///
/// # Errors
/// Why there is no encrypted connection, whatever the certificate.
pub(super) async fn with(place: &Place, ours: &Certificates) -> Result<Handshake, String> {
    let name = ServerName::try_from(place.name().to_owned()).map_err(|error| error.to_string())?;
    let listener =
        Arc::new(Listener { heard: Mutex::default(), provider: ring::default_provider() });
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(listener.clone())
        .with_no_client_auth();
    let connecting = async {
        let stream = TcpStream::connect((place.name(), place.port)).await?;
        TlsConnector::from(Arc::new(config)).connect(name.clone(), stream).await
    };
    let slow = |_| format!("nobody answers within {} s", PATIENCE.as_secs());
    let connected = timeout(PATIENCE, connecting).await.map_err(slow)?;
    let connected = connected.map_err(|error| error.to_string())?;
    let version = match connected.get_ref().1.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        _ => "TLS 1.2",
    };
    let chain = listener.heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let ours = ours.iter().map(|der| CertificateDer::from(der.to_vec()));
    let (believed, believed_here) = (judged([], &chain, &name), judged(ours, &chain, &name));
    Ok(Handshake { chain, believed, believed_here, version })
}

/// What clients with these authorities, and this system's, say to it.
fn judged(
    ours: impl IntoIterator<Item = CertificateDer<'static>>,
    chain: &[CertificateDer<'static>],
    name: &ServerName<'_>,
) -> Result<(), Error> {
    let verifier = Verifier::new_with_extra_roots(ours, Arc::new(ring::default_provider()))?;
    let (first, rest) = chain.split_first().ok_or(Error::NoCertificatesPresented)?;
    verifier.verify_server_cert(first, rest, name, &[], UnixTime::now()).map(drop)
}

/// Believes everything, and remembers what was shown.
#[derive(Debug)]
struct Listener {
    heard: Mutex<Vec<CertificateDer<'static>>>,
    provider: CryptoProvider,
}

impl ServerCertVerifier for Listener {
    fn verify_server_cert(
        &self,
        first: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(first).chain(rest).map(|der| der.clone().into_owned());
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = chain.collect();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
