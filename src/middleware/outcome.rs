//! What an answer says of its request: noted where an error becomes an answer, counted in one place.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

use super::issuer::aimed_at;
use crate::app::App;
use crate::metrics::Refused;
use crate::oauth::ErrorCode;

/// Why a request was not granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Theirs.
    Refused(ErrorCode),
    /// Ours.
    Failed,
}

impl Outcome {
    /// Notes it on the answer.
    pub fn mark(self, response: &mut HttpResponse) {
        response.extensions_mut().insert(self);
    }

    /// What was noted; none for a request that was granted.
    #[must_use]
    pub fn of<B>(response: &ServiceResponse<B>) -> Option<Self> {
        response.response().extensions().get().copied()
    }
}

/// Counts every refusal and failure.
///
/// # Errors
/// What the handler answers.
pub async fn count<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let response = next.call(request).await?;
    note(&response);
    Ok(response)
}

/// Counts it, if it is one: for a middleware that looks at the answer anyway.
pub fn note<B>(response: &ServiceResponse<B>) {
    let Some(outcome) = Outcome::of(response) else { return };
    let Some(app) = response.request().app_data::<web::Data<App>>() else { return };
    match outcome {
        Outcome::Failed => drop(app.metrics.failed.inc()),
        Outcome::Refused(code) => {
            let route = response.request().match_pattern().unwrap_or_default();
            let base = aimed_at(app, response.request().head()).path();
            let endpoint = route.strip_prefix(base).unwrap_or(&route);
            let endpoint = endpoint.trim_start_matches('/').to_owned();
            app.metrics.refused.get_or_create(&Refused { endpoint, error: code.as_str() }).inc();
        }
    }
}
