//! `grant_type=refresh_token`: RFC 6749 section 6, rotated as in OAuth 2.1 section 4.3.1, with one
//! live branch, safe to retry.
//!
//! Real clients race themselves and lose responses. So the pair that follows a refresh token is
//! derived from it: whoever presents it again, within the grace or before the pair was ever seen
//! at work, gets the same pair. Anybody later is a second holder of one login, and ends it.

use super::{
    Access, Source, Terms, TokenResponse, check_resources, issue_access, issue_refresh,
    requested_resources,
};
use crate::authorization::admission;
use crate::clients::AuthenticatedClient;
use crate::clock::{Seconds, UnixTime};
use crate::error::Error;
use crate::oauth::{
    ErrorCode, OAuthError, Parameters, ResourceUri, Salt, Scope, ScopeHierarchy, TokenKind,
    TokenSecret,
};
use crate::revocation;
use crate::storage::grants::{self, Grant};
use crate::storage::refresh_tokens::{self, RefreshToken, Use};
use crate::storage::{DbConnection, RevokedBecause, StorageError, access_tokens, within};

/// How far a retry follows the successors of its token; and how far back salts are erased.
const MOST_HOPS: i64 = 8;

/// What the client sent.
#[derive(Debug)]
pub struct Request {
    refresh_token: TokenSecret,
    scope: Scope,
    resources: Vec<ResourceUri>,
}

/// What became of the token. Both are committed: a replay must leave its mark.
pub enum Rotation {
    /// A pair: a new one, or the same again.
    Rotated(TokenResponse),
    /// Somebody else has gone on with this login; it has been ended.
    Replayed,
}

impl Rotation {
    /// What the client is told.
    ///
    /// # Errors
    /// `invalid_grant` for a replay.
    pub fn into_response(self) -> Result<TokenResponse, OAuthError> {
        match self {
            Self::Rotated(response) => Ok(response),
            Self::Replayed => {
                Err(invalid("the refresh token was used before; the grant has ended"))
            }
        }
    }
}

impl Request {
    /// Reads the form.
    ///
    /// # Errors
    /// `invalid_request` for a missing token, `invalid_grant` for one that is not ours,
    /// `invalid_target` for a resource that is no URL.
    pub fn from_parameters(form: &Parameters) -> Result<Self, OAuthError> {
        let token = TokenSecret::parse(TokenKind::Refresh, form.require("refresh_token")?);
        Ok(Self {
            refresh_token: token.ok_or_else(|| invalid("the refresh token is not one of ours"))?,
            scope: Scope::requested(form.get("scope").unwrap_or_default()),
            resources: requested_resources(form)?,
        })
    }

    /// The same, for all that the scopes it names include.
    #[must_use]
    pub fn expanded(self, hierarchy: &ScopeHierarchy) -> Self {
        Self { scope: hierarchy.expand(&self.scope), ..self }
    }
}

/// Rotates, or answers a retry. Everything is checked before anything is consumed.
///
/// # Errors
/// `invalid_grant`, `invalid_target`; nothing has changed then.
pub fn exchange(
    conn: &mut DbConnection,
    client: &AuthenticatedClient,
    request: &Request,
    terms: &Terms,
) -> Result<Rotation, Error> {
    let presented = &request.refresh_token;
    let row = refresh_tokens::find(conn, presented.id())?
        .filter(|row| row.hash == presented.hash())
        .ok_or_else(|| invalid("the refresh token is unknown"))?;
    let grant = check_grant(conn, &row, client, terms)?;
    check_resources(&request.resources, &grant.resource)?;
    if row.used_at.is_none() {
        // Of an unused token only: a used one says when its answer was given.
        if row.expires_at <= terms.now {
            return Err(invalid("the refresh token has expired").into());
        }
        return Ok(Rotation::Rotated(rotate(conn, request, &grant, &row, terms)?));
    }
    retry(conn, request, &grant, row, terms)
}

fn check_grant(
    conn: &mut DbConnection,
    row: &RefreshToken,
    client: &AuthenticatedClient,
    terms: &Terms,
) -> Result<Grant, Error> {
    let grant = grants::find(conn, row.grant_id)?.ok_or_else(|| invalid("the grant is gone"))?;
    if grant.client_id != *client.id() {
        return Err(invalid("the refresh token was issued to another client").into());
    }
    if !grant.is_live(terms.now) {
        return Err(invalid("the grant has ended").into());
    }
    within(conn, |known| {
        // Asked, because all that a resource has granted may have been ended in its row alone.
        let resource = known.resource_at(&grant.resource)?;
        let resource = resource.ok_or_else(|| invalid("the resource is gone"))?;
        if !admission::stands(known.conn, &resource, &grant)? {
            return Err(invalid("the grant has ended").into());
        }
        if !known.is_enabled(&grant.user_id)? {
            return Err(invalid("the user is disabled").into());
        }
        Ok(grant)
    })
}

