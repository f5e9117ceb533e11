//! The MCP server itself: how it is asked without a token and with one, and what its refusal says
//! (RFC 6750 section 3, RFC 9728 section 5.1).

use reqwest::Method;
use serde_json::json;
use url::Url;

use super::profile::{Challenge, Probe};
use super::replay::Replay;
use super::wire::{Answer, Request};
use crate::doctor::Finding;

const CHECK: &str = "challenge";

/// The refusal that makes the client ask for a token, and what it is told there: RFC 9728
/// section 5.1.
///
/// # Errors
/// What would stop the client.
pub async fn read(replay: &mut Replay<'_>) -> Result<(Option<Url>, Option<String>), Finding> {
    let product = replay.profile.product;
    let answer = probe(replay, None).await.map_err(|why| {
        let mend = "is the MCP server running, and does the proxy pass its path to it?";
        Finding::wrong(CHECK, format!("{} has no answer: {why}", replay.typed), mend)
    })?;
    if answer.status != 401 {
        let says = format!(
            "{} answers {} without a token, and {product} asks for none",
            replay.typed, answer.status
        );
        return Err(Finding::wrong(CHECK, says, "let the MCP server answer 401 without a token"));
    }
    let header = answer.header("www-authenticate").unwrap_or_default();
    let is_bearer = header.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("Bearer "));
    let pointer = parameter(header, "resource_metadata").filter(|_| is_bearer);
    let pointer = pointer.and_then(|url| Url::parse(url).ok());
    let mend = "send WWW-Authenticate: Bearer resource_metadata=\"...\" with every 401, let the \
                proxy keep it, and expose it to pages";
    match (&pointer, replay.profile.discovery.challenge) {
        (Some(url), _) => replay.fine(CHECK, format!("401, and the metadata are at {url}")),
        (None, Challenge::Helps) => replay.doubtful(
            CHECK,
            format!(
                "the 401 does not say where the metadata are; {product} tries the usual places"
            ),
            mend,
        ),
        (None, Challenge::Needed) => {
            let says = format!(
                "the 401 does not say where the metadata are; {product} asks for settings by hand"
            );
            return Err(Finding::wrong(CHECK, says, mend));
        }
    }
    Ok((pointer, parameter(header, "scope").map(str::to_owned)))
}

/// The MCP server's URL, asked as the client does; with a token, if there is one.
///
/// # Errors
/// When there is no answer.
pub async fn probe(replay: &Replay<'_>, token: Option<&str>) -> Result<Answer, String> {
    let authorization = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("accept", "application/json, text/event-stream")];
    if let Some(version) = replay.profile.discovery.version {
        headers.push(("mcp-protocol-version", version));
    }
    if let Some(authorization) = &authorization {
        headers.push(("authorization", authorization));
    }
    let initialize = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "mcp-oauthd doctor", "version": env!("CARGO_PKG_VERSION") },
        },
    });
    // With a token it is no probe any more: all of them use the protocol then.
    let method = match (replay.profile.discovery.probe, token) {
        (Probe::Get, None) => Method::GET,
        (Probe::Head, None) => Method::HEAD,
        _ => Method::POST,
    };
    if method == Method::POST {
        headers.push(("content-type", "application/json"));
    }
    let with_body = method == Method::POST;
    let request = Request { method, url: &replay.url, headers: &headers };
    let answer = replay.wire.ask(request, |builder| {
        if with_body { builder.body(initialize.to_string()) } else { builder }
    });
    answer.await.map_err(|lost| lost.to_string())
}

/// A parameter of a challenge, in double quotes: RFC 9110 section 11.6.1.
fn parameter<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let start = header.match_indices(name).find_map(|(at, _)| {
        let alone = header[..at].ends_with([' ', ',']);
        header[at + name.len()..].strip_prefix("=\"").filter(|_| alone)
    })?;
    start.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_of_a_challenge_is_found_by_its_whole_name() {
        let header = r#"Bearer error="x", resource_metadata="https://h/a", scope="a b""#;
        assert_eq!(parameter(header, "scope"), Some("a b"));
        assert_eq!(parameter(header, "resource_metadata"), Some("https://h/a"));
        assert_eq!(parameter(header, "metadata"), None);
    }
}
