//! `POST /register`: RFC 7591.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::body::Body;
use super::error::EndpointError;
use crate::app::{App, bounds};
use crate::attempts::Subject;
use crate::clients::registration::{self, Registered};
use crate::clock::UnixTime;
use crate::error::Error;
use crate::middleware::sighting;
use crate::oauth::{ClientId, ClientMetadata, ErrorCode, MachineSecret, OAuthError};
use crate::storage::ClientOrigin;
use crate::storage::attempts::Stage;

/// RFC 7591 section 3.2.1: all metadata in force. The secret is shown here and never again.
#[derive(Serialize)]
struct Response {
    client_id: ClientId,
    client_id_issued_at: UnixTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// 0: never. REQUIRED if there is a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_expires_at: Option<u8>,
    #[serde(flatten)]
    metadata: ClientMetadata,
}

/// Registers a client.
///
/// # Errors
/// `invalid_redirect_uri`, `invalid_client_metadata`.
pub async fn post(
    app: web::Data<App>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, EndpointError> {
    let bounds = bounds(&app.config);
    check_media_type(&request)?;
    let metadata = registration::metadata(&body.0, &bounds)?;
    let now = app.clock.now();
    let origin = ClientOrigin::Registered;
    let registered: Result<Registered, Error> = app
        .storage
        .write(move |conn| Ok(registration::register(conn, &metadata, origin, &bounds, now)?))
        .await;
    let Registered { client, secret } = registered?;
    app.metrics.registered.inc();
    let subject = Subject::client(&client.client_id);
    let response = Response {
        client_id: client.client_id,
        client_id_issued_at: client.created_at,
        client_secret_expires_at: secret.as_ref().map(|_| 0),
        client_secret: secret.map(MachineSecret::reveal),
        metadata: client.metadata,
    };
    let mut answer = HttpResponse::Created();
    let mut answer = answer.insert_header((CACHE_CONTROL, "no-store")).json(response);
    sighting::mark(&mut answer, Stage::Registered, subject);
    Ok(answer)
}

/// JSON only, so that no simple cross-site form can register (Fetch standard, "CORS-safelisted").
fn check_media_type(request: &HttpRequest) -> Result<(), OAuthError> {
    let header = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = header.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(ErrorCode::InvalidClientMetadata.because("Content-Type must be application/json"))
    }
}
