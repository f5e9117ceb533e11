//! A registration request: RFC 7591 sections 2 and 3.1; an update: RFC 7592 section 2.2.

use mcp_oauthd::clients::configuration::Replacement;
use mcp_oauthd::clients::registration::{self, fingerprint};
use mcp_oauthd::oauth::ErrorCode::{InvalidClientMetadata, InvalidRedirectUri};
use mcp_oauthd::oauth::{ClientMetadata, GrantType, Scope, display_name};
use url::Url;

use super::world::BOUNDS;
use super::{redirect_uri, refusal};

pub(crate) fn check(input: &[u8]) {
    match registration::metadata(input, &BOUNDS) {
        Ok(metadata) => is_sound(&metadata),
        Err(error) => refusal::may_be_said(&error, &[InvalidClientMetadata, InvalidRedirectUri]),
    }
    match Replacement::read(input, &BOUNDS) {
        Ok(replacement) => {
            let registered = registration::metadata(input, &BOUNDS).unwrap();
            assert_eq!(*replacement.metadata(), registered);
        }
        Err(error) => refusal::may_be_said(&error, &[InvalidClientMetadata, InvalidRedirectUri]),
    }
}

/// What holds of all metadata that was accepted.
pub(crate) fn is_sound(metadata: &ClientMetadata) {
    let text = metadata.to_string();
    assert_eq!(text.parse::<ClientMetadata>().unwrap(), *metadata, "as the database keeps it");
    let members = serde_json::to_value(metadata).unwrap();
    assert!(members.as_object().unwrap().values().all(|member| !member.is_null()), "{text}");
    // Whoever registers with what he was answered is answered the same.
    assert_eq!(registration::metadata(text.as_bytes(), &BOUNDS).as_ref(), Ok(metadata));
    assert!((1..=BOUNDS.redirect_uris).contains(&metadata.redirect_uris.len()));
    for uri in &metadata.redirect_uris {
        redirect_uri::is_sound(uri);
        assert!(metadata.allows(uri));
    }
    assert!(metadata.uses(GrantType::AuthorizationCode));
    assert_eq!(metadata.response_types, ["code"]);
    assert_eq!(metadata.scope.as_str().parse::<Scope>().as_ref(), Ok(&metadata.scope));
    let name = metadata.client_name.as_deref();
    assert_eq!(name.and_then(display_name).as_deref(), name);
    links_are_of_the_web(metadata);
    is_bounded(metadata);
    let mut reordered = metadata.clone();
    reordered.redirect_uris.reverse();
    assert_eq!(fingerprint(metadata), fingerprint(&reordered));
}

fn links_are_of_the_web(metadata: &ClientMetadata) {
    let ClientMetadata { client_uri, logo_uri, tos_uri, policy_uri, .. } = metadata;
    for link in [client_uri, logo_uri, tos_uri, policy_uri].into_iter().flatten() {
        assert!(matches!(Url::parse(link).unwrap().scheme(), "http" | "https"), "{link}");
        assert!(!link.contains(char::is_control), "{link:?}");
    }
}

fn is_bounded(metadata: &ClientMetadata) {
    let contacts = metadata.contacts.iter().flatten();
    assert!(contacts.clone().count() <= BOUNDS.redirect_uris);
    let texts = [
        &metadata.client_name,
        &metadata.client_uri,
        &metadata.logo_uri,
        &metadata.tos_uri,
        &metadata.policy_uri,
        &metadata.application_type,
        &metadata.software_id,
        &metadata.software_version,
    ];
    for text in texts.into_iter().flatten().chain(contacts) {
        assert!(text.len() <= BOUNDS.string, "{text:?}");
    }
}
