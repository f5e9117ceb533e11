//! The body of a token request: RFC 6749 sections 3.2, 4.1.3 and 6, RFC 7636, RFC 8707.

use actix_web::FromRequest as _;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::test::TestRequest;
use mcp_oauthd::clients::AuthenticatedClient;
use mcp_oauthd::clock::{Seconds, UnixTime};
use mcp_oauthd::endpoints::form::{Form, credentials};
use mcp_oauthd::error::Error;
use mcp_oauthd::grant_types::{Terms, authorization_code, refresh_token};
use mcp_oauthd::oauth::ErrorCode::{InvalidClient, InvalidGrant, InvalidRequest, InvalidTarget};
use mcp_oauthd::oauth::{ErrorCode, Parameters, TokenKind, TokenSecret};

use super::world::{self, World};
use super::{form, refusal};

const TERMS: Terms = Terms {
    now: UnixTime(1_800_000_000),
    access_token_lifetime: Seconds(3600),
    refresh_token_lifetime: Seconds(2_592_000),
    grant_lifetime: Seconds(31_536_000),
    refresh_grace: Seconds(120),
    address: None,
};

pub(crate) fn check(input: &[u8]) {
    world::with(|world| ask(world, input));
}

fn ask(world: &World, body: &[u8]) {
    let media_type = (CONTENT_TYPE, "application/x-www-form-urlencoded;charset=UTF-8");
    let request = TestRequest::post().insert_header(media_type).set_payload(body.to_vec());
    let (request, mut payload) = request.to_http_parts();
    let parameters = match world.wait(Form::from_request(&request, &mut payload)) {
        Ok(Form(parameters)) => parameters,
        Err(error) => return may_be_said(&error.into_parts().0, &[InvalidRequest]),
    };
    form::means_what_it_says(str::from_utf8(body).unwrap(), &parameters);
    one_kind_never_passes_for_another(&parameters);
    match credentials(&request, &parameters, false) {
        Ok(presented) => {
            assert_eq!(format!("{presented:?}"), "Presented { via_basic: false, .. }");
            match world.read(|conn| presented.client(conn)) {
                Ok(client) => {
                    assert_eq!(parameters.get("client_id"), Some(client.id().as_str()));
                    decides(world, &client, &parameters);
                }
                Err(error) => may_be_said(&error, &[InvalidClient]),
            }
        }
        Err(error) => may_be_said(&error.into_parts().0, &[InvalidClient]),
    }
}

/// What nobody has issued is good for nothing, and the answer says so in the standard's words.
fn decides(world: &World, client: &AuthenticatedClient, form: &Parameters) {
    let codes = [InvalidRequest, InvalidGrant, InvalidTarget];
    match authorization_code::Request::from_parameters(form) {
        Ok(request) => {
            tells_no_secret(&format!("{request:?}"), form, &["code", "code_verifier"]);
            let refused = world
                .read(|conn| authorization_code::exchange(conn, client, &request, &TERMS))
                .err();
            may_be_said(&refused.unwrap(), &[InvalidGrant]);
        }
        Err(error) => refusal::may_be_said(&error, &codes),
    }
    match refresh_token::Request::from_parameters(form) {
        Ok(request) => {
            tells_no_secret(&format!("{request:?}"), form, &["refresh_token"]);
            let refused =
                world.read(|conn| refresh_token::exchange(conn, client, &request, &TERMS)).err();
            may_be_said(&refused.unwrap(), &[InvalidGrant]);
        }
        Err(error) => refusal::may_be_said(&error, &codes),
    }
}

/// Not even for debugging; unless the client itself has put it where it does not belong.
fn tells_no_secret(shown: &str, form: &Parameters, secrets: &[&str]) {
    for secret in secrets.iter().filter_map(|name| form.get(name)) {
        let open = ["redirect_uri", "resource", "scope"];
        let mut open = open.into_iter().flat_map(|name| form.all(name));
        assert!(open.any(|open| open.contains(secret)) || !shown.contains(secret), "{shown}");
    }
}

/// What is read as a token has exactly one spelling, and one use.
fn one_kind_never_passes_for_another(form: &Parameters) {
    const KINDS: [TokenKind; 8] = [
        TokenKind::Access,
        TokenKind::Refresh,
        TokenKind::Code,
        TokenKind::Session,
        TokenKind::AuthorizationRequest,
        TokenKind::OneTimeLink,
        TokenKind::SignIn,
        TokenKind::InitialAccess,
    ];
    for text in ["code", "refresh_token"].into_iter().filter_map(|name| form.get(name)) {
        let read = KINDS.into_iter().filter_map(|kind| TokenSecret::parse(kind, text));
        let read: Vec<_> = read.map(TokenSecret::reveal).collect();
        assert!(read.len() <= 1, "{text}");
        assert!(read.iter().all(|revealed| revealed == text));
    }
}

fn may_be_said(error: &Error, codes: &[ErrorCode]) {
    match error {
        Error::Refused(error) => refusal::may_be_said(error, codes),
        Error::Failed(error) => panic!("{error}"),
    }
}
