//! A client's metadata document: Client ID Metadata Document draft -01, section 4. No URL in it is
//! ever fetched, and no logo shown.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::registration::{self, Bounds};
use crate::oauth::{ClientIdUrl, ClientMetadata, ErrorCode, OAuthError};

/// What makes a document one of this client, beside the metadata of RFC 7591. Null is absent.
#[derive(Deserialize)]
struct Document {
    client_id: Option<String>,
    client_name: Option<String>,
    client_secret: Option<IgnoredAny>,
    client_secret_expires_at: Option<IgnoredAny>,
    token_endpoint_auth_method: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// Reads the document that stands at `url` as the metadata that will be in force. What it lists
/// beyond what is offered here (grants of other servers, stronger authentication) is left out.
///
/// # Errors
/// `invalid_client_metadata` or `invalid_redirect_uri`, with the cause, which is for the operator.
pub fn read(url: &ClientIdUrl, body: &[u8], bounds: &Bounds) -> Result<ClientMetadata, OAuthError> {
    let malformed = || invalid("the document is not a JSON object of client metadata");
    let document: Document = registration::object(body).ok_or_else(malformed)?;
    // "Simple string comparison": section 4.1.
    if document.client_id.as_deref() != Some(url.as_str()) {
        return Err(invalid("client_id in the document is not its address"));
    }
    // Section 4.1: nobody can keep a secret that is published.
    if document.client_secret.is_some() || document.client_secret_expires_at.is_some() {
        return Err(invalid("the document has a client_secret"));
    }
    check_auth_method(&document)?;
    let mut request: registration::Request = registration::object(body).ok_or_else(malformed)?;
    request.token_endpoint_auth_method = Some("none".to_owned());
    let metadata = registration::in_force(request, bounds)?;
    // MCP 2025-11-25, "Client ID Metadata Documents": a required field, beside `redirect_uris`.
    if document.client_name.is_none() || metadata.client_name.is_none() {
        return Err(invalid("client_name is missing in the document"));
    }
    Ok(metadata)
}

/// `none` is what we take. A document that says nothing can mean nothing else: the default of RFC
/// 7591 is a shared secret, which section 4.1 forbids. One that prefers a key and lists `none` as
/// well is content with it.
fn check_auth_method(document: &Document) -> Result<(), OAuthError> {
    let method = document.token_endpoint_auth_method.as_deref().unwrap_or("none");
    if method.starts_with("client_secret_") {
        return Err(invalid("token_endpoint_auth_method in the document needs a shared secret"));
    }
    let mut others = document.token_endpoint_auth_methods_supported.iter().flatten();
    if method == "none" || others.any(|method| method == "none") {
        return Ok(());
    }
    Err(invalid("the document allows only client authentication that is not offered here"))
}

fn invalid(description: &'static str) -> OAuthError {
    ErrorCode::InvalidClientMetadata.because(description)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::{ClientAuthMethod, GrantType};

    const URL: &str = "https://h.example/client.json";
    const BOUNDS: Bounds = Bounds { redirect_uris: 3, string: 100, unused_clients: 10 };

    fn read_text(text: &str) -> Result<ClientMetadata, OAuthError> {
        read(&URL.parse().unwrap(), text.as_bytes(), &BOUNDS)
    }

    /// A document with these members beside its address.
    fn with(members: &str) -> Result<ClientMetadata, OAuthError> {
        read_text(&format!(r#"{{"client_id":"{URL}",{members}}}"#))
    }

    const MINIMAL: &str = r#""client_name":"A","redirect_uris":["https://h.example/cb"]"#;

    #[test]
    fn a_minimal_document_is_that_of_a_public_client_that_may_stay_connected() {
        let metadata = with(MINIMAL).unwrap();
        assert!(metadata.is_public());
        assert_eq!(metadata.grant_types, [GrantType::AuthorizationCode, GrantType::RefreshToken]);
    }

    #[test]
    fn none_is_negotiated_where_the_document_allows_it() {
        for members in [
            r#""token_endpoint_auth_method":"none""#,
            r#""token_endpoint_auth_method":null"#,
            r#""token_endpoint_auth_method":"private_key_jwt","token_endpoint_auth_methods_supported":["none","private_key_jwt"],"jwks_uri":"https://h.example/jwks""#,
            r#""token_endpoint_auth_method":"none","token_endpoint_auth_methods_supported":["private_key_jwt"]"#,
        ] {
            let metadata = with(&format!("{MINIMAL},{members}")).expect(members);
            assert_eq!(metadata.token_endpoint_auth_method, ClientAuthMethod::None, "{members}");
        }
    }

    #[test]
    fn what_is_more_than_offered_is_left_out() {
        let more = r#""grant_types":["authorization_code","urn:ietf:params:oauth:grant-type:jwt-bearer","urn:ietf:params:oauth:grant-type:device_code"],"response_types":["code","id_token"],"jwks":{"keys":[]},"x":[null]"#;
        let metadata = with(&format!("{MINIMAL},{more}")).unwrap();
        assert_eq!(metadata.grant_types, [GrantType::AuthorizationCode]);
        assert_eq!(metadata.response_types, ["code"]);
    }

    #[test]
    fn what_section_4_forbids_is_refused_with_its_cause() {
        for (members, cause) in [
            (r#""client_secret":"s""#, "client_secret"),
            (r#""client_secret_expires_at":0"#, "client_secret"),
            (r#""token_endpoint_auth_method":"client_secret_basic""#, "shared secret"),
            (r#""token_endpoint_auth_method":"client_secret_post""#, "shared secret"),
            (r#""token_endpoint_auth_method":"client_secret_jwt""#, "shared secret"),
            (
                r#""token_endpoint_auth_method":"client_secret_jwt","token_endpoint_auth_methods_supported":["none"]"#,
                "shared secret",
            ),
            (r#""token_endpoint_auth_method":"private_key_jwt""#, "not offered"),
            (
                r#""token_endpoint_auth_method":"tls_client_auth","token_endpoint_auth_methods_supported":["private_key_jwt"]"#,
                "not offered",
            ),
            (r#""grant_types":["client_credentials"]"#, "grant_types"),
            (r#""response_types":["token"]"#, "response_types"),
            (r#""logo_uri":"javascript:alert(1)""#, "http"),
        ] {
            let error = with(&format!("{MINIMAL},{members}")).expect_err(members);
            assert!(error.description.contains(cause), "{members}: {}", error.description);
        }
    }

    #[test]
    fn a_document_has_a_name_and_redirect_uris_that_may_be_used() {
        for members in [
            r#""redirect_uris":["https://h.example/cb"]"#,
            r#""client_name":"","redirect_uris":["https://h.example/cb"]"#,
            r#""client_name":"\u200b","redirect_uris":["https://h.example/cb"]"#,
            r#""client_name":7,"redirect_uris":["https://h.example/cb"]"#,
            r#""client_name":"A""#,
            r#""client_name":"A","redirect_uris":[]"#,
            r#""client_name":"A","redirect_uris":"https://h.example/cb""#,
            r#""client_name":"A","redirect_uris":["javascript:alert(1)"]"#,
            r#""client_name":"A","redirect_uris":["http://h.example/cb"]"#,
            r#""client_name":"A","redirect_uris":["https://h.example/*"]"#,
            r#""client_name":"A","redirect_uris":["https://a.example/","https://b.example/","https://c.example/","https://d.example/"]"#,
        ] {
            assert!(with(members).is_err(), "{members}");
        }
    }

    #[test]
    fn client_id_is_the_address_byte_for_byte() {
        for id in [
            "https://h.example/client.json/",
            "https://H.example/client.json",
            "https://h.example:443/client.json",
            "https://h.example/client.jso%6e",
            "https://other.example/client.json",
            "",
        ] {
            let text = format!(r#"{{"client_id":"{id}",{MINIMAL}}}"#);
            let error = read_text(&text).expect_err(id);
            assert!(error.description.contains("address"), "{}", error.description);
        }
        assert!(read_text(&format!("{{{MINIMAL}}}")).is_err());
        let id_twice = format!(r#""client_id":"https://other.example/",{MINIMAL}"#);
        let uris_twice = format!(r#"{MINIMAL},"redirect_uris":["https://i.example/cb"]"#);
        for twice in [id_twice, uris_twice] {
            assert!(with(&twice).is_err(), "two of them could be read in two ways: {twice}");
        }
    }

    #[test]
    fn garbage_is_no_document() {
        let deep = format!(r#"{{"client_id":"{URL}",{MINIMAL},"x":{}"#, "[".repeat(10_000));
        for text in ["", "null", "[]", "{", "<!doctype html>", "\u{feff}{}", &deep] {
            assert!(read_text(text).is_err());
        }
        assert!(read(&URL.parse().unwrap(), b"\xff\xfe{}", &BOUNDS).is_err());
    }
}
