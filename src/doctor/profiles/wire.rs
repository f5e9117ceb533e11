//! Requests as a client sends them, and answers as far as it sees them: where it runs in a browser,
//! the same-origin policy stands between (the Fetch standard's CORS protocol).

use std::fmt;

use reqwest::header::{CONTENT_TYPE, HeaderMap, ORIGIN, USER_AGENT};
use reqwest::{Method, RequestBuilder, Response};
use url::Url;

use super::profile::Profile;
use crate::app::fetcher::{Fetcher, send};

/// The longest answer that is read, in bytes.
const LONGEST: usize = 256 * 1024;
/// What a browser says of itself.
pub const BROWSER: &str = "Mozilla/5.0";

/// What carries the requests of one client.
pub struct Wire<'a> {
    fetcher: &'a Fetcher,
    user_agent: &'static str,
    page: Option<&'static str>,
}

/// What came back, as far as the client sees it.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// Why nothing came back that the client sees.
pub enum Lost {
    /// No answer.
    Unreachable(String),
    /// An answer that the browser keeps from the page.
    Withheld(String),
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => f.write_str(why),
            Self::Withheld(why) => write!(f, "the browser keeps the answer back: {why}"),
        }
    }
}

/// A request before it has headers of its own.
pub struct Request<'a> {
    /// Its method.
    pub method: Method,
    /// Where it goes.
    pub url: &'a Url,
    /// Its headers, beside those that every client sends.
    pub headers: &'a [(&'a str, &'a str)],
}

impl Answer {
    /// A header, if it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// `error` and `error_description` of a refusal: RFC 6749 section 5.2. Nothing else of a body
    /// is ever said, since it may hold a secret.
    #[must_use]
    pub fn refusal(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let said = |name: &str| body[name].as_str().map(str::to_owned);
        match (said("error"), said("error_description")) {
            (Some(error), Some(description)) => format!("{}: {error}, {description}", self.status),
            (Some(error), None) => format!("{}: {error}", self.status),
            _ => self.status.to_string(),
        }
    }
}

impl<'a> Wire<'a> {
    /// For the requests of this client.
    #[must_use]
    pub fn new(fetcher: &'a Fetcher, profile: &Profile) -> Self {
        Self { fetcher, user_agent: profile.user_agent, page: profile.page }
    }

    /// Sends a request, preceded by what a browser asks first.
    ///
    /// # Errors
    /// When there is no answer, or none that the client sees.
    pub async fn ask(
        &self,
        request: Request<'_>,
        body: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, Lost> {
        if self.page.is_some() {
            self.preflight(&request).await?;
        }
        let mut answer = self.send(&request, self.user_agent, body).await?;
        if let Some(page) = self.page {
            allowed(&answer, page).map_err(Lost::Withheld)?;
            keep_exposed(&mut answer);
        }
        Ok(answer)
    }

    /// Goes there as the browser of a person does: no page stands behind it.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn navigate(&self, url: &Url, cookies: &str) -> Result<Answer, Lost> {
        let headers = [("accept", "text/html"), ("cookie", cookies)];
        let used = if cookies.is_empty() { &headers[..1] } else { &headers[..] };
        let request = Request { method: Method::GET, url, headers: used };
        self.send(&request, BROWSER, |builder| builder).await
    }

