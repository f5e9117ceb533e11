//! One span for each request, with an id that the answer repeats. No query, no body, no header: a
//! log can be read by more people than a secret.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _};
use tracing::{Span, field, info, info_span};
use tracing_actix_web::{RequestId, RootSpanBuilder};

use super::client_ip::ClientIp;
use crate::oauth::OAuthError;
use crate::telemetry::in_request;

/// The fields of the span. The route's pattern stands for the path.
pub struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let id = request.extensions().get::<RequestId>().copied();
        info_span!(
            "request",
            http.method = %request.method(),
            http.route = request.match_pattern().as_deref().unwrap_or("unknown"),
            oauth.error = field::Empty,
            client.ip = %ClientIp::of(request.request()).0,
            request.id = id.map(field::display),
        )
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let status = match outcome {
            Ok(response) => response.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        // Not recorded in the span, whose text would be read and written anew.
        span.in_scope(|| info!(http.status = status.as_u16(), "answered"));
    }
}

/// Says in the request's line why it was refused.
pub fn note_refusal(refused: &OAuthError) {
    Span::current().record("oauth.error", field::display(refused));
}

/// `X-Request-Id` on every answer, so that a person can tell the operator which one it was; and the
/// same id in the record of what it has decided.
///
/// # Errors
/// What the handler answers.
pub async fn repeat_id(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let id = request.extensions().get::<RequestId>().map(ToString::to_string);
    let Some(id) = id else { return next.call(request).await };
    let mut response = in_request(&id, next.call(request)).await?;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
    }
    Ok(response)
}