fn rotate(
    conn: &mut DbConnection,
    request: &Request,
    grant: &Grant,
    row: &RefreshToken,
    terms: &Terms,
) -> Result<TokenResponse, StorageError> {
    let salt = Salt::generate();
    let source = Source::Parent(&request.refresh_token, &salt);
    let refresh = issue_refresh(conn, grant, Some(row.id), source, terms)?;
    // Too much is clipped; nothing in common counts as nothing asked.
    let scope = grant.scope.narrow(&request.scope);
    let access = issue_access(conn, grant, (Some(refresh.id()), scope), source, terms)?;
    let (successor_id, access_id) = (refresh.id(), access.secret.id());
    refresh_tokens::consume(conn, row.id, Use { at: terms.now, salt, successor_id, access_id })?;
    note_use(conn, grant, terms)?;
    if let Some(previous) = row.previous {
        refresh_tokens::erase_salts(conn, previous, MOST_HOPS, grace_is_over(terms))?;
    }
    Ok(TokenResponse::new(access, Some(refresh), terms.now))
}

/// That the grant is in use, and until when tokens can point at it: hourly, which the sweeper allows for.
fn note_use(conn: &mut DbConnection, grant: &Grant, terms: &Terms) -> Result<(), StorageError> {
    if terms.now - grant.last_used_at < Seconds(3600) {
        return Ok(());
    }
    let until = terms.tokens_until().min(grant.expires_at);
    grants::touch(conn, grant.id, (terms.now, terms.address), until)
}

/// The token was used before. The tip of the branch that follows from it is answered again if its
/// holder may still need it; otherwise there are two holders, and the login ends.
fn retry(
    conn: &mut DbConnection,
    request: &Request,
    grant: &Grant,
    row: RefreshToken,
    terms: &Terms,
) -> Result<Rotation, Error> {
    let in_grace = within_grace(&row, terms);
    let mut parent = Used { row, secret: None };
    for _ in 0..MOST_HOPS {
        let presented = parent.secret.as_ref().unwrap_or(&request.refresh_token);
        let Some((secret, successor)) = successor(conn, presented, &parent.row)? else { break };
        let answerable = in_grace || successor.confirmed_at.is_none();
        if successor.used_at.is_none() && answerable {
            let access = access_again(conn, request, grant, (&parent, &successor), terms)?;
            return Ok(Rotation::Rotated(TokenResponse::new(access, Some(secret), terms.now)));
        }
        if !in_grace {
            break;
        }
        parent = Used { row: successor, secret: Some(secret) };
    }
    if in_grace {
        return Err(invalid("the refresh token was used before, and too often since").into());
    }
    revocation::end(conn, grant.id, RevokedBecause::RefreshReplayed, terms.now)?;
    Ok(Rotation::Replayed)
}

/// A used token on the way to the tip; the presented one stays in the request.
struct Used {
    row: RefreshToken,
    secret: Option<TokenSecret>,
}

/// The refresh token that followed, derived again; none if the salt is gone.
fn successor(
    conn: &mut DbConnection,
    parent: &TokenSecret,
    row: &RefreshToken,
) -> Result<Option<(TokenSecret, RefreshToken)>, StorageError> {
    let (Some(id), Some(salt)) = (row.successor_id, &row.salt) else { return Ok(None) };
    let secret = TokenSecret::derive(TokenKind::Refresh, id, parent, salt.as_ref());
    let row = refresh_tokens::find(conn, id)?.filter(|row| row.hash == secret.hash());
    Ok(row.map(|row| (secret, row)))
}

/// The access token of the pair: the same while over half its life is left, else a fresh one.
fn access_again(
    conn: &mut DbConnection,
    request: &Request,
    grant: &Grant,
    (parent, successor): (&Used, &RefreshToken),
    terms: &Terms,
) -> Result<Access, Error> {
    if successor.expires_at <= terms.now {
        return Err(
            invalid("the refresh token was used before, and what followed has expired").into()
        );
    }
    let (Some(id), Some(salt)) = (parent.row.access_id, &parent.row.salt) else {
        return Err(invalid("the refresh token was used before").into());
    };
    let presented = parent.secret.as_ref().unwrap_or(&request.refresh_token);
    if let Some(token) = access_tokens::find(conn, id)? {
        let left = token.expires_at - terms.now;
        if left.0 * 2 > (token.expires_at - token.issued_at).0 {
            let secret = TokenSecret::derive(TokenKind::Access, id, presented, salt.as_ref());
            return Ok(Access { secret, scope: token.scope, expires_at: token.expires_at });
        }
    }
    let scope = grant.scope.narrow(&request.scope);
    let source = Source::Parent(presented, salt);
    let access = issue_access(conn, grant, (Some(successor.id), scope), source, terms)?;
    refresh_tokens::replace_access(conn, parent.row.id, access.secret.id())?;
    note_use(conn, grant, terms)?;
    Ok(access)
}

/// Whether the first use is so recent that another one is the same holder's. A clock that stepped
/// back counts for the holder.
fn within_grace(row: &RefreshToken, terms: &Terms) -> bool {
    let Some(used_at) = row.used_at else { return false };
    let since = terms.now - used_at;
    since < Seconds(0) || (terms.refresh_grace > Seconds(0) && since <= terms.refresh_grace)
}

/// What was used then, and not later than now, is not within its grace: see [`within_grace`].
fn grace_is_over(terms: &Terms) -> UnixTime {
    let grace = terms.refresh_grace;
    terms.now - grace - Seconds(i64::from(grace > Seconds(0)))
}

fn invalid(description: &'static str) -> OAuthError {
    ErrorCode::InvalidGrant.because(description)
}
