//! What we ask of others over HTTP: no redirect is followed, no proxy of the environment used,
//! nothing waited for or read without a bound, and no certificate believed but of an authority of
//! the system's or the operator's.

mod address;
mod document;
mod freshness;
mod guarded;

use std::error::Error as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, RequestBuilder, Response, redirect};
use serde::de::DeserializeOwned;
use tracing::warn;
use url::Url;

pub use document::{Published, Unpublished};
pub use guarded::{DocumentError, LONGEST_DOCUMENT};

use crate::clock::Seconds;
use crate::config::{Certificates, ClientDocuments};
use crate::oauth::ClientIdUrl;
use document::Documents;

/// How long an answer may take, from the first look at the name to the last byte.
pub const DEADLINE: Duration = Duration::from_secs(10);
const TO_CONNECT: Duration = Duration::from_secs(5);
/// How long a connection is kept for the next question of the same step. Not longer: one that the
/// other side has closed meanwhile would fail a request that must not be sent twice.
const TO_GO_ON: Duration = Duration::from_secs(2);
/// The longest answer that is read, in bytes.
const LONGEST: usize = 256 * 1024;

/// The one HTTP client.
pub struct Fetcher {
    certificates: Certificates,
    client: OnceLock<Result<Client, String>>,
    /// For addresses where nothing is encrypted.
    unencrypted: OnceLock<Result<Client, String>>,
    documents: Arc<Documents>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Neither the system nor the operator has given us authorities that can be used.
    #[error("nobody can be asked: {0}")]
    Unusable(String),
    /// No connection, or a broken one.
    #[error("out of reach: {0}")]
    Unreachable(String),
    /// Not within [`DEADLINE`].
    #[error("too slow")]
    Slow,
    /// More than anybody needs.
    #[error("an answer of more than {LONGEST} bytes")]
    TooLong,
}

/// What was answered.
pub struct Fetched {
    /// The status.
    pub status: u16,
    body: Vec<u8>,
}

impl Fetched {
    /// The body, if it is JSON of this shape.
    #[must_use]
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }
}

impl Fetcher {
    /// Nothing is connected to, or even read, before somebody asks.
    #[must_use]
    pub fn new(certificates: Certificates) -> Self {
        // Whoever was first has installed the same: there is one in this program.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        Self {
            documents: Arc::new(Documents::new(ClientDocuments::On, &certificates)),
            certificates,
            client: OnceLock::new(),
            unencrypted: OnceLock::new(),
        }
    }

    /// With what the settings say about clients' documents.
    #[must_use]
    pub fn with_documents(mut self, documents: ClientDocuments) -> Self {
        self.documents = Arc::new(Documents::new(documents, &self.certificates));
        self
    }

    /// The document at this address, for strangers: one fetch for all who ask meanwhile, from
    /// public hosts only, and without a word about what went wrong. `admit` is asked when a fetch
    /// has to begin, and says otherwise how long to wait.
    ///
    /// # Errors
    /// When it cannot be had, or nobody may be asked now.
    pub async fn document(
        &self,
        url: &ClientIdUrl,
        admit: impl FnOnce() -> Result<(), Seconds>,
    ) -> Result<Published, Unpublished> {
        self.documents.ask(url, admit).await
    }

    /// The same for the operator, who may know at once what is wrong.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub async fn inspect_document(&self, url: &ClientIdUrl) -> Result<Published, DocumentError> {
        self.documents.fetch(url).await
    }

    /// For requests of which this file knows nothing; their answers are for [`Fetcher::fetch`].
    ///
    /// # Errors
    /// When there is no certificate authority: an image without any, and none in the settings.
    pub fn client(&self) -> Result<&Client, FetchError> {
        let made = self.client.get_or_init(|| {
            self.make().inspect_err(|problem| warn!(problem, "no outgoing requests can be made"))
        });
        usable(made)
    }

    /// For requests to this address. Where nothing is encrypted, a system that trusts nobody does
    /// as well.
    ///
    /// # Errors
    /// As those of [`Fetcher::client`], if the address is an encrypted one.
    pub fn client_for(&self, url: &Url) -> Result<&Client, FetchError> {
        if url.scheme() == "https" {
            return self.client();
        }
        usable(self.unencrypted.get_or_init(|| built(bounded().tls_certs_only([]))))
    }

    /// Sends it, and reads the answer, whatever its status.
    ///
    /// # Errors
    /// When there is none, in time and of a bearable length.
    pub async fn fetch(&self, request: RequestBuilder) -> Result<Fetched, FetchError> {
        let mut response = send(request).await?;
        let status = response.status().as_u16();
        let mut body = vec![];
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LONGEST {
                return Err(FetchError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched { status, body })
    }

    fn make(&self) -> Result<Client, String> {
        built(with_authorities(bounded(), &self.certificates)?)
    }
}

