//! Forms of our own pages: whether a browser has sent one from where it was shown.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::ORIGIN;
use actix_web::{FromRequest, HttpRequest};

use super::visit::Visit;
use crate::endpoints::form::Form;
use crate::oauth::ErrorCode;
use crate::words;

/// A form that was sent from one of our own pages.
pub struct PageForm(Form);

impl PageForm {
    /// A field, empty if it is absent.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.0.0.get(name).unwrap_or_default()
    }
}

impl FromRequest for PageForm {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let visit = Visit::from_request(request, &mut Payload::None).into_inner();
        let form = Form::from_request(request, payload);
        Box::pin(async move {
            let visit = visit?;
            if !visit.side.is_known(&visit.app.config, &visit.http) {
                let why = words!(
                    "These pages are not known by this address. If it is yours, let whoever runs \
                     this server add its name to MCP_OAUTH_INTERNAL_NAMES"
                );
                return Err(visit.failed(ErrorCode::AccessDenied.because(why)).into());
            }
            if !is_same_origin(&visit) {
                return Err(visit.stale_form().into());
            }
            form.await.map(Self).map_err(|error| {
                let (error, status) = error.into_parts();
                visit.failed(error).with_status(status).into()
            })
        })
    }
}

/// Browsers say from where a form was sent. What neither header says is left to the token in it.
fn is_same_origin(visit: &Visit) -> bool {
    let header = |name: &str| visit.http.headers().get(name).map(|value| value.to_str().ok());
    let ours = |origin: Option<&str>| {
        origin.is_some_and(|origin| visit.side.is_own(origin, visit.issuer(), &visit.http))
    };
    let direct = |site| matches!(site, Some("same-origin" | "none"));
    header(ORIGIN.as_str()).is_none_or(ours) && header("sec-fetch-site").is_none_or(direct)
}
