//! What all ceremonies have in common: how they begin, and how their end is found.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};
use serde::Serialize;
use serde_json::Value;

use crate::accounts::passkeys::ceremony::{Begun, RelyingParty};
use crate::accounts::passkeys::pending::{self, Purpose};
use crate::accounts::sign_in::{self, PATIENCE};
use crate::app::Network;
use crate::clock::Seconds;
use crate::error::Error;
use crate::oauth::{ErrorCode, OAuthError, TokenKind, TokenSecret};
use crate::pages::cookies;
use crate::pages::error::{PageError, sentence};
use crate::pages::visit::{PageForm, Visit};
use crate::storage::sign_ins::Goal;
use crate::words;

/// What the script is told.
#[derive(Serialize)]
struct Options {
    /// Which ceremony it is, for the form.
    ceremony: String,
    /// For `navigator.credentials`.
    options: Value,
}

/// What the script tells the person.
#[derive(Serialize)]
struct Refusal {
    problem: String,
}

/// This service, for passkeys.
///
/// # Errors
/// A page, where passkeys are not offered.
pub(in crate::pages) fn party(visit: &Visit) -> Result<RelyingParty, PageError> {
    RelyingParty::at(visit.issuer(), &visit.app.config).ok_or_else(|| {
        let why = words!("There is no such page");
        visit.failed(ErrorCode::InvalidRequest.because(why)).with_status(StatusCode::NOT_FOUND)
    })
}

/// Begins a ceremony, in the place of the one that the form names; or only ends that one, if the
/// person has cancelled it.
///
/// # Errors
/// The database's.
pub(in crate::pages) async fn begin(
    visit: &Visit,
    sent: &PageForm,
    (purpose, goal): (Purpose, Goal),
    begun: Begun,
) -> Result<HttpResponse, PageError> {
    let former = cookies::tied(visit.side, &visit.http, TokenKind::SignIn, sent.text("ceremony"));
    let ended = former.as_ref().map(TokenSecret::id);
    if let Some(former) = former {
        visit.write_surely(move |conn| sign_in::cancel(conn, &former)).await?;
    }
    let mut response = if sent.text("cancel") == "yes" {
        HttpResponse::NoContent().insert_header((CACHE_CONTROL, "no-store")).finish()
    } else {
        offer(visit, (purpose, goal), begun).await?
    };
    if let Some(id) = ended {
        cookies::untie(visit.side, &mut response, TokenKind::SignIn, id);
    }
    Ok(response)
}

async fn offer(
    visit: &Visit,
    (purpose, goal): (Purpose, Goal),
    begun: Begun,
) -> Result<HttpResponse, PageError> {
    let (now, network) = (visit.app.clock.ticks(), Network::from(visit.client_ip.0));
    if let Err(wait) = visit.app.limits.passkeys.take(&network, now) {
        return Ok(too_many(visit, wait));
    }
    let (options, now) = (begun.options.clone(), visit.app.clock.now());
    let keep = move |conn: &mut _| pending::begin(conn, &purpose, &begun, goal, now);
    let secret = visit.write_surely(keep).await?;
    let ceremony = secret.id().to_string();
    let mut response = HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(Options { ceremony, options });
    let tied = (TokenKind::SignIn, secret);
    cookies::tie(visit.side, (&visit.http, &mut response), tied, PATIENCE);
    Ok(response)
}

/// What the script shows beside the button.
#[must_use]
pub(in crate::pages) fn refused(visit: &Visit, error: &OAuthError) -> HttpResponse {
    told(visit, StatusCode::UNPROCESSABLE_ENTITY, &error.description)
}

fn too_many(visit: &Visit, wait: Seconds) -> HttpResponse {
    let words = words!("Too many attempts. Please wait a minute, then try again.");
    let mut response = told(visit, StatusCode::TOO_MANY_REQUESTS, words);
    response.headers_mut().insert(RETRY_AFTER, wait.0.into());
    response
}

fn told(visit: &Visit, status: StatusCode, words: &str) -> HttpResponse {
    let frame = visit.frame();
    HttpResponse::build(status)
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(Refusal { problem: sentence(frame.t(words)) })
}

/// The cookie of the ceremony that a form answers.
///
/// # Errors
/// A page, for one of another browser, or none.
pub(in crate::pages) fn cookie(visit: &Visit, sent: &PageForm) -> Result<TokenSecret, PageError> {
    visit.step_cookie(sent.text("ceremony"))
}

/// Tells apart what the page says itself, in the person's language, and what takes its place.
///
/// # Errors
/// A page, for what has failed.
pub(in crate::pages) fn checked<T>(
    visit: &Visit,
    result: Result<T, Error>,
) -> Result<Result<T, String>, PageError> {
    match result {
        Ok(done) => Ok(Ok(done)),
        Err(Error::Refused(refused)) => Ok(Err(sentence(visit.frame().t(&refused.description)))),
        Err(failed) => Err(visit.failed(failed)),
    }
}
