//! `POST /introspect`: RFC 7662, for resources only.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use tracing::debug;

use super::error::EndpointError;
use super::form::{Form, credentials};
use crate::app::App;
use crate::clock::UnixTime;
use crate::error::Error;
use crate::gate;
use crate::oauth::{ClientId, ErrorCode, Scope, UserId};
use crate::storage::access_tokens::Described;

/// RFC 7662 section 2.2. No member is ever null, and numbers are numbers.
#[derive(Serialize)]
struct LiveToken<'a> {
    active: bool,
    client_id: &'a ClientId,
    sub: &'a UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    scope: &'a Scope,
    iss: &'a str,
    aud: &'a str,
    exp: UnixTime,
    iat: UnixTime,
    token_type: &'static str,
}

/// Says what a token is worth at the resource that asks.
///
/// # Errors
/// `invalid_client` for anybody who is not a resource, `invalid_request` without a token.
pub async fn post(
    app: web::Data<App>,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, EndpointError> {
    let presented = credentials(&request, &form.0, true)?;
    let now = app.clock.now();
    let examined = app.storage.read(|conn| {
        let unknown = ErrorCode::InvalidClient.because("these are not a resource's credentials");
        let caller = presented.resource(conn, now)?.ok_or(unknown)?;
        let token = form.0.require("token")?;
        let described = gate::examine(conn, token, caller.resource(), now)?;
        Ok::<_, Error>((caller, described))
    });
    let (caller, described) = examined
        .await
        .map_err(|error| EndpointError::from(error).after_basic(presented.via_basic()))?;
    debug!(resource.id = %caller.resource().id, active = described.is_some(), "introspected");
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store"));
    let Some(described) = described else {
        app.metrics.introspected_inactive.inc();
        // Exactly this, whatever the reason.
        return Ok(response.json(json!({ "active": false })));
    };
    app.metrics.introspected_active.inc();
    app.confirmations.send(&described, &app.storage, now);
    Ok(response.json(live_token(&app, &described)))
}

fn live_token<'a>(app: &'a App, described: &'a Described) -> LiveToken<'a> {
    LiveToken {
        active: true,
        client_id: &described.grant.client_id,
        sub: &described.grant.user_id,
        username: described.username.as_deref(),
        scope: &described.token.scope,
        iss: app.config.issuer.as_str(),
        aud: described.grant.resource.as_str(),
        exp: described.token.expires_at,
        iat: described.token.issued_at,
        token_type: "Bearer",
    }
}
