//! By whose name a request comes.

use actix_web::dev::RequestHead;
use actix_web::http::header::HOST;

use crate::app::App;
use crate::oauth::Issuer;

/// The issuer at which the request is aimed: the present one, or one from which the service has moved.
/// Forwarded headers are not asked.
#[must_use]
pub fn aimed_at<'a>(app: &'a App, request: &RequestHead) -> &'a Issuer {
    if app.former.is_empty() {
        return &app.config.issuer;
    }
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    app.issuer_at(host.unwrap_or_default(), request.uri.path())
}
