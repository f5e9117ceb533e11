//! One fetch of a client's document, which leads nowhere but to a public host: Client ID Metadata
//! Document draft -01, sections 4 and 6.5.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Response, retry};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use url::Host;

use super::address::is_allowed;
use super::freshness::fresh_for;
use super::{FetchError, Published, bounded, built, failed, send, with_authorities};
use crate::clock::Clock;
use crate::config::{Certificates, ClientDocuments};
use crate::oauth::ClientIdUrl;

/// How long everything may take: the look at the name, the connection, the last byte of the body.
pub(super) const DOCUMENT_DEADLINE: Duration = Duration::from_secs(5);
/// The longest document, in bytes: section 6.6.
pub const LONGEST_DOCUMENT: usize = 5 * 1024;
/// The most names that are looked up at once. The system's resolver cannot be interrupted: one
/// that hangs keeps a thread for longer than anybody waits for it.
const MOST_LOOKUPS: usize = 32;

/// Why there is no document, for the operator. Nobody else is told: it would say what is where in
/// the operator's network.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The settings say so.
    #[error("documents are off")]
    Off,
    /// At an address which is not public.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// No answer.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// An answer of another kind. Redirects are among them.
    #[error("the status is {0}, and not 200")]
    Status(u16),
    /// Not JSON.
    #[error("the content type is neither application/json nor application/...+json")]
    Type,
    /// It would have to be unpacked.
    #[error("it is compressed, which nobody asked for")]
    Encoded,
    /// More than [`LONGEST_DOCUMENT`].
    #[error("it has more than {LONGEST_DOCUMENT} bytes")]
    TooLong,
}

/// An address to which nothing is sent.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not a public address")]
pub struct Forbidden(IpAddr);

/// A client of its own, which can do nothing else.
///
/// # Errors
/// When there are no authorities, in one line.
pub(super) fn client(
    documents: ClientDocuments,
    certificates: &Certificates,
) -> Result<Client, String> {
    // The port is the address's, which only the connector knows.
    client_that_asks(|name| Ok((name, 0).to_socket_addrs()?.collect()), documents, certificates)
}

fn client_that_asks(
    look_up: LookUp,
    documents: ClientDocuments,
    certificates: &Certificates,
) -> Result<Client, String> {
    let lookups = Arc::new(Semaphore::new(MOST_LOOKUPS));
    let client = bounded()
        .https_only(true)
        .http1_only()
        .timeout(DOCUMENT_DEADLINE)
        // Each fetch has a connection of its own, to an address that was checked for it.
        .pool_max_idle_per_host(0)
        .retry(retry::never())
        .dns_resolver(Arc::new(PublicOnly { look_up, documents, lookups }));
    built(with_authorities(client, certificates)?)
}

/// Fetches it, and nothing that stands in it.
///
/// # Errors
/// When there is no document, at once.
pub(super) async fn fetch(
    client: &Client,
    url: &ClientIdUrl,
    documents: ClientDocuments,
    begun: Instant,
) -> Result<Published, DocumentError> {
    let fetched = async {
        // A resolver is not asked about an address.
        match url.url().host() {
            Some(Host::Ipv4(address)) => check(address.into(), documents)?,
            Some(Host::Ipv6(address)) => check(address.into(), documents)?,
            _ => {}
        }
        let request = client.get(url.url().clone()).header(ACCEPT, "application/json");
        let mut response = send(request.header(CONNECTION, "close")).await?;
        check_head(&response)?;
        let fresh_for = fresh_for(response.headers(), Clock::System.now());
        let body = read(&mut response).await?;
        Ok(Published { body, fresh_for, begun })
    };
    let in_time = timeout_at(begun + DOCUMENT_DEADLINE, fetched).await;
    in_time.unwrap_or(Err(FetchError::Slow.into()))
}

