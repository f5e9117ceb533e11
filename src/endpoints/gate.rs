//! `/gate/…` and `/ext_authz/…`: a reverse proxy asks whether it may let a request through. Any
//! method, any `Host`, no body; the query, which some proxies take from the client, is not looked at.
//!
//! 200, 401 or 403, which every proxy understands, as RFC 6750 section 3 words them; 404 for an
//! address that the operator got wrong, 503 when nobody can decide, or when the owner has closed the
//! resource for a while: proxies deny both.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::{HttpRequest, HttpResponse, web};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde_json::json;
use tracing::{debug, error, warn};

use super::error::EndpointError;
use crate::app::App;
use crate::gate::decision::{Bearer, Because, Decision, Demand, Denial, Identity, Request, decide};
use crate::mcp::Call;
use crate::middleware::sighting;
use crate::oauth::{IntrospectionId, Scope};
use crate::storage::StorageError;

/// `/gate/{introspection_id}[/{scope}+{scope}…]`
///
/// # Errors
/// 503, when the database is out of reach.
pub async fn ask(app: web::Data<App>, http: HttpRequest) -> Result<HttpResponse, EndpointError> {
    let address = http.uri().path().strip_prefix("/gate/").unwrap_or_default();
    let (id, scopes) = address.split_once('/').unwrap_or((address, "-"));
    // A proxy that appends the client's path is set up wrongly, and would demand what clients say.
    let demand = if scopes.contains('/') { None } else { demand(id, scopes) };
    answer(&app, &http, demand).await
}

/// `/ext_authz/{introspection_id}/{scopes, or -}/{ignored…}`: Envoy appends the client's path.
///
/// # Errors
/// 503, when the database is out of reach.
pub async fn ask_as_envoy(
    app: web::Data<App>,
    http: HttpRequest,
) -> Result<HttpResponse, EndpointError> {
    let address = http.uri().path().strip_prefix("/ext_authz/").unwrap_or_default();
    let mut parts = address.splitn(3, '/');
    let demand = parts.next().zip(parts.next()).and_then(|(id, scopes)| demand(id, scopes));
    answer(&app, &http, demand).await
}

async fn answer(
    app: &App,
    http: &HttpRequest,
    demand: Option<Demand>,
) -> Result<HttpResponse, EndpointError> {
    // A scope that nobody can be granted is a slip of the pen, and no reason to ask a person.
    let Some(demand) = demand.filter(|demand| app.config.scopes.covers(&demand.scope)) else {
        let why = "the gate was asked at no address of its own, or for a scope that is not offered";
        return Ok(wrong_address(app, None, why).await);
    };
    let headers = http.headers();
    let request = Request { demand: &demand, bearer: bearer(headers) };
    let (offer, now) = ((&app.config.scopes, &app.config.scope_hierarchy), app.clock.now());
    let decide =
        app.storage.read_known(|known| decide(known, request, || call(headers), offer, now));
    let id = &demand.introspection_id;
    let Some(decision) = decide.await.map_err(|failed| out_of_reach(app, &failed))? else {
        let why =
            "the gate was asked for a resource that is not registered, or a scope that it has not";
        return Ok(wrong_address(app, Some(id), why).await);
    };
    match decision {
        Decision::Allow(identity) => {
            app.metrics.gate_allowed.inc();
            debug!(resource.id = %id, "the gate let a request pass");
            app.confirmations.send(&identity.described, &app.storage, now);
            Ok(pass(&identity))
        }
        Decision::Deny(denial) => {
            debug!(resource.id = %id, because = ?denial.because, "the gate refused");
            sighting::at_the_gate(app, http, &denial);
            let response = refuse(&denial);
            match response.status() {
                StatusCode::UNAUTHORIZED => app.metrics.gate_challenged.inc(),
                // Paused as well: no token, no scope and no sign-in would help.
                _ => app.metrics.gate_forbidden.inc(),
            };
            Ok(response)
        }
    }
}

/// The operator finds the mistake by this line; whoever guesses cannot fill the log with it.
async fn wrong_address(app: &App, id: Option<&IntrospectionId>, why: &str) -> HttpResponse {
    app.metrics.gate_misaddressed.inc();
    if app.limits.gate_warnings.take(&(), app.clock.ticks()).is_ok() {
        warn!(resource.id = id.map(tracing::field::display), "{why}");
    }
    super::not_found().await
}

/// All that the database can fail with is the same to a proxy: nobody can decide just now.
fn out_of_reach(app: &App, failed: &StorageError) -> EndpointError {
    app.metrics.failed.inc();
    if !matches!(failed, StorageError::Unavailable(_)) {
        error!(error = %failed, "the gate cannot decide");
    }
    StorageError::Unavailable(failed.to_string()).into()
}

/// `-` demands no scope. An empty one is what a template left out, and demands nothing by mistake.
fn demand(id: &str, scopes: &str) -> Option<Demand> {
    let decode = |text| percent_decode_str(text).decode_utf8().ok();
    let tokens = if scopes == "-" { Some(vec![]) } else { scopes.split('+').map(decode).collect() };
    let tokens: Vec<_> = tokens?;
    if tokens.iter().any(|token| token.is_empty()) {
        return None;
    }
    Some(Demand {
        introspection_id: decode(id)?.parse().ok()?,
        scope: tokens.join(" ").parse::<Scope>().ok()?,
    })
}

