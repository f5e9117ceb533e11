//! `GET /authorize`: RFC 6749 section 3.1. Repeatable: it keeps one pending request, and changes
//! nothing else.

use actix_web::HttpResponse;

use crate::attempts::Subject;
use crate::authorization::VerifiedRedirect;
use crate::authorization::request::{self, Rejection};
use crate::clients::connecting;
use crate::clients::described::{self, Undescribed};
use crate::clock::Seconds;
use crate::error::Error;
use crate::middleware::outcome::Outcome;
use crate::middleware::sighting;
use crate::oauth::{ClientIdUrl, ErrorCode, OAuthError, Parameters, TokenKind};
use crate::pages::cookies;
use crate::pages::doorstep::doorstep_url;
use crate::pages::error::{Back, PageError};
use crate::pages::visit::{Visit, see_other};
use crate::storage::attempts::Stage;
use crate::storage::sign_ins::Goal;
use crate::words;

/// The longest query. What is longer is nobody's request.
const LONGEST_QUERY: usize = 16 * 1024;

/// Sends the browser to the sign-in or the consent page.
///
/// # Errors
/// A page, and never a redirect, for a client or a redirect URI that is not known; a page with a
/// way back for other errors, as long as nobody is signed in (OAuth 2.1 section 7.12.2).
pub async fn get(visit: Visit) -> Result<HttpResponse, PageError> {
    let (app, query) = (visit.app.clone(), visit.http.query_string());
    let network = visit.client_ip.network();
    app.limits.authorizations.take(&network, app.clock.ticks()).map_err(|wait: Seconds| {
        let words = words!("Too many sign-ins were started from here. Please wait a minute");
        visit.failed(ErrorCode::TemporarilyUnavailable.because(words)).with_retry(wait)
    })?;
    if query.len() > LONGEST_QUERY {
        return Err(
            visit.failed(ErrorCode::InvalidRequest.because(words!("the request is too long")))
        );
    }
    let parameters = Parameters::parse(query).map_err(|error| visit.failed(error))?;
    update_document(&visit, &parameters).await?;
    let offer = app.offer(visit.issuer());
    let asked = match app.storage.read(|conn| request::resolve(conn, &parameters, &offer)).await {
        Ok(asked) => asked,
        Err(Rejection::Redirect { to, error }) => return redirect(&visit, &to, error).await,
        Err(other) => return Err(visit.failed(other)),
    };
    let (lifetime, now) = (app.config.lifetimes.authorization_request, app.clock.now());
    let most = app.config.limits.pending_requests;
    let fresh_sign_in = asked.fresh_sign_in;
    let kept = app
        .storage
        .write(move |conn| Ok::<_, Error>(request::keep(conn, &asked, lifetime, most, now)?))
        .await;
    let secret = kept.map_err(|error| visit.failed(error))?;
    let id = secret.id();
    let signed_in = !fresh_sign_in && visit.visitor().await?.is_some();
    let next =
        if signed_in { format!("/consent?request={id}") } else { doorstep_url(Goal::Request(id)) };
    let mut response = see_other(&visit.here(&next));
    let tied = (TokenKind::AuthorizationRequest, secret);
    cookies::tie(visit.side, (&visit.http, &mut response), tied, lifetime);
    sighting::mark(&mut response, Stage::Asked, Subject::request(id));
    Ok(response)
}

/// Has the row of a client that is known by its document say what the document says, before anything
/// is decided by it. Whatever is wrong with a document, the page says the same: where it was looked
/// for is nobody's business.
async fn update_document(visit: &Visit, parameters: &Parameters) -> Result<(), PageError> {
    let url = parameters.get("client_id").map(str::parse::<ClientIdUrl>);
    let Some(Ok(url)) = url else { return Ok(()) };
    let settings = &visit.app.config.connecting;
    let check = |conn: &mut _| connecting::check_document(conn, &url, settings);
    visit.app.storage.read(check).await.map_err(|error| visit.failed(error))?;
    let undescribed = match described::bring_up_to_date(&visit.app, &url, visit.client_ip.0).await {
        Ok(()) => return Ok(()),
        Err(undescribed) => undescribed,
    };
    let refused = |words| visit.failed(ErrorCode::InvalidClient.because(words));
    Err(match undescribed {
        Undescribed::Off => refused(words!(
            "apps that are known by an address are not taken here. Add the app in another way"
        )),
        Undescribed::Busy(wait) => {
            let words = words!("Too many apps are being looked up just now. Please wait a moment");
            visit.failed(ErrorCode::TemporarilyUnavailable.because(words)).with_retry(wait)
        }
        Undescribed::Unpublished | Undescribed::Invalid(_) => {
            sighting::document_refused(&visit.http);
            refused(words!(
                "what this app publishes about itself cannot be used here. Try again in a while"
            ))
        }
        Undescribed::Failed(error) => visit.failed(error),
    })
}

async fn redirect(
    visit: &Visit,
    to: &VerifiedRedirect,
    error: OAuthError,
) -> Result<HttpResponse, PageError> {
    let href = to.with_error(&error, visit.issuer());
    if visit.visitor().await?.is_some() {
        let mut response = see_other(&href);
        Outcome::Refused(error.code).mark(&mut response);
        sighting::mark_cause(&mut response, &error);
        return Ok(response);
    }
    let place = to.destination().to_string();
    Err(visit.failed(error).with_back(Back { href, place }))
}