async fn read(response: &mut Response) -> Result<Vec<u8>, DocumentError> {
    let mut body = vec![];
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > LONGEST_DOCUMENT {
            return Err(DocumentError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Only 200, no redirect, JSON, and no longer than it may be: section 4.
fn check_head(response: &Response) -> Result<(), DocumentError> {
    if response.status() != 200 {
        return Err(DocumentError::Status(response.status().as_u16()));
    }
    if !is_json(response.headers()) {
        return Err(DocumentError::Type);
    }
    if response.headers().contains_key(CONTENT_ENCODING) {
        return Err(DocumentError::Encoded);
    }
    let longest = LONGEST_DOCUMENT as u64;
    if response.content_length().is_some_and(|length| length > longest) {
        return Err(DocumentError::TooLong);
    }
    Ok(())
}

/// `application/json`, or `application/` something `+json`, said once; parameters say nothing.
fn is_json(head: &HeaderMap) -> bool {
    let mut said = head.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (said.next(), said.next()) else { return false };
    let essence = only.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    let Some(subtype) = essence.strip_prefix("application/") else { return false };
    let named = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._+".contains(&b))
    };
    subtype == "json" || subtype.strip_suffix("+json").is_some_and(named)
}

fn check(address: IpAddr, documents: ClientDocuments) -> Result<(), Forbidden> {
    if is_allowed(address, documents) { Ok(()) } else { Err(Forbidden(address)) }
}

/// Every address of a name. It may hang for as long as it likes.
type LookUp = fn(&str) -> std::io::Result<Vec<SocketAddr>>;

/// Looks a name up, once for each connection, which then goes to no other address. Every address
/// has to be public: one that is not is no slip, and which one is taken would be a matter of luck.
struct PublicOnly {
    look_up: LookUp,
    documents: ClientDocuments,
    lookups: Arc<Semaphore>,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let (look_up, documents, lookups) = (self.look_up, self.documents, self.lookups.clone());
        Box::pin(async move {
            let turn = lookups.try_acquire_owned()?;
            let found = tokio::task::spawn_blocking(move || {
                let _until_it_ends = turn;
                look_up(name.as_str())
            });
            let found = all_allowed(found.await??, documents)?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn all_allowed(
    found: Vec<SocketAddr>,
    documents: ClientDocuments,
) -> Result<Vec<SocketAddr>, Forbidden> {
    found.iter().try_for_each(|address| check(address.ip(), documents))?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn one_address_that_is_not_public_refuses_all() {
        let allowed = |texts: [&str; 2]| {
            let found = texts.map(|text| text.parse().unwrap()).to_vec();
            all_allowed(found, ClientDocuments::On)
        };
        assert_eq!(allowed(["1.1.1.1:0", "[2606:4700::1]:0"]).unwrap().len(), 2);
        for texts in [["1.1.1.1:0", "10.0.0.1:0"], ["[::1]:0", "1.1.1.1:0"]] {
            let problem = allowed(texts).unwrap_err().to_string();
            assert!(problem.ends_with("is not a public address"), "{problem}");
        }
    }

    #[tokio::test]
    async fn a_name_with_a_forbidden_address_among_its_own_leads_nowhere() {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let url: ClientIdUrl = format!("https://mixed.example:{port}/c").parse().unwrap();
        let ask = async |look_up: LookUp, mode| {
            let client = client_that_asks(look_up, mode, &Certificates::default()).unwrap();
            let begun = Instant::now() - DOCUMENT_DEADLINE + Duration::from_secs(1);
            fetch(&client, &url, mode, begun).await.err().unwrap().to_string()
        };
        let mixed: [LookUp; 3] = [
            |_| Ok(vec![([127, 0, 0, 1], 0).into(), ([10, 0, 0, 1], 0).into()]),
            |_| Ok(vec![([10, 0, 0, 1], 0).into(), ([127, 0, 0, 1], 0).into()]),
            |_| Ok(vec![([127, 0, 0, 1], 0).into(), ([0xfd00, 0, 0, 0, 0, 0, 0, 1], 0).into()]),
        ];
        for look_up in mixed {
            for mode in [ClientDocuments::On, ClientDocuments::Development] {
                let problem = ask(look_up, mode).await;
                assert!(problem.ends_with("is not a public address"), "{problem}");
            }
        }
        assert!(listener.accept().is_err(), "nobody has connected");
        ask(|_| Ok(vec![([127, 0, 0, 1], 0).into()]), ClientDocuments::Development).await;
        assert!(listener.accept().is_ok(), "where all of them are allowed, somebody has");
    }

    #[test]
    fn json_is_said_once_and_by_its_name() {
        let said = |texts: &[&'static str]| {
            let mut head = HeaderMap::new();
            for text in texts {
                head.append(CONTENT_TYPE, HeaderValue::from_static(text));
            }
            is_json(&head)
        };
        for good in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json;",
            "application/client-metadata+json",
            "application/vnd.example.v1+json ; x=y",
        ] {
            assert!(said(&[good]), "{good}");
        }
        for bad in [
            "",
            "text/html",
            "text/json",
            "application/jsonp",
            "application/json-seq",
            "application/+json",
            "application/x json+json",
            "application/javascript, application/json",
            "x/application/json",
            "text/html; application/json",
            "image/svg+json",
        ] {
            assert!(!said(&[bad]), "{bad}");
        }
        assert!(!said(&[]) && !said(&["application/json", "text/html"]));
    }
}
