//! `/register/{client_id}`: RFC 7592. The `registration_client_uri` of a client, for the holder of its
//! registration access token.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};

use super::body::Body;
use super::error::EndpointError;
use super::form::bearer;
use super::registration::{ClientInformation, check_media_type};
use crate::app::{App, bounds};
use crate::clients::configuration::{self, Replacement};
use crate::clients::connecting;
use crate::error::Error;
use crate::middleware::client_ip::ClientIp;
use crate::middleware::issuer::aimed_at;
use crate::oauth::{Issuer, MachineSecret};
use crate::storage::clients::Client;

/// The registration as it is in force, but for the secret, of which only the hash is kept: RFC 7592
/// section 2.1.
///
/// # Errors
/// `invalid_token`.
pub async fn get(app: web::Data<App>, request: HttpRequest) -> Result<HttpResponse, EndpointError> {
    let (id, token) = (client_id(&request), bearer(&request)?);
    let registrant = app.storage.read(|conn| configuration::authenticate(conn, id, token)).await?;
    Ok(information(
        aimed_at(&app, request.head()),
        token.to_owned(),
        registrant.into_client(),
        None,
    ))
}

/// Replaces the registration: RFC 7592 section 2.2.
///
/// # Errors
/// `invalid_token`, and what a registration is refused for.
pub async fn put(
    app: web::Data<App>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, EndpointError> {
    let id = client_id(&request).to_owned();
    let token = bearer(&request)?.to_owned();
    app.storage.read(|conn| configuration::authenticate(conn, &id, &token)).await?;
    check_media_type(&request)?;
    let wanted = Replacement::read(&body.0, &bounds(&app.config))?;
    connecting::check_registration(wanted.metadata(), &app.config.connecting)?;
    let (now, network) = (app.clock.now(), ClientIp::of(&request).network());
    let shown = token.clone();
    let replace = move |conn: &mut _| {
        let registrant = configuration::authenticate(conn, &id, &shown)?;
        configuration::replace(conn, registrant, &wanted, network, now)
    };
    let (client, secret) = app.storage.write(replace).await?;
    Ok(information(aimed_at(&app, request.head()), token, client, secret))
}

/// Ends the registration, and all that was had by it: RFC 7592 section 2.3.
///
/// # Errors
/// `invalid_token`.
pub async fn delete(
    app: web::Data<App>,
    request: HttpRequest,
) -> Result<HttpResponse, EndpointError> {
    let id = client_id(&request).to_owned();
    let token = bearer(&request)?.to_owned();
    let (now, network) = (app.clock.now(), ClientIp::of(&request).network());
    let end = move |conn: &mut _| {
        let registrant = configuration::authenticate(conn, &id, &token)?;
        Ok::<_, Error>(configuration::deregister(conn, &registrant, network, now)?)
    };
    // Somebody who hangs up early wants it no less.
    app.storage.write_to_the_end(end).await?;
    Ok(HttpResponse::NoContent().insert_header((CACHE_CONTROL, "no-store")).finish())
}

/// As it stands in the path: one of ours has nothing to decode.
fn client_id(request: &HttpRequest) -> &str {
    request.match_info().query("client_id")
}

/// RFC 7592 section 3: with the token again, which stays the same.
fn information(
    issuer: &Issuer,
    token: String,
    client: Client,
    secret: Option<MachineSecret>,
) -> HttpResponse {
    let information = ClientInformation::new(issuer, client, secret, Some(token));
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(information)
}
