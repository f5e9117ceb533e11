//! Dynamic client registration: RFC 7591. Kind to what real clients send, strict where it is
//! dangerous. No URL in the metadata is ever fetched.

mod fingerprint;
mod new_client;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::oauth::{
    ClientAuthMethod, ClientMetadata, ErrorCode, GrantType, OAuthError, RedirectUri, Scope,
    display_name,
};

pub use fingerprint::fingerprint;
pub use new_client::{Newcomer, Registered, register, register_itself};

/// How much a stranger may make us keep.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The most redirect URIs of one client.
    pub redirect_uris: usize,
    /// The longest string, in bytes.
    pub string: usize,
    /// The most registered clients that nobody has used yet; the oldest of the network that has most
    /// of them makes room.
    pub unused_clients: i64,
}

/// What the client sent: RFC 7591 section 2. Unknown members are ignored, null is absent, and a known
/// one that is given twice could be read in two ways.
#[derive(Deserialize)]
pub(super) struct Request {
    redirect_uris: Option<Vec<String>>,
    pub(super) token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    client_name: Option<String>,
    client_uri: Option<String>,
    logo_uri: Option<String>,
    tos_uri: Option<String>,
    policy_uri: Option<String>,
    contacts: Option<Vec<String>>,
    scope: Option<String>,
    application_type: Option<String>,
    software_id: Option<String>,
    software_version: Option<String>,
}

/// Reads a registration request as the metadata that will be in force.
///
/// # Errors
/// `invalid_redirect_uri` or `invalid_client_metadata`, with the cause: RFC 7591 section 3.2.2.
pub fn metadata(body: &[u8], bounds: &Bounds) -> Result<ClientMetadata, OAuthError> {
    let request = object(body);
    in_force(request.ok_or(invalid("the body is not a JSON object of client metadata"))?, bounds)
}

/// The members of a JSON object, all of it UTF-8 (RFC 8259 section 8.1). Those of an array would be
/// taken for them, in their order.
pub(super) fn object<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    let text = str::from_utf8(body).ok()?;
    let object = text.trim_ascii_start().starts_with('{').then_some(text)?;
    serde_json::from_str(object).ok()
}

/// The metadata that comes of what was sent.
///
/// # Errors
/// As [`metadata`].
pub(super) fn in_force(request: Request, bounds: &Bounds) -> Result<ClientMetadata, OAuthError> {
    let list = request.contacts.iter().flatten().map(String::len);
    if request.contacts.as_ref().is_some_and(|contacts| contacts.len() > bounds.redirect_uris)
        || list.clone().any(|length| length > bounds.string)
    {
        return Err(invalid("there are too many contacts"));
    }
    let text = |value: Option<String>| bounded(value, bounds);
    let page = |value: Option<String>| web_page(bounded(value, bounds)?);
    Ok(ClientMetadata {
        redirect_uris: redirect_uris(request.redirect_uris, bounds)?,
        token_endpoint_auth_method: auth_method(request.token_endpoint_auth_method.as_deref())?,
        grant_types: grant_types(request.grant_types)?,
        response_types: response_types(request.response_types.as_deref())?,
        client_name: text(request.client_name)?.and_then(|name| display_name(&name)),
        client_uri: page(request.client_uri)?,
        logo_uri: page(request.logo_uri)?,
        tos_uri: page(request.tos_uri)?,
        policy_uri: page(request.policy_uri)?,
        contacts: request.contacts,
        scope: Scope::requested(&text(request.scope)?.unwrap_or_default()),
        application_type: text(request.application_type)?,
        software_id: text(request.software_id)?,
        software_version: text(request.software_version)?,
    })
}

fn redirect_uris(
    given: Option<Vec<String>>,
    bounds: &Bounds,
) -> Result<Vec<RedirectUri>, OAuthError> {
    let refuse = |why: &'static str| ErrorCode::InvalidRedirectUri.because(why);
    let given = given.unwrap_or_default();
    if given.is_empty() {
        return Err(refuse("redirect_uris is missing"));
    }
    if given.len() > bounds.redirect_uris || given.iter().any(|uri| uri.len() > bounds.string) {
        return Err(refuse("redirect_uris is too long"));
    }
    given.into_iter().map(|uri| uri.parse().map_err(refuse)).collect()
}

/// Without one, "the default is `client_secret_basic`": RFC 7591 section 2.
fn auth_method(given: Option<&str>) -> Result<ClientAuthMethod, OAuthError> {
    match given {
        Some("none") => Ok(ClientAuthMethod::None),
        Some("client_secret_post") => Ok(ClientAuthMethod::ClientSecretPost),
        Some("client_secret_basic") | None => Ok(ClientAuthMethod::ClientSecretBasic),
        Some(_) => Err(invalid("token_endpoint_auth_method is not supported")),
    }
}

