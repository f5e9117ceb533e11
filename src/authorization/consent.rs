//! A person's answer. One yes is one code; the same yes again, from a second click or after a lost
//! response, is the same code.

pub use super::obstacle::Obstacle;
use super::obstacle::unwelcome;
use super::{VerifiedRedirect, admission, shown, step_up};
use crate::accounts::session::SignedIn;
use crate::clients::ceiling;
use crate::clock::{Seconds, UnixTime};
use crate::config::Connecting;
use crate::error::Error;
use crate::oauth::{ErrorCode, Issuer, OAuthError, Scope, TokenId, TokenKind, TokenSecret};
use crate::storage::authorization_requests::{self, Asked, PendingRequest};
use crate::storage::clients::{self, Client};
use crate::storage::codes::{self, Code};
use crate::storage::events::{Event, Subject, record};
use crate::storage::resources::{self, Resource};
use crate::storage::{ClientOrigin, DbConnection, StorageError, seen_documents, users};
use crate::words;

/// The pending request of this cookie.
///
/// # Errors
/// `access_denied` when there is none, it has expired, or it belongs to another browser.
pub fn find(
    conn: &mut DbConnection,
    cookie: &TokenSecret,
    now: UnixTime,
) -> Result<PendingRequest, Error> {
    let pending = authorization_requests::find(conn, cookie.id())?
        .filter(|pending| pending.hash == cookie.hash() && now < pending.expires_at);
    Ok(pending.ok_or_else(|| refuse("This sign-in has expired. Start it again from the app"))?)
}

/// Who asks, if the answer may still go where it was to go: a client can change or end its registration
/// (RFC 7592), and its document can say something else (Client ID Metadata Document draft -01, section
/// 6.3), while a person makes up her mind.
///
/// # Errors
/// `access_denied` for a client that is gone, or that has given the redirect URI up.
pub fn client(conn: &mut DbConnection, pending: &PendingRequest) -> Result<Client, Error> {
    let client = clients::find(conn, &pending.asked.client_id)?
        .ok_or_else(|| refuse("This app is no longer registered here"))?;
    if !client.metadata.allows(&pending.asked.redirect_uri) {
        let why = words!("This app has changed where its answers go. Start again from the app");
        return Err(refuse(why).into());
    }
    Ok(client)
}

/// Whether this session may answer: `prompt=login` wants one that began after the request came.
#[must_use]
pub fn may_answer(pending: &PendingRequest, signed_in: &SignedIn) -> bool {
    !pending.asked.fresh_sign_in || signed_in.session().created_at >= pending.created_at
}

/// What a yes gives.
#[derive(Debug)]
pub struct Grantable {
    /// All of it.
    pub scope: Scope,
    /// What of it the person has granted this client before.
    pub known: Scope,
    /// Where.
    pub resource: Resource,
}

/// What the person may grant: what is asked for, and what the client has had before ([`step_up`]), as
/// far as the resource, the client and the person may have it. Or why nothing. `offered` is every
/// scope that there is.
///
/// # Errors
/// The database's.
pub fn grantable(
    conn: &mut DbConnection,
    (client, pending): (&Client, &PendingRequest),
    signed_in: &SignedIn,
    offered: &Scope,
    now: UnixTime,
) -> Result<Result<Grantable, Obstacle>, StorageError> {
    let asked = &pending.asked;
    let Some(resource) = resources::find_by_uri(conn, &asked.resource)? else {
        return Ok(Err(Obstacle::Gone));
    };
    if resource.paused_at.is_some() {
        return Ok(Err(Obstacle::Paused));
    }
    let user_id = &signed_in.user().id;
    let Some(allowed) = admission::admitted(conn, &resource, user_id)? else {
        return Ok(Err(Obstacle::NotAdmitted));
    };
    let most = ceiling(client, &allowed.of(offered));
    let new = most.common(&asked.scope);
    if new.is_empty() {
        return Ok(Err(Obstacle::NothingLeft));
    }
    let before = step_up::before(conn, (&asked.client_id, user_id), &resource, &new, now)?;
    let scope = new.union(&most.common(&before.kept));
    let known = scope.common(&before.all);
    Ok(Ok(Grantable { scope, known, resource }))
}

/// What the settings and the page say about an answer.
#[derive(Debug, Clone)]
pub struct Terms<'a> {
    /// How long its code lives.
    pub code_lifetime: Seconds,
    /// Who answers, where it is not known by whose authorization endpoint a request came.
    pub issuer: &'a Issuer,
    /// Which clients may connect.
    pub connecting: &'a Connecting,
    /// Every scope that there is.
    pub offered: &'a Scope,
    /// What the page has shown, by [`shown::question`].
    pub shown: &'a str,
}

