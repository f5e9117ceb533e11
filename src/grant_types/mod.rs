//! What `/token` does: one module for each `grant_type`, and the tokens that they issue.

pub mod authorization_code;
pub mod refresh_token;

use std::net::IpAddr;

use serde::Serialize;

use crate::clock::{Seconds, UnixTime};
use crate::oauth::{
    ErrorCode, OAuthError, Parameters, ResourceUri, Salt, Scope, TokenId, TokenKind, TokenSecret,
};
use crate::storage::access_tokens::AccessToken;
use crate::storage::grants::Grant;
use crate::storage::refresh_tokens::RefreshToken;
use crate::storage::{DbConnection, StorageError, access_tokens, refresh_tokens};

/// What the operator's settings and the time say about a token request.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// When the request is decided.
    pub now: UnixTime,
    /// How long an access token lives.
    pub access_token_lifetime: Seconds,
    /// How long a refresh token lives unused.
    pub refresh_token_lifetime: Seconds,
    /// How long a grant lives at the most.
    pub grant_lifetime: Seconds,
    /// For how long after its first use a refresh token may be presented again.
    pub refresh_grace: Seconds,
    /// From where the request comes, for the person to see.
    pub address: Option<IpAddr>,
}

impl Terms {
    /// When the last token that is issued now will be dead.
    fn tokens_until(&self) -> UnixTime {
        self.now + self.refresh_token_lifetime.max(self.access_token_lifetime)
    }
}

/// A successful response: RFC 6749 section 5.1. No member is ever null.
#[derive(Serialize)]
pub struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    /// Seconds.
    expires_in: Seconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Scope::is_empty")]
    scope: Scope,
}

impl TokenResponse {
    fn new(access: Access, refresh: Option<TokenSecret>, now: UnixTime) -> Self {
        Self {
            access_token: access.secret.reveal(),
            token_type: "Bearer",
            expires_in: access.expires_at - now,
            refresh_token: refresh.map(TokenSecret::reveal),
            scope: access.scope,
        }
    }

    /// The key of the refresh token, which is no secret.
    #[must_use]
    pub fn refresh_id(&self) -> Option<TokenId> {
        let text = self.refresh_token.as_deref()?;
        TokenSecret::parse(TokenKind::Refresh, text).map(|secret| secret.id())
    }
}

/// Where the secret bits of a new token come from.
#[derive(Clone, Copy)]
enum Source<'a> {
    /// The random generator.
    Random,
    /// The refresh token that was presented, and the salt of its row.
    Parent(&'a TokenSecret, &'a Salt),
}

impl Source<'_> {
    fn secret(self, kind: TokenKind, id: TokenId) -> TokenSecret {
        match self {
            Self::Random => TokenSecret::generate(kind, id),
            Self::Parent(parent, salt) => TokenSecret::derive(kind, id, parent, salt.as_ref()),
        }
    }
}

/// An access token on its way to the client.
struct Access {
    secret: TokenSecret,
    scope: Scope,
    expires_at: UnixTime,
}

/// Issues an access token, which ends with its grant at the latest.
fn issue_access(
    conn: &mut DbConnection,
    grant: &Grant,
    (generation, scope): (Option<TokenId>, Scope),
    source: Source<'_>,
    terms: &Terms,
) -> Result<Access, StorageError> {
    let expires_at = (terms.now + terms.access_token_lifetime).min(grant.expires_at);
    let secret = access_tokens::insert(conn, |id| {
        let secret = source.secret(TokenKind::Access, id);
        let row = AccessToken {
            id,
            hash: secret.hash(),
            grant_id: grant.id,
            generation,
            scope: scope.clone(),
            issued_at: terms.now,
            expires_at,
        };
        (secret, row)
    })?;
    Ok(Access { secret, scope, expires_at })
}

/// Issues a refresh token, which ends with its grant at the latest.
fn issue_refresh(
    conn: &mut DbConnection,
    grant: &Grant,
    previous: Option<TokenId>,
    source: Source<'_>,
    terms: &Terms,
) -> Result<TokenSecret, StorageError> {
    refresh_tokens::insert(conn, |id| {
        let secret = source.secret(TokenKind::Refresh, id);
        let row = RefreshToken {
            id,
            hash: secret.hash(),
            grant_id: grant.id,
            previous,
            expires_at: (terms.now + terms.refresh_token_lifetime).min(grant.expires_at),
            used_at: None,
            salt: None,
            successor_id: None,
            access_id: None,
            confirmed_at: None,
        };
        (secret, row)
    })
}

/// The `resource` parameters of a token request: RFC 8707 section 2.2.
fn requested_resources(form: &Parameters) -> Result<Vec<ResourceUri>, OAuthError> {
    let parse = |text: &str| {
        text.parse().map_err(|_| ErrorCode::InvalidTarget.because("resource is not a URL"))
    };
    form.all("resource").map(parse).collect()
}

/// A token request may only name the resource to which a person said yes, in whatever spelling, or
/// the origin of it, which some clients send in its place.
fn check_resources(requested: &[ResourceUri], granted: &ResourceUri) -> Result<(), OAuthError> {
    let same = |requested: &ResourceUri| {
        requested.canonical() == granted.canonical() || requested.canonical() == granted.origin()
    };
    if requested.iter().all(same) {
        Ok(())
    } else {
        Err(ErrorCode::InvalidTarget.because("resource is not the one that was granted"))
    }
}