/// Sends it, for those to whom the head of the answer says enough.
///
/// # Errors
/// When there is none in time.
pub async fn send(request: RequestBuilder) -> Result<Response, FetchError> {
    request.send().await.map_err(failed)
}

fn bounded() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("mcp-oauthd/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(TO_CONNECT)
        .timeout(DEADLINE)
        .pool_idle_timeout(TO_GO_ON)
}

/// Of the system's, and these.
fn with_authorities(
    client: ClientBuilder,
    certificates: &Certificates,
) -> Result<ClientBuilder, String> {
    let certificates: Result<Vec<_>, _> = certificates.iter().map(Certificate::from_der).collect();
    Ok(client.tls_certs_merge(certificates.map_err(|error| cause(&error))?))
}

fn built(client: ClientBuilder) -> Result<Client, String> {
    client.build().map_err(|error| cause(&error))
}

fn usable(made: &Result<Client, String>) -> Result<&Client, FetchError> {
    made.as_ref().map_err(|problem| FetchError::Unusable(problem.clone()))
}

fn failed(error: reqwest::Error) -> FetchError {
    if error.is_timeout() {
        FetchError::Slow
    } else {
        // An address may have a secret in its query.
        FetchError::Unreachable(cause(&error.without_url()))
    }
}

/// The last of the causes, which is the one that says something.
fn cause(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// Answers one request with these bytes; its address.
    fn answering(bytes: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/?secret", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _asked = stream.read(&mut [0; 4096]).unwrap();
            let _sent = stream.write_all(&bytes);
        });
        url
    }

    async fn fetch(url: &str) -> Result<Fetched, FetchError> {
        let fetcher = Fetcher::new(Certificates::default());
        fetcher.fetch(fetcher.client().unwrap().get(url)).await
    }

    #[tokio::test]
    async fn an_answer_is_read_whatever_it_says() {
        let url = answering(b"HTTP/1.1 400 x\r\ncontent-length: 3\r\n\r\n[1]".to_vec());
        let fetched = fetch(&url).await.unwrap();
        assert_eq!((fetched.status, fetched.json::<Vec<u8>>()), (400, Some(vec![1])));
        assert!(fetched.json::<String>().is_none());
    }

    #[tokio::test]
    async fn no_redirect_is_followed() {
        let target = answering(b"HTTP/1.1 200 x\r\ncontent-length: 0\r\n\r\n".to_vec());
        let head = format!("HTTP/1.1 302 x\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(fetch(&answering(head.into_bytes())).await.unwrap().status, 302);
    }

    #[tokio::test]
    async fn nobody_is_waited_for_without_an_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let fetcher = Fetcher::new(Certificates::default());
        let url = format!("http://{}", listener.local_addr().unwrap());
        let request = fetcher.client().unwrap().get(url).timeout(Duration::from_millis(20));
        assert!(matches!(fetcher.fetch(request).await, Err(FetchError::Slow)));
    }

    #[tokio::test]
    async fn an_endless_answer_is_not_read_to_its_end() {
        let mut bytes = b"HTTP/1.1 200 x\r\n\r\n".to_vec();
        bytes.resize(LONGEST + 100, b' ');
        assert!(matches!(fetch(&answering(bytes)).await, Err(FetchError::TooLong)));
    }

    #[tokio::test]
    async fn what_is_out_of_reach_is_said_without_its_address() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/?secret", listener.local_addr().unwrap());
        drop(listener);
        let error = fetch(&url).await.err().unwrap().to_string();
        assert!(error.contains("refused") && !error.contains("secret"), "{error}");
    }
}
