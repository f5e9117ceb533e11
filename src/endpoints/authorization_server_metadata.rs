//! `/.well-known/oauth-authorization-server`: RFC 8414. Only what works is advertised.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::app::App;
use crate::config::{ClientDocuments, Registration};
use crate::middleware::issuer::aimed_at;
use crate::oauth::{ClientAuthMethod, GrantType, Scope};

const CLIENT_AUTH_METHODS: [ClientAuthMethod; 3] = [
    ClientAuthMethod::None,
    ClientAuthMethod::ClientSecretPost,
    ClientAuthMethod::ClientSecretBasic,
];
const RESOURCE_AUTH_METHODS: [ClientAuthMethod; 2] =
    [ClientAuthMethod::ClientSecretBasic, ClientAuthMethod::ClientSecretPost];

/// RFC 8414 section 2; RFC 9207 section 3. No member is ever null.
#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a str,
    authorization_endpoint: String,
    token_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_endpoint: Option<String>,
    revocation_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection_endpoint: Option<String>,
    scopes_supported: Vec<&'a str>,
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 1],
    grant_types_supported: [GrantType; 2],
    token_endpoint_auth_methods_supported: [ClientAuthMethod; 3],
    revocation_endpoint_auth_methods_supported: [ClientAuthMethod; 3],
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection_endpoint_auth_methods_supported: Option<[ClientAuthMethod; 2]>,
    code_challenge_methods_supported: [&'static str; 1],
    authorization_response_iss_parameter_supported: bool,
    /// Client ID Metadata Document draft -01, section 5.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    client_id_metadata_document_supported: bool,
}

/// The document of the issuer at which it is looked for.
pub async fn get(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let issuer = aimed_at(&app, request.head());
    // On a listener of its own it is nobody's business who reads this.
    let public_introspection = app.config.internal_listen.is_none();
    let may_register = app.config.registration != Registration::Off;
    super::document(&Metadata {
        issuer: issuer.as_str(),
        authorization_endpoint: issuer.url("/authorize"),
        token_endpoint: issuer.url("/token"),
        registration_endpoint: may_register.then(|| issuer.url("/register")),
        revocation_endpoint: issuer.url("/revoke"),
        introspection_endpoint: public_introspection.then(|| issuer.url("/introspect")),
        scopes_supported: scopes(&app.config.scopes),
        response_types_supported: ["code"],
        response_modes_supported: ["query"],
        grant_types_supported: [GrantType::AuthorizationCode, GrantType::RefreshToken],
        token_endpoint_auth_methods_supported: CLIENT_AUTH_METHODS,
        revocation_endpoint_auth_methods_supported: CLIENT_AUTH_METHODS,
        introspection_endpoint_auth_methods_supported: public_introspection
            .then_some(RESOURCE_AUTH_METHODS),
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true,
        client_id_metadata_document_supported: app.config.client_documents != ClientDocuments::Off,
    })
}

/// Refresh tokens are given without `offline_access`, but clients that know the word ask for them
/// only where it is listed.
fn scopes(offered: &Scope) -> Vec<&str> {
    offered.tokens().collect()
}
