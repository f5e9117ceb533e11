//! One message by HTTP, and what became of it.

use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response};

use super::channel::Problem;
use crate::app::fetcher;
use crate::clock::{Seconds, UnixTime};

/// Sends a message. Its answer, in words, if it was taken.
pub(super) async fn send(request: RequestBuilder, now: UnixTime) -> Result<String, Problem> {
    let response = fetcher::send(request).await.map_err(|error| Problem {
        is_answer: false,
        why: error.to_string(),
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
