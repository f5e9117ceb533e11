//! Client metadata: RFC 7591 section 2.

use std::fmt;
use std::str::FromStr;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};

use super::{RedirectUri, Scope};

/// The metadata in force for a client, as we keep it and as we answer it. No member is ever null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct ClientMetadata {
    /// At least one.
    pub redirect_uris: Vec<RedirectUri>,
    /// How it authenticates at `/token` and `/revoke`.
    pub token_endpoint_auth_method: ClientAuthMethod,
    /// What it may use at `/token`.
    pub grant_types: Vec<GrantType>,
    /// Always `["code"]`.
    pub response_types: Vec<String>,
    /// What it calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// Its home page, never fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Its picture, never fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// Its terms of service, never fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// Its privacy policy, never fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// Whom to ask about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contacts: Option<Vec<String>>,
    /// What it is granted when it asks for nothing else; of a client that the operator configured,
    /// the most. Empty when it named none, which limits nothing.
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// `native` or `web` (OpenID Connect Registration section 2): echoed, decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_type: Option<String>,
    /// Which software it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    /// Which version of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
}

impl ClientMetadata {
    /// Whether the client may use this grant.
    #[must_use]
    pub fn uses(&self, grant_type: GrantType) -> bool {
        self.grant_types.contains(&grant_type)
    }

    /// Whether its answers may go there: RFC 6749 section 3.1.2.3.
    #[must_use]
    pub fn allows(&self, redirect_uri: &RedirectUri) -> bool {
        self.redirect_uris.iter().any(|registered| registered.allows(redirect_uri))
    }

    /// Whether it has no secret: RFC 6749 section 2.1.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.token_endpoint_auth_method == ClientAuthMethod::None
    }
}

/// `token_endpoint_auth_method`, as far as it is offered: RFC 7591 section 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthMethod {
    /// A public client.
    None,
    /// `client_id` and `client_secret` in the body.
    ClientSecretPost,
    /// HTTP Basic.
    ClientSecretBasic,
}

/// `grant_types`, as far as they are offered: RFC 7591 section 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 section 4.1
    AuthorizationCode,
    /// RFC 6749 section 6
    RefreshToken,
}

impl fmt::Display for ClientMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for ClientMetadata {
    type Err = serde_json::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_survives_the_database_and_has_no_nulls() {
        let text = r#"{"redirect_uris":["https://h.example/cb"],"token_endpoint_auth_method":"none","grant_types":["authorization_code"],"response_types":["code"],"client_name":"A"}"#;
        let metadata: ClientMetadata = text.parse().unwrap();
        assert_eq!(metadata.to_string(), text);
        assert!(metadata.is_public() && !metadata.uses(GrantType::RefreshToken));
    }
}
