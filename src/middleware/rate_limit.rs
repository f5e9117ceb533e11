//! Who has done too much is told when to come back: RFC 6585 section 4.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, web};

use super::client_ip::ClientIp;
use super::outcome::{self, Outcome};
use super::sighting::mark_cause;
use crate::app::limiter::Limiter;
use crate::app::{App, Network, RateLimits};
use crate::clock::Seconds;
use crate::oauth::ErrorCode;

/// Registrations are counted, whatever becomes of them. Whoever is held up by a limit of its own takes
/// nothing from what is for everybody.
///
/// # Errors
/// What the handler answers.
pub async fn registrations<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let take = |limits: &RateLimits, network: Network, now| {
        limits.registrations.take(&network, now)?;
        network.its_site().map_or(Ok(()), |site| limits.registrations_of_sites.take(&site, now))?;
        limits.all_registrations.take(&(), now)
    };
    let_in(request, next, take).await
}

/// What clients do with their registrations is counted, whatever becomes of it: it can be written
/// anew as often as its holder likes.
///
/// # Errors
/// What the handler answers.
pub async fn registration_changes<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let take = |limits: &RateLimits, network, now| limits.registration_changes.take(&network, now);
    let_in(request, next, take).await
}

async fn let_in<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
    take: impl FnOnce(&RateLimits, Network, i64) -> Result<(), Seconds>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match ask(&request, take) {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(wait) => Ok(request.into_response(too_many(wait)).map_into_right_body()),
    }
}

/// Refused token requests count, whatever they were refused for.
///
/// # Errors
/// What the handler answers.
pub async fn token_failures<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    hold_up(request, next, |_| true, |limits| &limits.token_failures).await
}

/// Wrong credentials count, and nothing else that a resource does wrong.
///
/// # Errors
/// What the handler answers.
pub async fn introspection_failures<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let wrong_credentials = |code| code == ErrorCode::InvalidClient;
    let response =
        hold_up(request, next, wrong_credentials, |limits| &limits.introspection_failures).await?;
    outcome::note(&response);
    Ok(response)
}

/// Decides first: what is good is answered, whoever else is at work in the same network. Only a
/// refusal is replaced by "come back later", once the network has had too many of them.
async fn hold_up<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
    counts: fn(ErrorCode) -> bool,
    limiter: fn(&RateLimits) -> &Limiter<Network>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let response = next.call(request).await?;
    let refused = matches!(Outcome::of(&response), Some(Outcome::Refused(code)) if counts(code));
    let wait = if refused { count_refusal(response.request(), limiter).err() } else { None };
    Ok(match wait {
        None => response.map_into_left_body(),
        Some(wait) => response.into_response(too_many(wait)).map_into_right_body(),
    })
}

fn count_refusal(
    request: &HttpRequest,
    limiter: fn(&RateLimits) -> &Limiter<Network>,
) -> Result<(), Seconds> {
    let Some(app) = request.app_data::<web::Data<App>>() else { return Ok(()) };
    limiter(&app.limits).take(&ClientIp::of(request).network(), app.clock.ticks())
}

fn ask(
    request: &ServiceRequest,
    question: impl FnOnce(&RateLimits, Network, i64) -> Result<(), Seconds>,
) -> Result<(), Seconds> {
    let Some(app) = request.app_data::<web::Data<App>>() else { return Ok(()) };
    let network = ClientIp::of(request.request()).network();
    question(&app.limits, network, app.clock.ticks())
}

fn too_many(wait: Seconds) -> HttpResponse {
    let error = ErrorCode::TemporarilyUnavailable.because("too many requests, try again later");
    let mut response = HttpResponse::build(StatusCode::TOO_MANY_REQUESTS)
        .insert_header((RETRY_AFTER, wait.0))
        .insert_header(("Cache-Control", "no-store"))
        .json(&error);
    mark_cause(&mut response, &error);
    Outcome::Refused(ErrorCode::TemporarilyUnavailable).mark(&mut response);
    response
}
