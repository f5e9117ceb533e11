//! Cookies: one for a signed-in browser, and one for each authorization request that it has started
//! and each sign-in that it is in the middle of, which tie them to it. Several tabs are several
//! requests.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponse};

use crate::clock::Seconds;
use crate::oauth::{Issuer, TokenId, TokenKind, TokenSecret};

/// The most requests that one browser has under way, and the most sign-ins; the oldest is forgotten.
const MOST_TIED: usize = 16;

/// What the session cookie says, if it is there.
#[must_use]
pub fn session(issuer: &Issuer, request: &HttpRequest) -> Option<TokenSecret> {
    let cookie = request.cookie(&name(issuer, "session"))?;
    TokenSecret::parse(TokenKind::Session, cookie.value())
}

/// Signs the browser in.
pub fn set_session(
    issuer: &Issuer,
    response: &mut HttpResponse,
    secret: TokenSecret,
    age: Seconds,
) {
    set(response, &cookie(issuer, name(issuer, "session"), secret.reveal(), age));
}

/// Signs the browser out.
pub fn clear_session(issuer: &Issuer, response: &mut HttpResponse) {
    clear(issuer, response, name(issuer, "session"));
}

/// The cookie of a kind and with this id, if this browser has it.
#[must_use]
pub fn tied(
    issuer: &Issuer,
    request: &HttpRequest,
    kind: TokenKind,
    id: &str,
) -> Option<TokenSecret> {
    let cookie = request.cookie(&tied_name(issuer, kind, id))?;
    let secret = TokenSecret::parse(kind, cookie.value())?;
    (secret.id().to_string() == id).then_some(secret)
}

/// Ties a request, or a step of a sign-in, to the browser that has come to it.
pub fn tie(
    issuer: &Issuer,
    (http, response): (&HttpRequest, &mut HttpResponse),
    (kind, secret): (TokenKind, TokenSecret),
    age: Seconds,
) {
    let prefix = tied_name(issuer, kind, "");
    let held = http.cookies().map(|cookies| cookies.clone()).unwrap_or_default();
    let id = |cookie: &Cookie<'_>| cookie.name().strip_prefix(&prefix)?.parse::<i64>().ok();
    let mut held: Vec<i64> = held.iter().filter_map(id).collect();
    held.sort_unstable();
    let excess = (held.len() + 1).saturating_sub(MOST_TIED);
    for id in held.iter().take(excess) {
        clear(issuer, response, tied_name(issuer, kind, &id.to_string()));
    }
    let name = tied_name(issuer, kind, &secret.id().to_string());
    set(response, &cookie(issuer, name, secret.reveal(), age));
}

/// The request or the step is over.
pub fn untie(issuer: &Issuer, response: &mut HttpResponse, kind: TokenKind, id: TokenId) {
    clear(issuer, response, tied_name(issuer, kind, &id.to_string()));
}

/// Before anything is begun: what makes the forms of a sign-in ours. Nothing is kept of it here.
#[must_use]
pub fn doorstep(issuer: &Issuer, request: &HttpRequest) -> Option<TokenSecret> {
    let cookie = request.cookie(&name(issuer, "doorstep"))?;
    TokenSecret::parse(TokenKind::SignIn, cookie.value())
}

/// Gives the browser what makes forms ours.
pub fn set_doorstep(issuer: &Issuer, response: &mut HttpResponse, secret: TokenSecret) {
    const DAY: Seconds = Seconds(86_400);
    set(response, &cookie(issuer, name(issuer, "doorstep"), secret.reveal(), DAY));
}

fn tied_name(issuer: &Issuer, kind: TokenKind, id: &str) -> String {
    let what = if kind == TokenKind::SignIn { "sign-in" } else { "request" };
    name(issuer, &format!("{what}-{id}"))
}

/// `__Host-` holds a cookie to one host and to https (RFC 6265bis section 4.1.3.2), so it cannot be
/// had on a loopback http issuer. There all ports share the names (section 8.5), with whatever else
/// somebody develops on his machine, so ours say whose they are.
fn name(issuer: &Issuer, name: &str) -> String {
    if issuer.is_https() { format!("__Host-{name}") } else { format!("mcp_oauthd_{name}") }
}

/// Lax, not Strict: people come here by a link from the app.
fn cookie(issuer: &Issuer, name: String, value: String, age: Seconds) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .http_only(true)
        .secure(issuer.is_https())
        .same_site(SameSite::Lax)
        .max_age(Duration::seconds(age.0))
        .finish()
}

fn clear(issuer: &Issuer, response: &mut HttpResponse, name: String) {
    set(response, &cookie(issuer, name, String::new(), Seconds(0)));
}

fn set(response: &mut HttpResponse, cookie: &Cookie<'_>) {
    // Refused only for characters that our names and tokens do not have.
    let _set = response.add_cookie(cookie);
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn secret(id: i64) -> TokenSecret {
        TokenSecret::generate(TokenKind::AuthorizationRequest, TokenId(id))
    }

    fn set_cookies(issuer: &str, http: &HttpRequest) -> Vec<String> {
        let mut response = HttpResponse::Ok().finish();
        let kind = TokenKind::AuthorizationRequest;
        tie(&issuer.parse().unwrap(), (http, &mut response), (kind, secret(99)), Seconds(60));
        response.cookies().map(|cookie| cookie.to_string()).collect()
    }

    fn held(issuer: &Issuer, http: &HttpRequest, id: &str) -> Option<TokenSecret> {
        tied(issuer, http, TokenKind::AuthorizationRequest, id)
    }

    #[test]
    fn cookies_are_held_to_the_host_on_https() {
        let http = TestRequest::default().to_http_request();
        let cookies = set_cookies("https://h.example/as", &http);
        assert!(cookies[0].starts_with("__Host-request-99=mrq_"), "{cookies:?}");
        for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=60"] {
            assert!(cookies[0].contains(attribute), "{attribute}");
        }
        let cookies = set_cookies("http://127.0.0.1:8080", &http);
        assert!(cookies[0].starts_with("mcp_oauthd_request-99=mrq_"), "{cookies:?}");
        assert!(!cookies[0].contains("Secure"));
    }

    #[test]
    fn the_oldest_request_of_too_many_is_forgotten() {
        let mut http = TestRequest::default();
        for id in 1..=16 {
            http =
                http.cookie(Cookie::new(format!("mcp_oauthd_request-{id}"), secret(id).reveal()));
        }
        let cookies = set_cookies("http://127.0.0.1:8080", &http.to_http_request());
        assert_eq!(cookies.len(), 2, "{cookies:?}");
        assert!(cookies[0].starts_with("mcp_oauthd_request-1=;"), "{cookies:?}");
    }

    #[test]
    fn a_cookie_is_for_the_request_in_its_name() {
        let issuer: Issuer = "http://127.0.0.1:8080".parse().unwrap();
        let http =
            TestRequest::default().cookie(Cookie::new("mcp_oauthd_request-2", secret(1).reveal()));
        assert!(held(&issuer, &http.to_http_request(), "2").is_none());
        let http =
            TestRequest::default().cookie(Cookie::new("mcp_oauthd_request-1", secret(1).reveal()));
        assert!(held(&issuer, &http.to_http_request(), "1").is_some());
    }
}
