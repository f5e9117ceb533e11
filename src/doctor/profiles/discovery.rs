//! From the MCP server's URL to the authorization server's metadata: RFC 9728 and RFC 8414, at the
//! places and in the order in which the client looks.

use reqwest::Method;
use serde_json::{Map, Value};
use url::Url;

use super::challenge;
use super::profile::{IssuerRule, Outage, Pkce, ResourceRule};
use super::replay::Replay;
use super::shape::Document;
use super::wire::Request;
use crate::doctor::Finding;

const RESOURCE: &str = "resource metadata";
const SERVER: &str = "server metadata";

/// What the client knows after discovery.
pub struct Found {
    /// `scope` of the challenge.
    pub challenged_scope: Option<String>,
    /// RFC 9728.
    pub resource: Map<String, Value>,
    /// RFC 8414.
    pub server: Map<String, Value>,
}

impl Found {
    /// The issuer, as the server's metadata have it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.server.get("issuer").and_then(Value::as_str).unwrap_or_default()
    }

    /// An endpoint of the metadata.
    #[must_use]
    pub fn endpoint(&self, name: &str) -> Option<Url> {
        self.server.get(name).and_then(Value::as_str).and_then(|url| Url::parse(url).ok())
    }

    /// Whether a list of the metadata has this in it.
    #[must_use]
    pub fn lists(&self, name: &str, value: &str) -> bool {
        words(&self.server, name).contains(&value)
    }

    /// Whether the metadata say `true`.
    #[must_use]
    pub fn promises(&self, name: &str) -> bool {
        self.server.get(name) == Some(&Value::Bool(true))
    }
}

/// The members of a list.
#[must_use]
pub fn words<'a>(object: &'a Map<String, Value>, name: &str) -> Vec<&'a str> {
    let list = object.get(name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Looks where the client looks.
///
/// # Errors
/// What would stop it.
pub async fn discover(replay: &mut Replay<'_>) -> Result<Found, Finding> {
    let (pointer, challenged_scope) = challenge::read(replay).await?;
    let resource = resource(replay, pointer).await?;
    let issuer =
        words(&resource, "authorization_servers").first().map(|issuer| (*issuer).to_owned());
    let issuer = issuer.ok_or_else(|| {
        let mend = "name the authorization server in the MCP server's settings";
        Finding::wrong(RESOURCE, "authorization_servers is empty", mend)
    })?;
    let server = server(replay, &issuer).await?;
    Ok(Found { challenged_scope, resource, server })
}

async fn resource(
    replay: &mut Replay<'_>,
    pointer: Option<Url>,
) -> Result<Map<String, Value>, Finding> {
    let place = |path: &str| {
        let mut url = replay.url.clone();
        url.set_query(None);
        url.set_path(&format!("/.well-known/oauth-protected-resource{path}"));
        url
    };
    let mut places: Vec<Url> = pointer.into_iter().collect();
    places.extend([place(replay.url.path().trim_end_matches('/')), place("")]);
    places.dedup();
    let (at, document) = first(replay, &places, Document::Resource).await.map_err(|why| {
        let mend = "serve RFC 9728 metadata at this address, or let the proxy pass it through";
        Finding::wrong(RESOURCE, why, mend)
    })?;
    let says = document.get("resource").and_then(Value::as_str).unwrap_or_default();
    let parsed = Url::parse(says).ok();
    let believed = match replay.profile.discovery.resource {
        ResourceRule::AsTyped => says == replay.typed.split('?').next().unwrap_or_default(),
        ResourceRule::AsParsed => says == without_query(&replay.url),
        ResourceRule::SameUrl => parsed.is_some_and(|url| url == replay.url),
        ResourceRule::Above => parsed.is_some_and(|url| is_above(&url, &replay.url)),
    };
    if !believed {
        let says = format!(
            "{at} says that the resource is {says}, and {} wants {}",
            replay.profile.product, replay.typed
        );
        let mend = "let the MCP server's metadata have the URL that people type, byte for byte";
        return Err(Finding::wrong(RESOURCE, says, mend));
    }
    replay.fine(RESOURCE, format!("{at} says that the resource is {says}"));
    Ok(document)
}

/// A URL as a parser writes it, without its query: a root has a slash.
#[must_use]
pub fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.into()
}

/// `checkResourceAllowed` of the SDKs: the same origin, and a path that is a prefix, part by part.
fn is_above(published: &Url, typed: &Url) -> bool {
    let with_slash = |url: &Url| format!("{}/", url.path().trim_end_matches('/'));
    published.origin() == typed.origin() && with_slash(typed).starts_with(&with_slash(published))
}

