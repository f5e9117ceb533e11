//! A client's metadata document: Client ID Metadata Document draft -01, sections 3 and 4.

use mcp_oauthd::clients::metadata_document;
use mcp_oauthd::clients::registration as registrations;
use mcp_oauthd::oauth::ErrorCode::{InvalidClientMetadata, InvalidRedirectUri};
use mcp_oauthd::oauth::{ClientId, ClientIdUrl};
use serde_json::Value;
use url::Url;

use super::world::BOUNDS;
use super::{refusal, registration};

/// The first line is the address, the rest what stands there.
pub(crate) fn check(input: &[u8]) {
    let line = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (address, body) = (&input[..line], input.get(line + 1..).unwrap_or_default());
    let Ok(address) = str::from_utf8(address) else { return };
    let Ok(url) = address.parse::<ClientIdUrl>() else { return };
    is_an_address(address, &url);
    match metadata_document::read(&url, body, &BOUNDS) {
        Ok(metadata) => {
            assert!(metadata.is_public() && metadata.client_name.is_some());
            registration::is_sound(&metadata);
            says_so(&url, body);
            // Read as a registration it says the same, or is refused for its client authentication.
            match registrations::metadata(body, &BOUNDS) {
                Ok(registered) => {
                    let method = metadata.token_endpoint_auth_method;
                    let described = mcp_oauthd::oauth::ClientMetadata {
                        token_endpoint_auth_method: method,
                        ..registered
                    };
                    assert_eq!(described, metadata);
                }
                Err(error) => assert!(error.description.contains("auth_method"), "{error}"),
            }
        }
        Err(error) => refusal::may_be_said(&error, &[InvalidClientMetadata, InvalidRedirectUri]),
    }
}

/// Spelt as everybody would spell it, and a `client_id`.
fn is_an_address(text: &str, url: &ClientIdUrl) {
    assert_eq!(url.as_str(), text);
    let parsed = Url::parse(text).unwrap();
    assert_eq!((parsed.as_str(), parsed.scheme()), (text, "https"));
    assert!(parsed.query().is_none() && parsed.fragment().is_none(), "{text}");
    assert!(parsed.username().is_empty() && parsed.password().is_none(), "{text}");
    assert!(parsed.path().len() > 1, "{text}");
    let id: ClientId = text.parse().unwrap();
    assert_eq!(ClientId::from(url), id);
    assert_eq!(ClientIdUrl::of(&id).as_ref(), Some(url));
    assert!(text["https://".len()..].starts_with(&url.host()), "{text}");
}

/// That the document is this client's, and keeps no secret.
fn says_so(url: &ClientIdUrl, body: &[u8]) {
    assert!(str::from_utf8(body).is_ok());
    // Not everybody reads a number that is out of range, in a member that nobody looks at.
    let Ok(document) = serde_json::from_slice::<Value>(body) else { return };
    assert_eq!(document["client_id"], url.as_str());
    let absent = |name: &str| document.get(name).is_none_or(Value::is_null);
    assert!(absent("client_secret") && absent("client_secret_expires_at"));
}
