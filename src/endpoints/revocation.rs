//! `POST /revoke`: RFC 7009. Public clients too, with their `client_id`.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};

use super::error::EndpointError;
use super::form::{Form, credentials};
use crate::app::App;
use crate::revocation::revoke_token;

/// Ends the grant behind a token. 200 for a token that nobody knows: it is as good as revoked.
///
/// # Errors
/// `invalid_client`, `invalid_request` without a token, `invalid_grant` for another client's.
pub async fn post(
    app: web::Data<App>,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, EndpointError> {
    let presented = credentials(&request, &form.0, false)?;
    let via_basic = presented.via_basic();
    let token = form.0.require("token")?.to_owned();
    let now = app.clock.now();
    let revoke = move |conn: &mut _| {
        let client = presented.client(conn)?;
        revoke_token(conn, &client, &token, now)
    };
    // Somebody who hangs up early wants it no less.
    let revoked = app.storage.write_to_the_end(revoke).await;
    revoked.map_err(|error| EndpointError::from(error).after_basic(via_basic))?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).finish())
}