/// What is not offered is left out; clients list grants of other servers too. Without a list the
/// client gets both: whoever forgets `refresh_token` still wants to stay connected.
fn grant_types(given: Option<Vec<String>>) -> Result<Vec<GrantType>, OAuthError> {
    let both = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
    let Some(given) = given.filter(|given| !given.is_empty()) else { return Ok(both) };
    let asked = |name: &str| given.iter().any(|grant| grant == name);
    if !asked("authorization_code") {
        return Err(invalid("grant_types must contain authorization_code"));
    }
    Ok(if asked("refresh_token") { both } else { vec![GrantType::AuthorizationCode] })
}

fn response_types(given: Option<&[String]>) -> Result<Vec<String>, OAuthError> {
    match given {
        Some(given) if !given.is_empty() && !given.iter().any(|given| given == "code") => {
            Err(invalid("response_types must contain code"))
        }
        _ => Ok(vec!["code".to_owned()]),
    }
}

fn bounded(value: Option<String>, bounds: &Bounds) -> Result<Option<String>, OAuthError> {
    match value {
        Some(text) if text.len() > bounds.string => Err(invalid("a value is too long")),
        Some(text) if text.is_empty() => Ok(None),
        value => Ok(value),
    }
}

/// A link that may be shown: nothing that a browser would run.
fn web_page(value: Option<String>) -> Result<Option<String>, OAuthError> {
    let Some(text) = value else { return Ok(None) };
    let is_web = url::Url::parse(&text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    // The parser leaves line breaks out, and the text is kept.
    if is_web && !text.contains(char::is_control) {
        Ok(Some(text))
    } else {
        Err(invalid("a URI is not an http or https URL"))
    }
}

fn invalid(description: &'static str) -> OAuthError {
    ErrorCode::InvalidClientMetadata.because(description)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { redirect_uris: 3, string: 100, unused_clients: 10 };

    fn read(members: &str) -> Result<ClientMetadata, OAuthError> {
        let body = format!(r#"{{"redirect_uris":["https://h.example/cb"]{members}}}"#);
        metadata(body.as_bytes(), &BOUNDS)
    }

    #[test]
    fn oddities_of_real_clients_are_accepted() {
        for members in [
            "",
            r#","scope":"""#,
            r#","scope":null,"client_uri":null"#,
            r#","grant_types":["authorization_code","refresh_token","urn:ietf:params:oauth:grant-type:device_code"]"#,
            r#","application_type":"web","software_id":"x","jwks":{"keys":[]},"x_unknown":[1]"#,
            r#","response_types":["code","none"],"grant_types":[]"#,
        ] {
            read(members).unwrap_or_else(|error| panic!("{members}: {error}"));
        }
    }

    #[test]
    fn unknown_grants_are_narrowed_and_the_defaults_are_said() {
        let metadata = read(r#","grant_types":["authorization_code","implicit"]"#).unwrap();
        assert_eq!(metadata.grant_types, [GrantType::AuthorizationCode]);
        assert_eq!(metadata.token_endpoint_auth_method, ClientAuthMethod::ClientSecretBasic);
        assert_eq!(metadata.response_types, ["code"]);
    }

    #[test]
    fn what_is_dangerous_or_unusable_is_refused() {
        for members in [
            r#","client_uri":"javascript:alert(1)""#,
            r#","logo_uri":"data:image/png,x""#,
            r#","tos_uri":"https://h.example/\n""#,
            r#","grant_types":["client_credentials"]"#,
            r#","response_types":["token"]"#,
            r#","token_endpoint_auth_method":"private_key_jwt""#,
            r#","client_name":7"#,
            r#","contacts":["a","b","c","d"]"#,
        ] {
            let error = read(members).expect_err(members);
            assert_eq!(error.code, ErrorCode::InvalidClientMetadata, "{members}");
        }
    }

    #[test]
    fn redirect_uris_have_their_own_error() {
        for uris in [
            "[]",
            r#"["javascript:alert(1)"]"#,
            r#"["https://a.example/","https://b.example/","https://c.example/","https://d.example/"]"#,
        ] {
            let body = format!(r#"{{"redirect_uris":{uris}}}"#);
            let error = metadata(body.as_bytes(), &BOUNDS).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidRedirectUri, "{uris}");
        }
    }

    #[test]
    fn garbage_is_no_metadata() {
        for body in ["", "[]", "null", "{", "\u{0}", &"[".repeat(100_000)] {
            assert!(metadata(body.as_bytes(), &BOUNDS).is_err());
        }
        let ignored = b"{\"redirect_uris\":[\"https://h.example/cb\"],\"x\":\"\xff\"}";
        assert!(metadata(b"\xff{}", &BOUNDS).is_err() && metadata(ignored, &BOUNDS).is_err());
        let members = r#"[["https://h.example/cb"],"none",null,null,null,null,null,null,null,null,null,null,null,null]"#;
        let error = metadata(members.as_bytes(), &BOUNDS).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidClientMetadata);
    }
}