/// Yes. The URL to which the browser is sent. What the person may not have is left out. None when the
/// yes would be to something else than the page has shown: then nothing is decided.
///
/// # Errors
/// `access_denied` when it has been answered with no, its code has been redeemed, there is an
/// [`Obstacle`], or the client, its redirect URI or the person is no longer welcome.
pub fn approve(
    conn: &mut DbConnection,
    cookie: &TokenSecret,
    signed_in: &SignedIn,
    terms: &Terms<'_>,
    now: UnixTime,
) -> Result<Option<String>, Error> {
    let pending = find(conn, cookie, now)?;
    let client = client(conn, &pending)?;
    let asked = (&client, &pending);
    let grantable = grantable(conn, asked, signed_in, terms.offered, now)?;
    let differs = |now: &Grantable| shown::question(&client.metadata, &now.scope) != terms.shown;
    if pending.decided_at.is_none() && grantable.as_ref().is_ok_and(differs) {
        return Ok(None);
    }
    let (to, issuer) = (redirect(&pending), answerer(&pending, terms.issuer).clone());
    if !authorization_requests::decide(conn, pending.id, now)? {
        let code = code_again(conn, cookie, signed_in, now)?.ok_or_else(answered)?;
        return Ok(Some(to.with_code(&code.reveal(), &issuer)));
    }
    if !may_answer(&pending, signed_in) {
        return Err(refuse("The app wants you to sign in again first").into());
    }
    let scope = grantable.map_err(|why| refuse(why.words()))?.scope;
    if let Some(why) = unwelcome(&client, terms.connecting) {
        return Err(refuse(why.words()).into());
    }
    if !clients::authorize(conn, &pending.asked.client_id, now)? {
        return Err(refuse("This app has been switched off here").into());
    }
    if !users::authorize(conn, &signed_in.user().id, now)? {
        return Err(refuse("This account has been switched off").into());
    }
    let pending = PendingRequest { asked: Asked { scope, ..pending.asked }, ..pending };
    let code = insert_code(conn, cookie, &pending, signed_in, now + terms.code_lifetime)?;
    authorization_requests::set_code(conn, pending.id, code.id())?;
    if client.origin == ClientOrigin::Document {
        let whose = (&signed_in.user().id, &client.client_id);
        seen_documents::note(conn, whose, &client.metadata, now)?;
    }
    record(conn, Event::ConsentApproved, subject(&pending, signed_in), now)?;
    Ok(Some(to.with_code(&code.reveal(), &issuer)))
}

/// No. The URL to which the browser is sent.
///
/// # Errors
/// `access_denied` when it has been answered with yes, or the answer may not go there any more.
pub fn deny(
    conn: &mut DbConnection,
    cookie: &TokenSecret,
    signed_in: &SignedIn,
    issuer: &Issuer,
    now: UnixTime,
) -> Result<String, Error> {
    let pending = find(conn, cookie, now)?;
    client(conn, &pending)?;
    if authorization_requests::decide(conn, pending.id, now)? {
        record(conn, Event::ConsentDenied, subject(&pending, signed_in), now)?;
    } else if pending.code_id.is_some() {
        return Err(answered().into());
    }
    Ok(redirect(&pending).with_denial(answerer(&pending, issuer)))
}

fn insert_code(
    conn: &mut DbConnection,
    cookie: &TokenSecret,
    pending: &PendingRequest,
    signed_in: &SignedIn,
    expires_at: UnixTime,
) -> Result<TokenSecret, StorageError> {
    codes::insert(conn, |id| {
        let secret = derive(cookie, id);
        let row = Code {
            id,
            hash: secret.hash(),
            client_id: pending.asked.client_id.clone(),
            user_id: signed_in.user().id.clone(),
            redirect_uri: pending.asked.redirect_uri.clone(),
            code_challenge: pending.asked.code_challenge.clone(),
            scope: pending.asked.scope.clone(),
            resource: pending.asked.resource.clone(),
            expires_at,
            redeemed_at: None,
            grant_id: None,
        };
        (secret, row)
    })
}

/// The code that the same person's yes gave before, while it can still be redeemed.
fn code_again(
    conn: &mut DbConnection,
    cookie: &TokenSecret,
    signed_in: &SignedIn,
    now: UnixTime,
) -> Result<Option<TokenSecret>, StorageError> {
    let pending = authorization_requests::find(conn, cookie.id())?;
    let Some(code_id) = pending.and_then(|pending| pending.code_id) else { return Ok(None) };
    let redeemable = codes::find(conn, code_id)?.is_some_and(|code| {
        code.user_id == signed_in.user().id && code.redeemed_at.is_none() && now < code.expires_at
    });
    Ok(redeemable.then(|| derive(cookie, code_id)))
}

/// The cookie is 256 random bits of which the database has the hash only, so it needs no salt.
fn derive(cookie: &TokenSecret, id: TokenId) -> TokenSecret {
    TokenSecret::derive(TokenKind::Code, id, cookie, b"")
}

fn redirect(pending: &PendingRequest) -> VerifiedRedirect {
    VerifiedRedirect { uri: pending.asked.redirect_uri.clone(), state: pending.asked.state.clone() }
}

/// Clients hold on to the issuer to which they have sent the browser (RFC 9207 section 2.4), even if
/// it is another one by the time that the person answers.
fn answerer<'a>(pending: &'a PendingRequest, present: &'a Issuer) -> &'a Issuer {
    pending.asked.issuer.as_ref().unwrap_or(present)
}

fn subject(pending: &PendingRequest, signed_in: &SignedIn) -> Subject {
    Subject {
        client_id: Some(pending.asked.client_id.clone()),
        user_id: Some(signed_in.user().id.clone()),
        resource: Some(pending.asked.resource.clone()),
        ..Subject::default()
    }
}

fn answered() -> OAuthError {
    refuse("This request has been answered already. Start again from the app if it did not connect")
}

fn refuse(description: &'static str) -> OAuthError {
    ErrorCode::AccessDenied.because(description)
}
