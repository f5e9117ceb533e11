//! `POST /token`: RFC 6749 section 3.2.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};

use super::error::EndpointError;
use super::form::{Form, credentials};
use crate::app::App;
use crate::clients::Presented;
use crate::error::Error;
use crate::grant_types::authorization_code::{self, Redemption};
use crate::grant_types::refresh_token::{self, Rotation};
use crate::grant_types::{Terms, TokenResponse};
use crate::metrics::Issued;
use crate::middleware::client_ip::ClientIp;
use crate::middleware::sighting;
use crate::oauth::{ErrorCode, OAuthError, Parameters};
use crate::storage::DbConnection;

/// What is asked for, by `grant_type`.
enum Request {
    AuthorizationCode(authorization_code::Request),
    RefreshToken(refresh_token::Request),
}

impl Request {
    fn from_parameters(form: &Parameters) -> Result<Self, OAuthError> {
        match form.require("grant_type")? {
            "authorization_code" => {
                authorization_code::Request::from_parameters(form).map(Self::AuthorizationCode)
            }
            "refresh_token" => {
                refresh_token::Request::from_parameters(form).map(Self::RefreshToken)
            }
            _ => Err(ErrorCode::UnsupportedGrantType.because("grant_type is not supported")),
        }
    }
}

/// What became of it. A replay is committed, and then refused.
enum Outcome {
    AuthorizationCode(Redemption),
    RefreshToken(Rotation),
}

/// Issues tokens.
///
/// # Errors
/// RFC 6749 section 5.2, RFC 8707 section 2.
pub async fn post(
    app: web::Data<App>,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, EndpointError> {
    sighting::presented(&request, &form.0);
    let response = exchange(&app, &request, &form.0).await?;
    sighting::issued(&request, response.refresh_id());
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(("Pragma", "no-cache"))
        .json(response))
}

async fn exchange(
    app: &web::Data<App>,
    http: &HttpRequest,
    form: &Parameters,
) -> Result<TokenResponse, EndpointError> {
    let presented = credentials(http, form, false)?;
    let via_basic = presented.via_basic();
    let after_basic = |error: Error| EndpointError::from(error).after_basic(via_basic);
    let request = match Request::from_parameters(form) {
        Ok(request) => request,
        Err(refused) => {
            // Who asks is settled first, so that a stranger is told nothing else.
            app.storage.read(|conn| presented.client(conn)).await.map_err(after_basic)?;
            return Err(refused.into());
        }
    };
    let terms = app.terms(ClientIp::of(http).0);
    let decide = move |conn: &mut _| decide(conn, &presented, &request, &terms);
    answer(app, app.storage.write(decide).await.map_err(after_basic)?)
}

fn decide(
    conn: &mut DbConnection,
    presented: &Presented,
    request: &Request,
    terms: &Terms,
) -> Result<Outcome, Error> {
    let client = presented.client(conn)?;
    match request {
        Request::AuthorizationCode(request) => {
            authorization_code::exchange(conn, &client, request, terms)
                .map(Outcome::AuthorizationCode)
        }
        Request::RefreshToken(request) => {
            refresh_token::exchange(conn, &client, request, terms).map(Outcome::RefreshToken)
        }
    }
}

fn answer(app: &App, outcome: Outcome) -> Result<TokenResponse, EndpointError> {
    let (grant_type, response) = match outcome {
        Outcome::AuthorizationCode(redemption) => {
            ("authorization_code", redemption.into_response())
        }
        Outcome::RefreshToken(rotation) => {
            if matches!(rotation, Rotation::Replayed) {
                app.metrics.replayed.inc();
            }
            ("refresh_token", rotation.into_response())
        }
    };
    let response = response?;
    app.metrics.issued.get_or_create(&Issued { grant_type }).inc();
    Ok(response)
}
