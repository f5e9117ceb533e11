//! `/gate/…` and `/ext_authz/…`: a reverse proxy asks whether it may let a request through. Any
//! method, any `Host`, no body; the query, which some proxies take from the client, is not looked at.
//!
//! 200, 401 or 403, which every proxy understands, as RFC 6750 section 3 words them; 404 for an
//! address that the operator got wrong, 503 when nobody can decide: proxies deny both.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE,
};
use actix_web::{HttpRequest, HttpResponse, web};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde_json::json;
use tracing::{debug, error, warn};

use super::error::EndpointError;
use crate::app::App;
use crate::gate::decision::{Bearer, Because, Decision, Demand, Denial, Identity, Request, decide};
use crate::mcp::Call;
use crate::oauth::Scope;
use crate::storage::StorageError;

/// `/gate/{introspection_id}[/{scope}+{scope}…]`
///
/// # Errors
/// 503, when the database is out of reach.
pub async fn ask(app: web::Data<App>, http: HttpRequest) -> Result<HttpResponse, EndpointError> {
    let address = http.uri().path().strip_prefix("/gate/").unwrap_or_default();
    let mut parts = address.split('/');
    let (id, scopes) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    // A proxy that appends the client's path is set up wrongly, and would demand what clients say.
    let demand = if parts.next().is_none() { demand(id, scopes) } else { None };
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
    let (id, scopes) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let demand = match scopes {
        "" => None,
        "-" => demand(id, ""),
        scopes => demand(id, scopes),
    };
    answer(&app, &http, demand).await
}

async fn answer(
    app: &App,
    http: &HttpRequest,
    demand: Option<Demand>,
) -> Result<HttpResponse, EndpointError> {
    // A scope that nobody can be granted is a slip of the pen, and no reason to ask a person.
    let Some(demand) = demand.filter(|demand| app.config.scopes.covers(&demand.scope)) else {
        warn!(http.path = %http.uri().path(), "no address of the gate, or a scope that is not offered");
        return Ok(super::not_found().await);
    };
    let headers = http.headers();
    let request = Request { demand: &demand, bearer: bearer(headers), call: call(headers) };
    let (offered, now) = (&app.config.scopes, app.clock.now());
    let decided = app.storage.read(|conn| decide(conn, &request, offered, now)).await;
    let Some(decision) = decided.map_err(|failed| out_of_reach(&failed))? else {
        let id = &demand.introspection_id;
        warn!(resource.id = %id, "the gate was asked for a resource that is not registered");
        return Ok(super::not_found().await);
    };
    match decision {
        Decision::Allow(identity) => {
            app.metrics.gate_allowed.inc();
            debug!(resource.id = %demand.introspection_id, "the gate let a request pass");
            app.confirmations.send(&identity.described, &app.storage, now);
            Ok(pass(&identity))
        }
        Decision::Deny(denial) => {
            debug!(resource.id = %demand.introspection_id, because = ?denial.because, "the gate refused");
            let response = refuse(&denial);
            match response.status() {
                StatusCode::UNAUTHORIZED => app.metrics.gate_challenged.inc(),
                _ => app.metrics.gate_forbidden.inc(),
            };
            Ok(response)
        }
    }
}

/// All that the database can fail with is the same to a proxy: nobody can decide just now.
fn out_of_reach(failed: &StorageError) -> EndpointError {
    if !matches!(failed, StorageError::Unavailable(_)) {
        error!(error = %failed, "the gate cannot decide");
    }
    StorageError::Unavailable(failed.to_string()).into()
}

fn demand(id: &str, scopes: &str) -> Option<Demand> {
    let decode = |text| percent_decode_str(text).decode_utf8().ok();
    let tokens: Option<Vec<_>> =
        scopes.split('+').filter(|token| !token.is_empty()).map(decode).collect();
    Some(Demand {
        introspection_id: decode(id)?.parse().ok()?,
        scope: tokens?.join(" ").parse::<Scope>().ok()?,
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
    let read = |name| only(headers, HeaderName::from_static(name));
    let twice = |()| "a header of MCP is given twice, or is not ASCII";
    Call::from_headers(
        read("mcp-protocol-version").map_err(twice)?,
        read("mcp-method").map_err(twice)?,
        read("mcp-name").map_err(twice)?,
    )
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
    let Identity { described, client_name } = identity;
    let (token, grant) = (&described.token, &described.grant);
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store"));
    for (name, value) in [
        ("x-auth-subject", grant.user_id.to_string()),
        ("x-auth-username", free_text(described.username.as_deref())),
        ("x-auth-client-id", grant.client_id.to_string()),
        ("x-auth-client-name", free_text(client_name.as_deref())),
        ("x-auth-scope", token.scope.to_string()),
        ("x-auth-grant-id", grant.id.0.to_string()),
        ("x-auth-expires", token.expires_at.0.to_string()),
    ] {
        let value = HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static(""));
        response.insert_header((HeaderName::from_static(name), value));
    }
    response.finish()
}

/// What a person wrote, with all that is not ASCII percent-encoded, and `%` itself.
fn free_text(text: Option<&str>) -> String {
    const NOT_AS_IT_IS: &AsciiSet = &CONTROLS.add(b'%');
    utf8_percent_encode(text.unwrap_or_default(), NOT_AS_IT_IS).to_string()
}

fn refuse(denial: &Denial) -> HttpResponse {
    let (status, error) = match denial.because {
        Because::NoToken => (StatusCode::UNAUTHORIZED, None),
        Because::InvalidToken => {
            (StatusCode::UNAUTHORIZED, Some(("invalid_token", "the token is not good here")))
        }
        Because::InsufficientScope => {
            let why = "the token has not every scope that this takes";
            (StatusCode::FORBIDDEN, Some(("insufficient_scope", why)))
        }
        Because::Undecidable(why) => (StatusCode::FORBIDDEN, Some(("invalid_request", why))),
        Because::NoScope => {
            (StatusCode::FORBIDDEN, Some(("access_denied", "no scope is good for this call")))
        }
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
