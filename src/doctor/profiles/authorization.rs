//! The authorization request (RFC 6749 section 4.1.1, RFC 7636, RFC 8707), and the way from there
//! to the page on which a person signs in.

use data_encoding::BASE64URL_NOPAD;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::discovery::{Found, without_query, words};
use super::profile::{Offline, OtherBuild, Resource, ScopeFrom};
use super::registration::Client;
use super::replay::{Replay, new_state, unguessable};
use super::wire::{Answer, Lost};
use crate::doctor::Finding;

const CHECK: &str = "authorize";
/// A browser would follow more; a sign-in page that is further away is a loop.
const REDIRECTS: usize = 5;

/// A request that has been made, and what its answer is compared with.
pub struct Asked {
    /// Where the browser is sent.
    pub url: Url,
    /// `state`.
    pub state: String,
    /// `code_verifier`.
    pub verifier: SecretString,
    /// `redirect_uri`.
    pub redirect_uri: String,
    /// `scope`.
    pub scope: Option<String>,
    /// `resource`.
    pub resource: String,
}

/// What the client asks for: MCP 2025-11-25, "Scope Selection Strategy", as it understands that.
#[must_use]
pub fn scope(replay: &Replay<'_>, found: &Found) -> Option<String> {
    let joined = |words: Vec<&str>| Some(words.join(" ")).filter(|scope| !scope.is_empty());
    let from = |source: &ScopeFrom| match source {
        ScopeFrom::Challenge => found.challenged_scope.clone(),
        ScopeFrom::Resource => joined(words(&found.resource, "scopes_supported")),
        ScopeFrom::Server => joined(words(&found.server, "scopes_supported")),
        ScopeFrom::Fixed(words) => Some((*words).to_owned()),
    };
    let habits = replay.profile.authorization;
    let scope = habits.scope.iter().find_map(from);
    let offline = match habits.offline {
        Offline::Never => false,
        Offline::Listed => scope.is_some() && found.lists("scopes_supported", "offline_access"),
        Offline::Always => true,
    };
    with_offline_access(scope, offline)
}

/// Adds `offline_access`, once.
#[must_use]
pub fn with_offline_access(scope: Option<String>, offline: bool) -> Option<String> {
    let has_it = |scope: &String| scope.split(' ').any(|word| word == "offline_access");
    match scope {
        scope if !offline || scope.as_ref().is_some_and(has_it) => scope,
        Some(scope) => Some(format!("{scope} offline_access")),
        None => Some("offline_access".to_owned()),
    }
}

/// The request as the client makes it.
///
/// # Errors
/// When there is no authorization endpoint.
pub fn request(replay: &Replay<'_>, found: &Found, client: &Client) -> Result<Asked, Finding> {
    build(replay, found, client, None).ok_or_else(|| {
        let mend = "let the proxy pass the metadata as they are";
        Finding::wrong(CHECK, "authorization_endpoint is no URL", mend)
    })
}

fn build(
    replay: &Replay<'_>,
    found: &Found,
    client: &Client,
    other: Option<&OtherBuild>,
) -> Option<Asked> {
    let habits = replay.profile.authorization;
    let mut url = found.endpoint("authorization_endpoint")?;
    let redirect_uri = other.and_then(|other| other.redirect_uri);
    let redirect_uri =
        redirect_uri.map_or_else(|| client.redirect_uri.clone(), |uri| replay.fill(uri));
    let kind = other.and_then(|other| other.resource).unwrap_or(habits.resource);
    let asked = Asked {
        state: new_state(habits.state),
        verifier: unguessable().into(),
        redirect_uri,
        scope: scope(replay, found),
        resource: resource(replay, found, kind),
        url: url.clone(),
    };
    let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(asked.verifier.expose_secret()));
    let mut query = url.query_pairs_mut();
    query
        .append_pair("response_type", "code")
        .append_pair("client_id", &client.id)
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256")
        .append_pair("redirect_uri", &asked.redirect_uri)
        .append_pair("state", &asked.state);
    if let Some(scope) = &asked.scope {
        query.append_pair("scope", scope);
        // SEP-2207: without it OpenID providers give no refresh token.
        if habits.offline == Offline::Listed && scope.ends_with("offline_access") {
            query.append_pair("prompt", "consent");
        }
    }
    for _ in 0..=u8::from(habits.twice) {
        query.append_pair("resource", &asked.resource);
    }
    drop(query);
    Some(Asked { url, ..asked })
}

