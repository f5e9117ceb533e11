//! What every answer tells browsers.

use actix_web::middleware::DefaultHeaders;

/// For every answer that a browser may see. A page adds its own `Content-Security-Policy`,
/// which takes the place of this one: nothing that we answer is ever to be framed or run.
///
/// `Referrer-Policy: same-origin`, because `no-referrer` makes browsers send `Origin: null` with
/// our own forms (Fetch standard, "append a request `Origin` header").
#[must_use]
pub fn for_browsers(https: bool) -> DefaultHeaders {
    let headers = for_machines()
        .add(("X-Frame-Options", "DENY"))
        .add(("Referrer-Policy", "same-origin"))
        .add(("Cross-Origin-Opener-Policy", "same-origin"))
        .add(("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"));
    if https { headers.add(("Strict-Transport-Security", "max-age=31536000")) } else { headers }
}

/// For what MCP servers, reverse proxies and supervisors ask: each of the others would cost as much as a
/// part of the answer.
#[must_use]
pub fn for_machines() -> DefaultHeaders {
    DefaultHeaders::new().add(("X-Content-Type-Options", "nosniff"))
}
