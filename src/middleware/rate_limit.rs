//! Who has done too much is told when to come back: RFC 6585 section 4.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

use super::client_ip::ClientIp;
use crate::app::{App, Network, RateLimits};
use crate::clock::Seconds;
use crate::oauth::ErrorCode;

/// Registrations are counted, whatever becomes of them.
///
/// # Errors
/// What the handler answers.
pub async fn registrations<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let take = |limits: &RateLimits, network, now| {
        limits.registrations.take(&network, now)?;
        limits.all_registrations.take(&(), now)
    };
    match ask(&request, take) {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(wait) => Ok(request.into_response(too_many(wait)).map_into_right_body()),
    }
}

/// Only refused token requests count: a shared egress with a thousand honest clients is never
/// held up.
///
/// # Errors
/// What the handler answers.
pub async fn token_failures<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    count_failures(request, next, |limits| &limits.token_failures).await
}

/// Only wrong credentials count.
///
/// # Errors
/// What the handler answers.
pub async fn introspection_failures<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    count_failures(request, next, |limits| &limits.introspection_failures).await
}

async fn count_failures<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
    limiter: fn(&RateLimits) -> &crate::app::limiter::Limiter<Network>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    if let Err(wait) = ask(&request, |limits, network, now| limiter(limits).check(&network, now)) {
        return Ok(request.into_response(too_many(wait)).map_into_right_body());
    }
    let response = next.call(request).await?;
    if response.status().is_client_error() {
        let network = ClientIp::of(response.request()).network();
        if let Some(app) = response.request().app_data::<web::Data<App>>() {
            // The last one that is counted is answered as it is; the next one is held up.
            let _held_up_next_time = limiter(&app.limits).take(&network, app.clock.now_millis());
        }
    }
    Ok(response.map_into_left_body())
}

fn ask(
    request: &ServiceRequest,
    question: impl FnOnce(&RateLimits, Network, i64) -> Result<(), Seconds>,
) -> Result<(), Seconds> {
    let Some(app) = request.app_data::<web::Data<App>>() else { return Ok(()) };
    let network = ClientIp::of(request.request()).network();
    question(&app.limits, network, app.clock.now_millis())
}

fn too_many(wait: Seconds) -> HttpResponse {
    HttpResponse::build(StatusCode::TOO_MANY_REQUESTS)
        .insert_header((RETRY_AFTER, wait.0))
        .insert_header(("Cache-Control", "no-store"))
        .json(ErrorCode::TemporarilyUnavailable.because("too many requests, try again later"))
}
