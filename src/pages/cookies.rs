//! Two cookies: one for a signed-in browser, and one for each authorization request that it has
//! started, which ties the request to it. Several tabs are several requests.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponse};

use crate::clock::Seconds;
use crate::oauth::{Issuer, TokenKind, TokenSecret};

/// The most requests that one browser has under way; the oldest is forgotten.
const MOST_REQUESTS: usize = 16;

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

/// The cookie of the request with this id, if this browser has started it.
#[must_use]
pub fn request(issuer: &Issuer, request: &HttpRequest, id: &str) -> Option<TokenSecret> {
    let cookie = request.cookie(&request_name(issuer, id))?;
    let secret = TokenSecret::parse(TokenKind::AuthorizationRequest, cookie.value())?;
    (secret.id().to_string() == id).then_some(secret)
}

/// Ties a request to the browser that has started it.
pub fn set_request(
    issuer: &Issuer,
    (http, response): (&HttpRequest, &mut HttpResponse),
    secret: TokenSecret,
    age: Seconds,
) {
    let prefix = request_name(issuer, "");
    let held = http.cookies().map(|cookies| cookies.clone()).unwrap_or_default();
    let id = |cookie: &Cookie<'_>| cookie.name().strip_prefix(&prefix)?.parse::<i64>().ok();
    let mut held: Vec<i64> = held.iter().filter_map(id).collect();
    held.sort_unstable();
    let excess = (held.len() + 1).saturating_sub(MOST_REQUESTS);
    for id in held.iter().take(excess) {
        clear(issuer, response, request_name(issuer, &id.to_string()));
    }
    let name = request_name(issuer, &secret.id().to_string());
    set(response, &cookie(issuer, name, secret.reveal(), age));
}

fn request_name(issuer: &Issuer, id: &str) -> String {
    name(issuer, &format!("request-{id}"))
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
    use crate::oauth::TokenId;

    fn secret(id: i64) -> TokenSecret {
        TokenSecret::generate(TokenKind::AuthorizationRequest, TokenId(id))
    }

    fn set_cookies(issuer: &str, http: &HttpRequest) -> Vec<String> {
        let mut response = HttpResponse::Ok().finish();
        set_request(&issuer.parse().unwrap(), (http, &mut response), secret(99), Seconds(60));
        response.cookies().map(|cookie| cookie.to_string()).collect()
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
        assert!(request(&issuer, &http.to_http_request(), "2").is_none());
        let http =
            TestRequest::default().cookie(Cookie::new("mcp_oauthd_request-1", secret(1).reveal()));
        assert!(request(&issuer, &http.to_http_request(), "1").is_some());
    }
}
