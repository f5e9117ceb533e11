//! `POST /introspect`: RFC 7662, for resources only.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use tracing::debug;

use super::error::EndpointError;
use super::form::{Form, credentials};
use crate::app::App;
use crate::clients::Stranger;
use crate::clock::UnixTime;
use crate::error::Error;
use crate::gate;
use crate::middleware::client_ip::ClientIp;
use crate::middleware::issuer::aimed_at;
use crate::oauth::{ClientId, ErrorCode, Issuer, Scope, UserId};
use crate::storage::access_tokens::Described;
use crate::storage::resources::Resource;

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
    let presented = credentials(&request, &form.0, true).inspect_err(|error| {
        if error.code() == ErrorCode::InvalidClient {
            warn(&app, &request, &Stranger::unknown("there are no credentials that can be read"));
        }
    })?;
    let now = app.clock.now();
    let after_basic = |error: Error| EndpointError::from(error).after_basic(presented.via_basic());
    let examined = app.storage.read_known(|known| {
        let caller = match presented.resource(known, now)? {
            Ok(caller) => caller,
            Err(stranger) => return Ok(Err(stranger)),
        };
        let token = form.0.require("token")?;
        let described = gate::examine(known, token, caller.resource(), now)?;
        Ok::<_, Error>(Ok((caller, described)))
    });
    let (caller, described) = examined.await.map_err(after_basic)?.map_err(|stranger| {
        warn(&app, &request, &stranger);
        let why = "these are not a resource's credentials";
        after_basic(ErrorCode::InvalidClient.because(why).into())
    })?;
    debug!(resource.id = %caller.resource().id, active = described.is_some(), "introspected");
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store"));
    let Some(described) = described else {
        app.metrics.introspected_inactive.inc();
        // Exactly this, whatever the reason.
        return Ok(response.json(json!({ "active": false })));
    };
    app.metrics.introspected_active.inc();
    let issuer = aimed_at(&app, request.head());
    app.confirmations.send(&described, &app.storage, now);
    Ok(response.json(live_token(issuer, &described, caller.resource())))
}

/// A resource that is set up wrongly is found by this line; who guesses cannot fill the log with it.
fn warn(app: &App, request: &HttpRequest, stranger: &Stranger) {
    let now = app.clock.ticks();
    if app.limits.introspection_warnings.take(&stranger.resource, now).is_ok() {
        let id = stranger.resource.as_ref().map(tracing::field::display);
        let address = ClientIp::of(request).0;
        tracing::warn!(
            resource.id = id,
            client.ip = %address,
            cause = stranger.because,
            "introspection was refused"
        );
    }
}

/// `aud` is the resource as it is spelt now, which is what its verifier compares. So is `iss` the
/// issuer in whose metadata this endpoint is (RFC 8414 section 2): after a move the tokens are the same
/// at both, and who still asks at the former one's address has not been told of another.
fn live_token<'a>(
    issuer: &'a Issuer,
    described: &'a Described,
    resource: &'a Resource,
) -> LiveToken<'a> {
    LiveToken {
        active: true,
        client_id: &described.grant.client_id,
        sub: &described.grant.user_id,
        username: described.username.as_deref(),
        scope: &described.token.scope,
        iss: issuer.as_str(),
        aud: resource.uri.as_str(),
        exp: described.token.expires_at,
        iat: described.token.issued_at,
        token_type: "Bearer",
    }
}
