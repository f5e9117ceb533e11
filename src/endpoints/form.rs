//! `application/x-www-form-urlencoded` bodies, read strictly: RFC 6749 section 3.2 and appendix B.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use actix_web::{FromRequest, HttpRequest};

use super::body::Body;
use super::error::EndpointError;
use crate::clients::Presented;
use crate::oauth::{ErrorCode, OAuthError, Parameters};
use crate::words;

/// The parameters of a body. The query is never looked at.
pub struct Form(pub Parameters);

impl FromRequest for Form {
    type Error = EndpointError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = check_media_type(request);
        let body = Body::from_request(request, payload);
        Box::pin(async move {
            checked?;
            Ok(Self(parse(&body.await?.0)?))
        })
    }
}

/// The credentials of a request, in its header, its form, or (if `twice_is_fine`) both.
///
/// # Errors
/// `invalid_client` for none or malformed ones, `invalid_request` for contradicting ones.
pub fn credentials(
    request: &HttpRequest,
    form: &Parameters,
    twice_is_fine: bool,
) -> Result<Presented, EndpointError> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let header = headers.next().map(HeaderValue::to_str).transpose();
    if headers.next().is_some() {
        return Err(ErrorCode::InvalidRequest
            .because("there are two Authorization headers")
            .into());
    }
    let basic = !matches!(header, Ok(None));
    let malformed = ErrorCode::InvalidClient.because("the Authorization header is malformed");
    header
        .map_err(|_| malformed)
        .and_then(|header| Presented::from_request(header, form, twice_is_fine))
        .map_err(|error| EndpointError::from(error).after_basic(basic))
}

/// The token of an `Authorization` header (RFC 6750 section 2.1), if there is exactly one.
///
/// # Errors
/// [`EndpointError::no_token`].
pub fn bearer(request: &HttpRequest) -> Result<&str, EndpointError> {
    only_bearer(request).ok_or_else(EndpointError::no_token)
}

fn only_bearer(request: &HttpRequest) -> Option<&str> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let header = headers.next().filter(|_| headers.next().is_none())?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim_matches(' '))
}

fn parse(body: &[u8]) -> Result<Parameters, OAuthError> {
    let text = std::str::from_utf8(body);
    Parameters::parse(
        text.map_err(|_| ErrorCode::InvalidRequest.because(words!("the body is not UTF-8")))?,
    )
}

/// Compared exactly, its parameters (`charset`) left aside.
fn check_media_type(request: &HttpRequest) -> Result<(), OAuthError> {
    let header = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = header.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Ok(())
    } else {
        let why = words!("Content-Type must be application/x-www-form-urlencoded");
        Err(ErrorCode::InvalidRequest.because(why))
    }
}