    async fn send(
        &self,
        request: &Request<'_>,
        user_agent: &str,
        body: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, Lost> {
        let unreachable = |error: &dyn fmt::Display| Lost::Unreachable(error.to_string());
        let client = self.fetcher.client_for(request.url).map_err(|error| unreachable(&error))?;
        let mut builder = client
            .request(request.method.clone(), request.url.clone())
            .header(USER_AGENT, user_agent);
        if let Some(page) = self.page {
            builder = builder.header(ORIGIN, page);
        }
        for (name, value) in request.headers {
            builder = builder.header(*name, *value);
        }
        let response = send(body(builder)).await.map_err(|error| unreachable(&error))?;
        read(response).await
    }

    /// The preflight of the Fetch standard, section 4.8.
    async fn preflight(&self, request: &Request<'_>) -> Result<(), Lost> {
        let named: Vec<&str> = request.headers.iter().map(|(name, _)| *name).collect();
        let (method, named) = (request.method.to_string(), named.join(","));
        let headers = [
            ("access-control-request-method", method.as_str()),
            ("access-control-request-headers", named.as_str()),
        ];
        let asked = Request { method: Method::OPTIONS, url: request.url, headers: &headers };
        let answer = self.send(&asked, BROWSER, |builder| builder).await?;
        let withheld = |why: String| Err(Lost::Withheld(format!("preflight: {why}")));
        if !(200..300).contains(&answer.status) {
            return withheld(format!("OPTIONS answers {}", answer.status));
        }
        if let Err(why) = allowed(&answer, self.page.unwrap_or_default()) {
            return withheld(why);
        }
        let methods = answer.header("access-control-allow-methods").unwrap_or_default();
        if !lists(methods, &method) && !matches!(method.as_str(), "GET" | "HEAD" | "POST") {
            return withheld(format!("Access-Control-Allow-Methods does not list {method}"));
        }
        let offered = answer.header("access-control-allow-headers").unwrap_or_default();
        let missing = request.headers.iter().map(|(name, _)| *name).find(|name| {
            // `*` is no word for Authorization.
            !lists(offered, name) && (offered.trim() != "*" || *name == "authorization")
        });
        match missing {
            Some(name) if name != "accept" => {
                withheld(format!("Access-Control-Allow-Headers does not list {name}"))
            }
            _ => Ok(()),
        }
    }
}

fn allowed(answer: &Answer, page: &str) -> Result<(), String> {
    match answer.header("access-control-allow-origin") {
        Some(origin) if origin == "*" || origin == page => Ok(()),
        Some(_) => Err("Access-Control-Allow-Origin names another origin".to_owned()),
        None => Err("there is no Access-Control-Allow-Origin".to_owned()),
    }
}

/// A page sees the headers that are safelisted, and those that are exposed.
fn keep_exposed(answer: &mut Answer) {
    let exposed = answer.header("access-control-expose-headers").unwrap_or_default().to_owned();
    let names: Vec<_> = answer.headers.keys().cloned().collect();
    for name in names {
        let seen = matches!(name.as_str(), "content-type" | "cache-control" | "content-length");
        if !seen && exposed.trim() != "*" && !lists(&exposed, name.as_str()) {
            answer.headers.remove(name);
        }
    }
}

fn lists(header: &str, name: &str) -> bool {
    header.split(',').any(|listed| listed.trim().eq_ignore_ascii_case(name))
}

async fn read(mut response: Response) -> Result<Answer, Lost> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let broken = |error: reqwest::Error| Lost::Unreachable(error.without_url().to_string());
    let stream = headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    let mut body = vec![];
    // A stream of events may have no end.
    while !stream && let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > LONGEST {
            return Err(Lost::Unreachable(format!("an answer of more than {LONGEST} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&'static str, &'static str)]) -> Answer {
        let headers = headers.iter().map(|(name, value)| {
            (name.parse().unwrap(), reqwest::header::HeaderValue::from_static(value))
        });
        Answer { status: 401, headers: headers.collect(), body: vec![] }
    }

    #[test]
    fn a_page_sees_only_what_is_exposed() {
        let challenge = ("www-authenticate", "Bearer");
        let mut hidden = answer(&[challenge]);
        keep_exposed(&mut hidden);
        assert!(hidden.header("www-authenticate").is_none());
        let mut exposed =
            answer(&[challenge, ("access-control-expose-headers", "WWW-Authenticate")]);
        keep_exposed(&mut exposed);
        assert_eq!(exposed.header("www-authenticate"), Some("Bearer"));
    }

    #[test]
    fn only_an_allowed_page_reads_an_answer() {
        let page = "http://127.0.0.1:6274";
        assert!(allowed(&answer(&[]), page).is_err());
        assert!(allowed(&answer(&[("access-control-allow-origin", "*")]), page).is_ok());
        assert!(
            allowed(&answer(&[("access-control-allow-origin", "https://else")]), page).is_err()
        );
    }

    #[test]
    fn of_a_body_only_an_error_is_said() {
        let mut refused = answer(&[]);
        refused.body =
            br#"{"error":"invalid_grant","error_description":"gone","x":"secret"}"#.into();
        assert_eq!(refused.refusal(), "401: invalid_grant, gone");
        refused.body = b"secret".into();
        assert_eq!(refused.refusal(), "401");
    }
}