async fn server(replay: &mut Replay<'_>, issuer: &str) -> Result<Map<String, Value>, Finding> {
    let wrong = |says: String, mend: &str| Finding::wrong(SERVER, says, mend);
    let product = replay.profile.product;
    let rules = replay.profile.discovery;
    let places = server_places(issuer, rules.root_too).ok_or_else(|| {
        wrong(format!("{issuer} is no URL"), "correct it in the MCP server's settings")
    })?;
    let (at, document) = first(replay, &places, Document::Server).await.map_err(|why| {
        wrong(why, "is the service running, and does the proxy pass /.well-known/ to it?")
    })?;
    let says = document.get("issuer").and_then(Value::as_str).unwrap_or_default();
    let believed = match rules.issuer {
        IssuerRule::Exact => says == issuer,
        IssuerRule::RootSlashIgnored => says.trim_end_matches('/') == issuer.trim_end_matches('/'),
        IssuerRule::Unread => true,
    };
    if !believed {
        let says = format!("{at} says that the issuer is {says}, and {product} wants {issuer}");
        return Err(wrong(says, "write MCP_OAUTH_ISSUER and the MCP server's setting alike"));
    }
    let methods = words(&document, "code_challenge_methods_supported");
    let listed = document.contains_key("code_challenge_methods_supported");
    let usable = match rules.pkce {
        Pkce::Listed => methods.contains(&"S256"),
        Pkce::NotDenied => !listed || methods.contains(&"S256"),
        Pkce::Unread => true,
    };
    if !usable {
        let says = format!("{at} does not list S256, and {product} goes no further");
        return Err(wrong(says, "let the proxy pass the metadata as they are"));
    }
    replay.fine(SERVER, format!("{at} says that the issuer is {says}"));
    Ok(document)
}

/// MCP 2025-11-25, "Authorization Server Metadata Discovery".
fn server_places(issuer: &str, root_too: bool) -> Option<Vec<Url>> {
    let issuer = Url::parse(issuer).ok()?;
    let path = issuer.path().trim_end_matches('/').to_owned();
    let mut paths = vec![
        format!("/.well-known/oauth-authorization-server{path}"),
        format!("/.well-known/openid-configuration{path}"),
    ];
    if !path.is_empty() {
        paths.push(format!("{path}/.well-known/openid-configuration"));
    }
    if root_too {
        paths.push("/.well-known/oauth-authorization-server".to_owned());
    }
    paths.dedup();
    let place = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    Some(paths.into_iter().map(place).collect())
}

/// The first of these places with a document that the client can read.
async fn first(
    replay: &Replay<'_>,
    places: &[Url],
    kind: Document,
) -> Result<(Url, Map<String, Value>), String> {
    let mut headers = vec![("accept", "application/json")];
    if let Some(version) = replay.profile.discovery.version {
        headers.push(("mcp-protocol-version", version));
    }
    let mut whys = vec![];
    for url in places {
        let request = Request { method: Method::GET, url, headers: &headers };
        let why = match replay.wire.ask(request, |builder| builder).await {
            Err(lost) => lost.to_string(),
            Ok(answer) if answer.status == 200 => {
                match kind.read(replay.profile.reading, &answer.body) {
                    Ok(document) => return Ok((url.clone(), document)),
                    Err(why) => return Err(format!("{url}: {why}")),
                }
            }
            Ok(answer)
                if answer.status >= 500 && replay.profile.discovery.outage == Outage::Ends =>
            {
                return Err(format!("{url} answers {}", answer.status));
            }
            Ok(answer) => format!("it answers {}", answer.status),
        };
        whys.push(format!("{url}: {why}"));
    }
    Err(whys.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_above_is_believed_and_a_sibling_is_not() {
        let url = |text: &str| Url::parse(text).unwrap();
        let typed = url("https://h/mcp/a");
        for (published, believed) in [
            ("https://h/mcp/a", true),
            ("https://h/mcp", true),
            ("https://h/", true),
            ("https://h/mc", false),
            ("https://h/mcp/a/b", false),
            ("https://else/mcp", false),
            ("http://h/mcp", false),
        ] {
            assert_eq!(is_above(&url(published), &typed), believed, "{published}");
        }
    }

    #[test]
    fn the_places_are_those_of_the_specification() {
        let paths = |issuer: &str, root_too| -> Vec<String> {
            let places = server_places(issuer, root_too).unwrap();
            places.iter().map(|url| url.path().to_owned()).collect()
        };
        let (oauth, openid) =
            ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration");
        assert_eq!(paths("https://h", false), [oauth, openid]);
        assert_eq!(
            paths("https://h/t/", true),
            [&format!("{oauth}/t"), &format!("{openid}/t"), &format!("/t{openid}"), oauth]
        );
    }
}
