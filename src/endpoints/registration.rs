//! `POST /register`: RFC 7591.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::body::Body;
use super::error::EndpointError;
use super::form::bearer;
use crate::app::{App, bounds};
use crate::attempts::Subject;
use crate::clients::connecting;
use crate::clients::initial_access;
use crate::clients::registration::{self, Newcomer, Registered};
use crate::clock::UnixTime;
use crate::config::Registration;
use crate::middleware::client_ip::ClientIp;
use crate::middleware::issuer::aimed_at;
use crate::middleware::sighting;
use crate::oauth::{ClientId, ClientMetadata, ErrorCode, Issuer, MachineSecret, OAuthError};
use crate::storage::attempts::Stage;
use crate::storage::clients::Client;

/// Client information: RFC 7591 section 3.2.1, RFC 7592 section 3. All metadata in force; secrets are
/// shown here and never again.
#[derive(Serialize)]
pub(super) struct ClientInformation {
    client_id: ClientId,
    client_id_issued_at: UnixTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// 0: never. REQUIRED if there is a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_expires_at: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_access_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_client_uri: Option<String>,
    #[serde(flatten)]
    metadata: ClientMetadata,
}

impl ClientInformation {
    /// Of a client, with the secret that it has just got, and the token that it has for itself.
    pub(super) fn new(
        issuer: &Issuer,
        client: Client,
        secret: Option<MachineSecret>,
        token: Option<String>,
    ) -> Self {
        let uri = || issuer.url(&format!("/register/{}", client.client_id));
        Self {
            registration_client_uri: token.is_some().then(uri),
            registration_access_token: token,
            client_id: client.client_id,
            client_id_issued_at: client.created_at,
            client_secret_expires_at: secret.as_ref().map(|_| 0),
            client_secret: secret.map(MachineSecret::reveal),
            metadata: client.metadata,
        }
    }
}

/// Registers a client.
///
/// # Errors
/// `invalid_redirect_uri`, `invalid_client_metadata`; `invalid_token` where a token is needed.
pub async fn post(
    app: web::Data<App>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, EndpointError> {
    let bounds = bounds(&app.config);
    let now = app.clock.now();
    let token = initial_token(&app, &request, now).await?;
    check_media_type(&request)?;
    let metadata = registration::metadata(&body.0, &bounds)?;
    connecting::check_registration(&metadata, &app.config.connecting)?;
    let newcomer = Newcomer { network: ClientIp::of(&request).network(), token };
    let sent = metadata.clone();
    let register =
        move |conn: &mut _| registration::register_itself(conn, &metadata, &newcomer, &bounds, now);
    let Registered { client, secret, registration_token } = app.storage.write(register).await?;
    app.metrics.registered.inc();
    let token = registration_token.map(MachineSecret::reveal);
    // In the client's own spelling: another installation may have registered another port.
    let client = Client { metadata: sent, ..client };
    let subject = Subject::client(&client.client_id);
    let issuer = aimed_at(&app, request.head());
    let information = ClientInformation::new(issuer, client, secret, token);
    let mut answer = HttpResponse::Created();
    let mut answer = answer.insert_header((CACHE_CONTROL, "no-store")).json(information);
    sighting::mark(&mut answer, Stage::Registered, subject);
    Ok(answer)
}

/// The token with which somebody registers who needs one. Looked at first: strangers are told nothing
/// else.
async fn initial_token(
    app: &App,
    request: &HttpRequest,
    now: UnixTime,
) -> Result<Option<String>, EndpointError> {
    if app.config.registration != Registration::Token {
        return Ok(None);
    }
    let token = bearer(request)?;
    app.storage.read(|conn| initial_access::find(conn, token, now)).await?;
    Ok(Some(token.to_owned()))
}

/// JSON only, so that no simple cross-site form can register (Fetch standard, "CORS-safelisted").
pub(super) fn check_media_type(request: &HttpRequest) -> Result<(), OAuthError> {
    let header = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = header.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(ErrorCode::InvalidClientMetadata.because("Content-Type must be application/json"))
    }
}
