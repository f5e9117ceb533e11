//! The vocabulary of OAuth: values that are valid by construction.

mod client_id_url;
mod client_metadata;
mod display_name;
mod error;
mod identifiers;
mod issuer;
mod parameters;
mod pkce;
mod redirect_uri;
mod resource;
mod scope;
mod scope_hierarchy;
mod token;

pub use client_id_url::ClientIdUrl;
pub use client_metadata::{ClientAuthMethod, ClientMetadata, GrantType};
pub use display_name::display_name;
pub use error::{ErrorCode, OAuthError};
pub use identifiers::{ClientId, GrantId, IntrospectionId, MachineSecret, UserId};
pub use issuer::Issuer;
pub use parameters::{Parameters, form_decode};
pub use pkce::{CodeChallenge, CodeVerifier};
pub use redirect_uri::{Destination, RedirectUri};
pub use resource::ResourceUri;
pub use scope::Scope;
pub use scope_hierarchy::{Circle, ScopeHierarchy};
pub use token::{Salt, TokenHash, TokenId, TokenKind, TokenSecret};
