//! `grant_type=authorization_code`: RFC 6749 section 4.1.3, with PKCE (RFC 7636 section 4.5).

use super::{Source, Terms, TokenResponse, issue_access, issue_refresh};
use crate::authorization::admission;
use crate::clients::{AuthenticatedClient, ceiling};
use crate::error::Error;
use crate::oauth::{
    CodeVerifier, ErrorCode, GrantType, OAuthError, Parameters, ResourceUri, Scope, TokenKind,
    TokenSecret,
};
use crate::revocation;
use crate::storage::codes::{self, Code};
use crate::storage::events::{Event, Subject, record};
use crate::storage::grants::{self, Grant};
use crate::storage::{DbConnection, RevokedBecause, StorageError, clients, resources, users};

/// What the client sent.
#[derive(Debug)]
pub struct Request {
    code: TokenSecret,
    verifier: CodeVerifier,
    redirect_uri: Option<String>,
    resources: Vec<ResourceUri>,
}

/// What became of the code. Both are committed: a replay must leave its mark.
pub enum Redemption {
    /// The first use.
    Issued(TokenResponse),
    /// A second valid use, which has ended the grant of the first.
    Replayed,
}

impl Redemption {
    /// What the client is told.
    ///
    /// # Errors
    /// `invalid_grant` for a replay.
    pub fn into_response(self) -> Result<TokenResponse, OAuthError> {
        match self {
            Self::Issued(response) => Ok(response),
            Self::Replayed => Err(invalid("the code was used before")),
        }
    }
}

impl Request {
    /// Reads the form.
    ///
    /// # Errors
    /// `invalid_request` for what is missing, `invalid_grant` for what cannot be valid,
    /// `invalid_target` for a resource that is no URL.
    pub fn from_parameters(form: &Parameters) -> Result<Self, OAuthError> {
        let code = TokenSecret::parse(TokenKind::Code, form.require("code")?);
        let verifier =
            form.get("code_verifier").ok_or_else(|| invalid("code_verifier is missing"))?;
        Ok(Self {
            code: code.ok_or_else(|| invalid("the code is not one of ours"))?,
            verifier: verifier.parse()?,
            redirect_uri: form.get("redirect_uri").map(str::to_owned),
            resources: super::requested_resources(form)?,
        })
    }
}

/// Redeems a code, once. Everything is checked before anything is consumed.
///
/// # Errors
/// `invalid_grant`, `invalid_target`; nothing has changed then.
pub fn exchange(
    conn: &mut DbConnection,
    client: &AuthenticatedClient,
    request: &Request,
    terms: &Terms,
) -> Result<Redemption, Error> {
    let code = codes::find(conn, request.code.id())?
        .filter(|code| code.hash == request.code.hash())
        .ok_or_else(|| invalid("the code is unknown"))?;
    check_binding(&code, client, request)?;
    if code.redeemed_at.is_none() {
        let scope = check_still_welcome(conn, client, &code, terms)?;
        let code = Code { scope, ..code };
        return Ok(Redemption::Issued(issue(conn, client, code, terms)?));
    }
    end_replayed(conn, &code, terms)?;
    Ok(Redemption::Replayed)
}

/// What the code was bound to when it was issued: its client, its redirect URI (if the client
/// repeats it: OAuth 2.1 section 10.2), its PKCE challenge, its resource.
fn check_binding(
    code: &Code,
    client: &AuthenticatedClient,
    request: &Request,
) -> Result<(), OAuthError> {
    if code.client_id != *client.id() {
        return Err(invalid("the code was issued to another client"));
    }
    if request.redirect_uri.as_deref().is_some_and(|uri| uri != code.redirect_uri.as_str()) {
        return Err(invalid("redirect_uri is not the one of the authorization request"));
    }
    if !code.code_challenge.matches(&request.verifier) {
        return Err(invalid("code_verifier does not match"));
    }
    super::check_resources(&request.resources, &code.resource)
}

/// That nothing has ended since the person said yes. What of the scope may still be had.
fn check_still_welcome(
    conn: &mut DbConnection,
    client: &AuthenticatedClient,
    code: &Code,
    terms: &Terms,
) -> Result<Scope, Error> {
    if !client.metadata().allows(&code.redirect_uri) {
        return Err(invalid("the client has given the redirect_uri up").into());
    }
    if code.expires_at <= terms.now {
        return Err(invalid("the code has expired").into());
    }
    // Held: whoever takes something away from the person waits, and then finds the grant.
    let Some(resource) = resources::hold(conn, &code.resource)? else {
        return Err(invalid("the resource is gone").into());
    };
    let allowed = admission::admitted(conn, &resource, &code.user_id)?
        .ok_or_else(|| invalid("the resource is not for this person any more"))?;
    if !clients::hold_enabled(conn, &code.client_id)? {
        return Err(invalid("the client is disabled").into());
    }
    // Written and then read, so that whoever limits the client waits as well.
    let client = clients::find(conn, &code.client_id)?;
    let client = client.ok_or_else(|| invalid("the client is gone"))?;
    let scope = ceiling(&client, &allowed.of(&code.scope));
    if scope.is_empty() && !code.scope.is_empty() {
        return Err(invalid("nothing of it may be had any more").into());
    }
    if !users::authorize(conn, &code.user_id, terms.now)? {
        return Err(invalid("the user is disabled").into());
    }
    Ok(scope)
}

fn issue(
    conn: &mut DbConnection,
    client: &AuthenticatedClient,
    code: Code,
    terms: &Terms,
) -> Result<TokenResponse, StorageError> {
    let grant = create_grant(conn, &code, terms)?;
    let refresh = if client.metadata().uses(GrantType::RefreshToken) {
        Some(issue_refresh(conn, &grant, None, Source::Random, terms)?)
    } else {
        None
    };
    let generation = refresh.as_ref().map(TokenSecret::id);
    let access = issue_access(conn, &grant, (generation, code.scope), Source::Random, terms)?;
    Ok(TokenResponse::new(access, refresh, terms.now))
}

/// A grant exists from here on, not from the consent: a code that is never redeemed connects nothing.
fn create_grant(
    conn: &mut DbConnection,
    code: &Code,
    terms: &Terms,
) -> Result<Grant, StorageError> {
    let expires_at = terms.now + terms.grant_lifetime;
    let grant = grants::insert(conn, |id| Grant {
        id,
        client_id: code.client_id.clone(),
        user_id: code.user_id.clone(),
        scope: code.scope.clone(),
        resource: code.resource.clone(),
        created_at: terms.now,
        last_used_at: terms.now,
        expires_at,
        tokens_until: terms.tokens_until().min(expires_at),
        revoked_at: None,
        revoked_because: None,
        last_used_address: terms.address.map(|address| address.to_string()),
        imported: code.id.is_imported(),
    })?;
    codes::consume(conn, code.id, Some(grant.id), terms.now)?;
    let event = if grant.imported { Event::GrantImported } else { Event::GrantCreated };
    record(conn, event, Subject::of(&grant), terms.now)?;
    Ok(grant)
}

/// "SHOULD revoke (when possible) all tokens previously issued based on that authorization code":
/// RFC 6749 section 4.1.2.
fn end_replayed(conn: &mut DbConnection, code: &Code, terms: &Terms) -> Result<(), StorageError> {
    let Some(grant_id) = code.grant_id else { return Ok(()) };
    revocation::end(conn, grant_id, RevokedBecause::CodeReplayed, terms.now)
}

fn invalid(description: &'static str) -> OAuthError {
    ErrorCode::InvalidGrant.because(description)
}
