//! Cookies: one for a signed-in browser, and one for each authorization request that it has started
//! and each sign-in that it is in the middle of, which tie them to it. Several tabs are several
//! requests.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponse};

use super::side::Side;
use crate::clock::Seconds;
use crate::oauth::{TokenId, TokenKind, TokenSecret};

/// The most requests that one browser has under way, and the most sign-ins; the oldest is forgotten.
const MOST_TIED: usize = 16;

/// What the session cookie says, if it is there.
#[must_use]
pub fn session(side: Side, request: &HttpRequest) -> Option<TokenSecret> {
    let cookie = request.cookie(&side.cookie_name("session"))?;
    TokenSecret::parse(TokenKind::Session, cookie.value())
}

/// Signs the browser in.
pub fn set_session(side: Side, response: &mut HttpResponse, secret: TokenSecret, age: Seconds) {
    set(response, &cookie(side, side.cookie_name("session"), secret.reveal(), age));
}

/// Signs the browser out.
pub fn clear_session(side: Side, response: &mut HttpResponse) {
    clear(side, response, side.cookie_name("session"));
}

/// The cookie of a kind and with this id, if this browser has it.
#[must_use]
pub fn tied(side: Side, request: &HttpRequest, kind: TokenKind, id: &str) -> Option<TokenSecret> {
    let cookie = request.cookie(&tied_name(side, kind, id))?;
    let secret = TokenSecret::parse(kind, cookie.value())?;
    (secret.id().to_string() == id).then_some(secret)
}

/// Ties a request, or a step of a sign-in, to the browser that has come to it.
pub fn tie(
    side: Side,
    (http, response): (&HttpRequest, &mut HttpResponse),
    (kind, secret): (TokenKind, TokenSecret),
    age: Seconds,
) {
    let prefix = tied_name(side, kind, "");
    let held = http.cookies().map(|cookies| cookies.clone()).unwrap_or_default();
    let id = |cookie: &Cookie<'_>| cookie.name().strip_prefix(&prefix)?.parse::<i64>().ok();
    let mut held: Vec<i64> = held.iter().filter_map(id).collect();
    held.sort_unstable();
    let excess = (held.len() + 1).saturating_sub(MOST_TIED);
    for id in held.iter().take(excess) {
        clear(side, response, tied_name(side, kind, &id.to_string()));
    }
    let name = tied_name(side, kind, &secret.id().to_string());
    set(response, &cookie(side, name, secret.reveal(), age));
}

/// The request or the step is over.
pub fn untie(side: Side, response: &mut HttpResponse, kind: TokenKind, id: TokenId) {
    clear(side, response, tied_name(side, kind, &id.to_string()));
}

/// Before anything is begun: what makes the forms of a sign-in ours. Nothing is kept of it here.
#[must_use]
pub fn doorstep(side: Side, request: &HttpRequest) -> Option<TokenSecret> {
    let cookie = request.cookie(&side.cookie_name("doorstep"))?;
    TokenSecret::parse(TokenKind::SignIn, cookie.value())
}

/// Gives the browser what makes forms ours.
pub fn set_doorstep(side: Side, response: &mut HttpResponse, secret: TokenSecret) {
    const DAY: Seconds = Seconds(86_400);
    set(response, &cookie(side, side.cookie_name("doorstep"), secret.reveal(), DAY));
}

fn tied_name(side: Side, kind: TokenKind, id: &str) -> String {
    let what = if kind == TokenKind::SignIn { "sign-in" } else { "request" };
    side.cookie_name(&format!("{what}-{id}"))
}

/// Lax, not Strict: people come here by a link from the app.
fn cookie(side: Side, name: String, value: String, age: Seconds) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .http_only(true)
        .secure(side.is_secure())
        .same_site(SameSite::Lax)
        .max_age(Duration::seconds(age.0))
        .finish()
}

fn clear(side: Side, response: &mut HttpResponse, name: String) {
    set(response, &cookie(side, name, String::new(), Seconds(0)));
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

    fn set_cookies(side: Side, http: &HttpRequest) -> Vec<String> {
        let mut response = HttpResponse::Ok().finish();
        let kind = TokenKind::AuthorizationRequest;
        tie(side, (http, &mut response), (kind, secret(99)), Seconds(60));
        response.cookies().map(|cookie| cookie.to_string()).collect()
    }

    fn held(side: Side, http: &HttpRequest, id: &str) -> Option<TokenSecret> {
        tied(side, http, TokenKind::AuthorizationRequest, id)
    }

    #[test]
    fn cookies_are_held_to_the_host_on_https() {
        let http = TestRequest::default().to_http_request();
        let cookies = set_cookies(Side::Public { https: true }, &http);
        assert!(cookies[0].starts_with("__Host-request-99=mrq_"), "{cookies:?}");
        for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=60"] {
            assert!(cookies[0].contains(attribute), "{attribute}");
        }
        let cookies = set_cookies(Side::Public { https: false }, &http);
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
        let cookies = set_cookies(Side::Public { https: false }, &http.to_http_request());
        assert_eq!(cookies.len(), 2, "{cookies:?}");
        assert!(cookies[0].starts_with("mcp_oauthd_request-1=;"), "{cookies:?}");
    }

    #[test]
    fn a_cookie_is_for_the_request_in_its_name() {
        let side = Side::Public { https: false };
        let http =
            TestRequest::default().cookie(Cookie::new("mcp_oauthd_request-2", secret(1).reveal()));
        assert!(held(side, &http.to_http_request(), "2").is_none());
        let http =
            TestRequest::default().cookie(Cookie::new("mcp_oauthd_request-1", secret(1).reveal()));
        assert!(held(side, &http.to_http_request(), "1").is_some());
    }
}