/// From the `Authorization` header alone: RFC 6750 section 2.1, RFC 9110 section 11.1.
fn bearer(headers: &HeaderMap) -> Bearer<'_> {
    let Ok(header) = only(headers, AUTHORIZATION) else { return Bearer::Malformed };
    let Some(header) = header else { return Bearer::Absent };
    let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
    if scheme.eq_ignore_ascii_case("Bearer") {
        Bearer::Token(token.trim_start_matches(' '))
    } else {
        Bearer::Absent
    }
}

fn call(headers: &HeaderMap) -> Result<Call, &'static str> {
    const NAMES: [&str; 3] = ["mcp-protocol-version", "mcp-method", "mcp-name"];
    // Some servers read `Mcp_Name` as `Mcp-Name`, and would see two.
    let alias = |name: &HeaderName| {
        let name = name.as_str();
        name.contains(['_', '.']) && NAMES.contains(&name.replace(['_', '.'], "-").as_str())
    };
    if headers.keys().any(alias) {
        return Err("a header of MCP is misspelt");
    }
    let twice = |()| "a header of MCP is given twice, or is not ASCII";
    let [version, method, name] =
        NAMES.map(|name| only(headers, HeaderName::from_static(name)).map_err(twice));
    Call::from_headers(version?, method?, name?)
}

/// The header, if it is given once, in ASCII.
fn only(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, ()> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(drop),
        (Some(_), Some(_)) => Err(()),
    }
}

/// Every header each time, so that a proxy overwrites what the client sent under its name.
fn pass(identity: &Identity) -> HttpResponse {
    const SUBJECT: HeaderName = HeaderName::from_static("x-auth-subject");
    const USERNAME: HeaderName = HeaderName::from_static("x-auth-username");
    const CLIENT_ID: HeaderName = HeaderName::from_static("x-auth-client-id");
    const CLIENT_NAME: HeaderName = HeaderName::from_static("x-auth-client-name");
    const SCOPE: HeaderName = HeaderName::from_static("x-auth-scope");
    const GRANT_ID: HeaderName = HeaderName::from_static("x-auth-grant-id");
    const EXPIRES: HeaderName = HeaderName::from_static("x-auth-expires");
    let Identity { described, client } = identity;
    let (token, grant) = (&described.token, &described.grant);
    let plain = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
    let client_name = client.as_ref().map_or("", |client| &client.name);
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((SUBJECT, plain(grant.user_id.as_str())))
        .insert_header((USERNAME, plain(&free_text(described.username.as_deref().unwrap_or("")))))
        .insert_header((CLIENT_ID, plain(grant.client_id.as_str())))
        .insert_header((CLIENT_NAME, plain(&free_text(client_name))))
        .insert_header((SCOPE, plain(token.scope.as_str())))
        .insert_header((GRANT_ID, HeaderValue::from(grant.id.0)))
        .insert_header((EXPIRES, HeaderValue::from(token.expires_at.0)));
    response.finish()
}

/// What a person wrote, with all that is not ASCII percent-encoded, and `%` itself.
fn free_text(text: &str) -> Cow<'_, str> {
    const NOT_AS_IT_IS: &AsciiSet = &CONTROLS.add(b'%');
    utf8_percent_encode(text, NOT_AS_IT_IS).into()
}

/// Seconds after which a client may look whether a resource is open again.
const LOOK_AGAIN: u32 = 60;

fn refuse(denial: &Denial) -> HttpResponse {
    let (status, error) = match denial.because {
        Because::Paused => return paused(),
        Because::NoToken => (StatusCode::UNAUTHORIZED, None),
        Because::InvalidToken => {
            (StatusCode::UNAUTHORIZED, Some(("invalid_token", "the token is not good here")))
        }
        Because::InsufficientScope => {
            let why = "the token has not every scope that this takes";
            (StatusCode::FORBIDDEN, Some(("insufficient_scope", why)))
        }
        Because::Undecidable(why) => (StatusCode::FORBIDDEN, Some(("invalid_request", why))),
        Because::NoScope => (
            StatusCode::FORBIDDEN,
            Some(("access_denied", "no scope can be had that is good for this")),
        ),
    };
    let mut challenge = vec![format!("resource_metadata=\"{}\"", denial.resource.metadata_url())];
    if let Some((code, why)) = error {
        challenge.push(format!("error=\"{code}\", error_description=\"{why}\""));
    }
    if !denial.scope.is_empty() {
        challenge.push(format!("scope=\"{}\"", denial.scope));
    }
    let challenge = format!("Bearer {}", challenge.join(", "));
    let mut response = HttpResponse::build(status);
    response
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((WWW_AUTHENTICATE, challenge));
    match error {
        // No error code for who brought no token: RFC 6750 section 3.1.
        None => response.finish(),
        Some((code, why)) => response.json(json!({ "error": code, "error_description": why })),
    }
}

/// 503, and no challenge: a 401 would have clients throw good tokens away, and send people to a
/// sign-in that would not help.
fn paused() -> HttpResponse {
    let why = "the owner has paused this MCP server; your sign-in is kept, try again later";
    HttpResponse::ServiceUnavailable()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((RETRY_AFTER, LOOK_AGAIN))
        .json(json!({ "error": "temporarily_unavailable", "error_description": why }))
}
