//! The query of an authorization request: RFC 6749 section 4.1.1, RFC 7636, RFC 8707, RFC 9207.

use mcp_oauthd::authorization::VerifiedRedirect;
use mcp_oauthd::authorization::request::{Rejection, resolve};
use mcp_oauthd::clients::registration;
use mcp_oauthd::oauth::ErrorCode::{
    ConsentRequired, InvalidClient, InvalidRequest, InvalidTarget, UnsupportedResponseType,
};
use mcp_oauthd::oauth::{ClientMetadata, OAuthError, Parameters, RedirectUri, Scope};
use mcp_oauthd::storage::authorization_requests::Asked;
use url::Url;

use super::world::{self, APP, BOUNDS, MACHINE, REDIRECT_URIS, RESOURCES};
use super::{form, redirect_uri, refusal};

pub(crate) fn check(input: &[u8]) {
    let Ok(query) = str::from_utf8(input) else { return };
    let parameters = match Parameters::parse(query) {
        Ok(parameters) => parameters,
        Err(error) => return refusal::may_be_said(&error, &[InvalidRequest]),
    };
    form::means_what_it_says(query, &parameters);
    let resolved = world::with(|world| world.read(|conn| resolve(conn, &parameters, &world.offer)));
    match resolved {
        Ok(asked) => is_what_was_asked(&asked, &parameters),
        Err(Rejection::ShowPage(error)) => {
            refusal::may_be_said(&error, &[InvalidClient, InvalidRequest]);
        }
        Err(Rejection::Redirect { to, error }) => goes_back(&to, &error, &parameters),
        Err(Rejection::Failed(error)) => panic!("{error}"),
    }
}

fn is_what_was_asked(asked: &Asked, parameters: &Parameters) {
    assert_eq!(parameters.get("response_type"), Some("code"));
    assert!(parameters.get("request").or(parameters.get("request_uri")).is_none());
    assert_eq!(parameters.get("client_id"), Some(asked.client_id.as_str()));
    assert!([APP, MACHINE].contains(&asked.client_id.as_str()));
    assert_eq!(parameters.get("state"), asked.state.as_deref());
    assert_eq!(parameters.get("redirect_uri"), Some(asked.redirect_uri.as_str()));
    assert!(client().allows(&asked.redirect_uri), "{asked:?}");
    redirect_uri::is_sound(&asked.redirect_uri);
    // RFC 7636 section 4.3: what is not S256 would be plain.
    assert_eq!(parameters.get("code_challenge_method"), Some("S256"));
    assert_eq!(parameters.get("code_challenge"), Some(asked.code_challenge.to_string().as_str()));
    assert_eq!(asked.scope.as_str().parse::<Scope>().as_ref(), Ok(&asked.scope));
    world::with(|world| assert!(world.offer.scopes.covers(&asked.scope), "{asked:?}"));
    assert!(!asked.scope.is_empty());
    assert!(RESOURCES.contains(&asked.resource.as_str()), "{asked:?}");
    let prompt = parameters.get("prompt").unwrap_or_default();
    assert_eq!(asked.fresh_sign_in, prompt.split(' ').any(|word| word == "login"));
}

/// To a redirect URI of the client, with the cause, the state as it came, and our name.
fn goes_back(to: &VerifiedRedirect, error: &OAuthError, parameters: &Parameters) {
    let codes = [InvalidRequest, InvalidTarget, UnsupportedResponseType, ConsentRequired];
    refusal::may_be_said(error, &codes);
    let requested: RedirectUri = parameters.get("redirect_uri").unwrap().parse().unwrap();
    assert!(client().allows(&requested), "{requested}");
    assert_eq!(to.destination(), requested.destination());
    let href = to.with_error(error, &world::issuer());
    // It becomes a header.
    assert!(href.bytes().all(|byte| byte.is_ascii_graphic()), "{href}");
    assert!(href.starts_with(requested.as_str()), "{href}");
    let mut expected =
        vec![("error", error.code.as_str()), ("error_description", &error.description)];
    expected.extend(parameters.get("state").map(|state| ("state", state)));
    let issuer = world::issuer();
    expected.push(("iss", issuer.as_str()));
    let url = Url::parse(&href).unwrap();
    let pairs: Vec<_> = url.query_pairs().collect();
    let answer = &pairs[pairs.len() - expected.len()..];
    let same = answer
        .iter()
        .zip(&expected)
        .all(|((name, value), (other, sent))| name == other && value == sent);
    assert!(same, "{href}");
}

/// Both have registered the same redirect URIs.
fn client() -> ClientMetadata {
    registration::metadata(format!("{{{REDIRECT_URIS}}}").as_bytes(), &BOUNDS).unwrap()
}
