//! What every answer tells browsers.

use actix_web::middleware::DefaultHeaders;

/// For every answer, of pages and of endpoints. A page adds its own `Content-Security-Policy`,
/// which takes the place of this one: nothing that we answer is ever to be framed or run.
///
/// `Referrer-Policy: same-origin`, because `no-referrer` makes browsers send `Origin: null` with
/// our own forms (Fetch standard, "append a request `Origin` header").
#[must_use]
pub fn security_headers(https: bool) -> DefaultHeaders {
    let headers = DefaultHeaders::new()
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("X-Frame-Options", "DENY"))
        .add(("Referrer-Policy", "same-origin"))
        .add(("Cross-Origin-Opener-Policy", "same-origin"))
        .add(("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"));
    if https { headers.add(("Strict-Transport-Security", "max-age=31536000")) } else { headers }
}
