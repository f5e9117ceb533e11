//! Request bodies, bounded.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use super::error::EndpointError;
use crate::oauth::ErrorCode;
use crate::words;

/// How long a client may take to send a body, of 64 KiB by default. Heads have their own limit.
const PATIENCE: Duration = Duration::from_secs(10);

/// The whole body of a request, of `MCP_OAUTH_LIMIT_BODY` bytes at the most.
pub struct Body(pub web::Bytes);

impl FromRequest for Body {
    type Error = EndpointError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            let refuse =
                |why: &'static str| EndpointError::from(ErrorCode::InvalidRequest.because(why));
            match tokio::time::timeout(PATIENCE, body).await {
                Ok(Ok(body)) => Ok(Self(body)),
                Ok(Err(error)) if error.as_response_error().status_code() == 413 => {
                    Err(refuse(words!("the body is too large")).too_large())
                }
                Ok(Err(_)) => Err(refuse(words!("the body is incomplete"))),
                Err(_) => Err(refuse(words!("the body took too long"))),
            }
        })
    }
}
