//! The HTTP client of the channels.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder, Response};

use super::channel::Problem;
use crate::clock::{Seconds, UnixTime};
use crate::config::Certificates;

/// How long a connection may take to come about.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long an answer may take in all.
const LONGEST: Duration = Duration::from_secs(10);

/// A client that trusts these certificates besides the system's, and follows nothing: a message goes
/// where it was meant to, or nowhere.
///
/// # Errors
/// Certificates that are none, and a system without any.
pub(super) fn client(ca: &Certificates, needs_tls: bool) -> Result<Client, String> {
    // The first in the process wins; they are all the same.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(PATIENCE)
        .timeout(LONGEST)
        .user_agent("mcp-oauthd");
    let client = if needs_tls {
        let ca: Result<Vec<_>, _> = ca.iter().map(Certificate::from_der).collect();
        client.tls_certs_merge(ca.map_err(|error| in_words(&error))?)
    } else {
        // Where nothing is encrypted, a system that trusts nobody does as well.
        client.tls_certs_only([])
    };
    client.build().map_err(|error| in_words(&error))
}

/// Sends a message. Its answer, in words, if it was taken.
pub(super) async fn send(request: RequestBuilder, now: UnixTime) -> Result<String, Problem> {
    // The address may be a secret.
    let response = request.send().await.map_err(|error| Problem {
        is_answer: false,
        why: in_words(&error.without_url()),
        retry_after: None,
    })?;
    let status = response.status();
    if status.is_success() {
        return Ok(status.to_string());
    }
    Err(Problem {
        is_answer: true,
        why: format!("it answered {status}"),
        retry_after: retry_after(&response, now),
    })
}

/// Seconds, or a moment: RFC 9110 section 10.2.3.
fn retry_after(response: &Response, now: UnixTime) -> Option<Seconds> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Seconds(seconds.into()));
    }
    let moment = httpdate::parse_http_date(text).ok()?;
    let moment = moment.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
    Some(UnixTime(i64::try_from(moment).ok()?) - now)
}

/// The error, and what it came from.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words.replace(['\n', '\r'], " ")
}
