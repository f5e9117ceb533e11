//! Request bodies, bounded.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use super::error::EndpointError;
use crate::oauth::ErrorCode;

/// The whole body of a request, of `MCP_OAUTH_LIMIT_BODY` bytes at the most.
pub struct Body(pub web::Bytes);

impl FromRequest for Body {
    type Error = EndpointError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            body.await.map(Self).map_err(|error| {
                let too_large = error.as_response_error().status_code() == 413;
                let why =
                    if too_large { "the body is too large" } else { "the body is incomplete" };
                let refused = EndpointError::from(ErrorCode::InvalidRequest.because(why));
                if too_large { refused.too_large() } else { refused }
            })
        })
    }
}
