//! One question to whoever answers at a URL, as a client would put it, and what came back.
//!
//! Certificates are judged by a check of their own. Here any is taken, so that a wrong one does not
//! hide everything behind it; therefore nothing secret is ever said this way.

use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Client, Method, RequestBuilder, redirect};
use serde_json::Value;
use url::Url;

use crate::app::fetcher::{FetchError, send};
use crate::attempts::DOCTOR;
use crate::clock::{Clock, UnixTime};

const TO_CONNECT: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes.
const LONGEST: usize = 256 * 1024;

/// Puts questions.
#[derive(Clone)]
pub struct Asker {
    client: Client,
    silent: Vec<(String, u16)>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// To what.
    pub asked: String,
    /// The status.
    pub status: u16,
    /// How long it took, to the last byte.
    pub took: Duration,
    /// When it began, by our own clock.
    pub at: UnixTime,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Asker {
    /// Who waits that long for each answer. Each question gets a connection of its own, as each of
    /// another client does.
    ///
    /// # Errors
    /// When this program cannot ask anybody, in one line.
    pub fn new(deadline: Duration) -> Result<Self, String> {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let version = env!("CARGO_PKG_VERSION");
        // Stays where a check calls itself something else.
        let name = (HeaderName::from_static(DOCTOR), HeaderValue::from_static(version));
        Client::builder()
            .user_agent(format!("{DOCTOR}/{version}"))
            .default_headers([name].into_iter().collect())
            .redirect(redirect::Policy::none())
            .no_proxy()
            .tls_danger_accept_invalid_certs(true)
            .pool_max_idle_per_host(0)
            .connect_timeout(TO_CONNECT)
            .timeout(deadline)
            .build()
            .map(|client| Self { client, silent: vec![] })
            .map_err(|error| error.to_string())
    }

    /// The same, who knows that nobody answers there.
    #[must_use]
    pub fn but_for(&self, silent: Vec<(String, u16)>) -> Self {
        Self { client: self.client.clone(), silent }
    }

    /// Whether there is somebody to ask.
    #[must_use]
    pub fn reaches(&self, url: &str) -> bool {
        let place = Url::parse(url).ok().and_then(|url| {
            let port = url.port_or_known_default()?;
            Some((url.host_str()?.to_owned(), port))
        });
        place.is_some_and(|place| !self.silent.contains(&place))
    }

    /// A question, to which the caller adds headers and a body.
    pub fn question(&self, method: Method, url: &str) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Puts it, and reads the answer, whatever its status.
    ///
    /// # Errors
    /// When there is none, in time and of a bearable length.
    pub async fn ask(&self, question: RequestBuilder) -> Result<Answer, FetchError> {
        let begun = Instant::now();
        let unusable = |error: reqwest::Error| FetchError::Unreachable(error.to_string());
        let request = question.build().map_err(unusable)?;
        let asked = format!("{} {}", request.method(), request.url());
        let mut response = send(RequestBuilder::from_parts(self.client.clone(), request)).await?;
        let at = Clock::System.now();
        let mut body = vec![];
        let broken = |error: reqwest::Error| {
            if error.is_timeout() {
                FetchError::Slow
            } else {
                FetchError::Unreachable(error.without_url().to_string())
            }
        };
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > LONGEST {
                return Err(FetchError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { asked, status, took: begun.elapsed(), at, headers, body })
    }

    /// The same without headers and body.
    ///
    /// # Errors
    /// As those of [`Asker::ask`].
    pub async fn get(&self, url: &str) -> Result<Answer, FetchError> {
        self.ask(self.question(Method::GET, url)).await
    }
}

impl Answer {
    /// The first header of this name, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// How often the header is there.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.headers.get_all(name).iter().count()
    }

    /// Every element of a header that is a list, in lower case.
    #[must_use]
    pub fn listed(&self, name: &str) -> Vec<String> {
        let values = self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let elements = values.flat_map(|value| value.split(','));
        elements.map(|element| element.trim().to_ascii_lowercase()).collect()
    }

    /// The document, if it is JSON and says so.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        let says_so =
            self.media_type() == "application/json" || self.media_type().ends_with("+json");
        says_so.then(|| serde_json::from_slice(&self.body).ok()).flatten()
    }

    /// The body as text, for hints.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// `text/html`, without parameters, in lower case; empty if it is not said.
    #[must_use]
    pub fn media_type(&self) -> String {
        let said = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Where it sends us, if it does.
    #[must_use]
    pub fn redirect(&self) -> Option<&str> {
        let sent = (300..400).contains(&self.status) && self.status != 304;
        sent.then(|| self.header(LOCATION.as_str()).unwrap_or("nowhere"))
    }

    /// What it is, in a few words: `403 text/html, from cloudflare`.
    #[must_use]
    pub fn in_short(&self) -> String {
        let mut words = self.status.to_string();
        let media_type = self.media_type();
        if let Some(to) = self.redirect() {
            words = format!("{words} to {to}");
        } else if !media_type.is_empty() {
            words = format!("{words} {media_type}");
        }
        match self.header("server") {
            Some(server) if !self.is_success() => format!("{words}, from {server}"),
            _ => words,
        }
    }

    /// One as if it had come.
    #[cfg(test)]
    pub(super) fn made(status: u16, headers: &[(&'static str, &str)], body: &str) -> Self {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Self {
            asked: "GET https://h.example/".to_owned(),
            status,
            took: Duration::ZERO,
            at: UnixTime(1_800_000_000),
            headers: map,
            body: body.as_bytes().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    fn asker() -> Asker {
        Asker::new(Duration::from_millis(200)).unwrap()
    }

    #[tokio::test]
    async fn nobody_is_waited_for_without_an_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        assert!(matches!(asker().get(&url).await, Err(FetchError::Slow)));
    }

    #[tokio::test]
    async fn an_answer_is_what_came_and_no_redirect_is_followed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _asked = stream.read(&mut [0; 4096]).unwrap();
            let head = "HTTP/1.1 302 x\r\nlocation: /y\r\nserver: me\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(head.as_bytes()).unwrap();
        });
        let answer = asker().get(&url).await.unwrap();
        assert_eq!((answer.status, answer.redirect()), (302, Some("/y")));
        assert_eq!(answer.in_short(), "302 to /y, from me");
        assert_eq!(answer.asked, format!("GET {url}"));
    }

    #[test]
    fn who_does_not_answer_is_not_asked_again() {
        let asker = asker().but_for(vec![("h.example".to_owned(), 443)]);
        assert!(!asker.reaches("https://h.example/mcp"));
        assert!(asker.reaches("https://h.example:8443/mcp"));
        assert!(asker.reaches("http://h.example/mcp"));
    }

    #[test]
    fn json_is_what_says_so() {
        let json = |kind: &str| Answer::made(200, &[("content-type", kind)], "{}").json().is_some();
        assert!(json("application/json; charset=utf-8") && json("application/problem+json"));
        assert!(!json("text/html") && !json(""));
    }
}