fn resource(replay: &Replay<'_>, found: &Found, kind: Resource) -> String {
    let published = found.resource.get("resource").and_then(Value::as_str).unwrap_or_default();
    match kind {
        Resource::AsPublished => published.to_owned(),
        Resource::Parsed => Url::parse(published).map_or_else(|_| published.to_owned(), Into::into),
        Resource::ServerUrl => without_query(&replay.url),
        Resource::Origin => format!("{}/", replay.url.origin().ascii_serialization()),
    }
}

/// Goes to the sign-in page; before that, looks at the answer as some clients do.
///
/// # Errors
/// What would stop the client, or its person.
pub async fn reach_sign_in(
    replay: &mut Replay<'_>,
    found: &Found,
    asked: &Asked,
) -> Result<(), Finding> {
    let product = replay.profile.product;
    let mend =
        "the page at that address says why; run `mcp-oauthd connection list` beside the service";
    if replay.profile.authorization.preflight {
        let looked = replay.wire.navigate(&asked.url, "").await;
        let status = looked.as_ref().map_or(0, |answer| answer.status);
        if !matches!(status, 200 | 302 | 303 | 307 | 308) {
            let says = match status {
                400 => {
                    format!("{product} takes the 400 for an unknown client, and registers again")
                }
                _ => format!("{product} stops at the answer {status} of the authorization URL"),
            };
            return Err(Finding::wrong(CHECK, says, mend));
        }
    }
    let page = sign_in_page(replay, found, asked).await;
    let page = page.map_err(|why| Finding::wrong(CHECK, format!("{product}: {why}"), mend))?;
    replay.fine(CHECK, format!("the browser comes to the sign-in page, {page}"));
    Ok(())
}

/// What other builds of the same client send has to come there too.
pub async fn other_builds(replay: &mut Replay<'_>, found: &Found, client: &Client) {
    for other in replay.profile.authorization.other_builds {
        if other.in_document && client.registered.is_some() {
            continue;
        }
        let Some(asked) = build(replay, found, client, Some(other)) else { continue };
        if let Err(why) = sign_in_page(replay, found, &asked).await {
            let says = format!(
                "{}, {}, with redirect_uri {} and resource {}: {why}",
                replay.profile.product, other.which, asked.redirect_uri, asked.resource
            );
            replay.doubtful(CHECK, says, "the page at that address says why");
        }
    }
}

/// Follows redirects within the authorization server, with its cookies, to a page with a form.
async fn sign_in_page(replay: &Replay<'_>, found: &Found, asked: &Asked) -> Result<String, String> {
    let home = found.endpoint("authorization_endpoint").map(|url| url.origin());
    let (mut url, mut cookies) = (asked.url.clone(), vec![]);
    for _ in 0..=REDIRECTS {
        let jar = cookies.join("; ");
        let answer =
            replay.wire.navigate(&url, &jar).await.map_err(|lost: Lost| lost.to_string())?;
        keep_cookies(&mut cookies, &answer);
        if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
            return is_sign_in(&url, &answer);
        }
        let next = answer.header("location").and_then(|to| url.join(to).ok());
        let next = next.ok_or("a redirect without an address")?;
        if Some(next.origin()) != home {
            let error = next.query_pairs().find(|(name, _)| name == "error");
            let error = error.map_or_else(|| "no error".into(), |(_, error)| error);
            return Err(format!("the browser is sent back at once, with {error}"));
        }
        url = next;
    }
    Err("the browser is sent in circles".to_owned())
}

fn is_sign_in(url: &Url, answer: &Answer) -> Result<String, String> {
    let body = String::from_utf8_lossy(&answer.body);
    let is_html = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    let title = |body: &str| {
        let rest = body.split_once("<title>")?.1;
        Some(rest.split_once("</title>")?.0.trim().to_owned())
    };
    if answer.status == 200 && is_html && body.contains("<form") {
        return Ok(format!("{}{}", url.origin().ascii_serialization(), url.path()));
    }
    let title = title(&body).map(|title| format!(": {title}")).unwrap_or_default();
    Err(format!("there is no sign-in page, but {}{title}", answer.status))
}

fn keep_cookies(cookies: &mut Vec<String>, answer: &Answer) {
    for header in answer.headers.get_all("set-cookie") {
        if let Some(pair) = header.to_str().ok().and_then(|text| text.split(';').next()) {
            cookies.push(pair.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offline_access_is_asked_for_once() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(with_offline_access(some("a"), true), some("a offline_access"));
        assert_eq!(with_offline_access(some("offline_access b"), true), some("offline_access b"));
        assert_eq!(with_offline_access(None, true), some("offline_access"));
        assert_eq!(with_offline_access(some("a"), false), some("a"));
        assert_eq!(with_offline_access(None, false), None);
    }
}
