//! The authorization request: RFC 6749 section 4.1.1, PKCE, RFC 8707, RFC 9207.

use super::VerifiedRedirect;
use super::obstacle::{Obstacle, unwelcome};
use crate::clients::ceiling;
use crate::clock::{Seconds, UnixTime};
use crate::config::Connecting;
use crate::error::Error;
use crate::oauth::{
    ClientId, CodeChallenge, Destination, ErrorCode, Issuer, OAuthError, Parameters, RedirectUri,
    ResourceUri, Scope, ScopeHierarchy, TokenSecret,
};
use crate::storage::authorization_requests::{self, Asked};
use crate::storage::clients::{self, Client};
use crate::storage::resources::{self, Resource};
use crate::storage::{DbConnection, StorageError};
use crate::words;

/// What the operator offers.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Every scope there is.
    pub scopes: Scope,
    /// Which of them includes which others.
    pub hierarchy: ScopeHierarchy,
    /// The resource of a request that names none; else the first added.
    pub default_resource: Option<ResourceUri>,
    /// Which clients may connect.
    pub connecting: Connecting,
    /// By whose authorization endpoint the request came.
    pub issuer: Issuer,
}

/// Why a request is not taken up. The type says how the person learns of it.
#[derive(Debug)]
pub enum Rejection {
    /// The client or its redirect URI is not to be trusted: never a redirect (OAuth 2.1 section
    /// 4.1.2.1).
    ShowPage(OAuthError),
    /// The client may be told, once the person is known (OAuth 2.1 section 7.12.2).
    Redirect {
        /// Where.
        to: VerifiedRedirect,
        /// What.
        error: OAuthError,
    },
    /// Ours.
    Failed(StorageError),
}

impl From<StorageError> for Rejection {
    fn from(error: StorageError) -> Self {
        Self::Failed(error)
    }
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::ShowPage(error) | Rejection::Redirect { error, .. } => Self::Refused(error),
            Rejection::Failed(error) => Self::Failed(error),
        }
    }
}

/// Checks a request and says what exactly is asked for. Changes nothing.
///
/// # Errors
/// [`Rejection`].
pub fn resolve(
    conn: &mut DbConnection,
    parameters: &Parameters,
    offer: &Offer,
) -> Result<Asked, Rejection> {
    let (client, redirect_uri) = client_and_redirect(conn, parameters)?;
    match unwelcome(&client, &offer.connecting) {
        // The owner is asked once somebody has signed in.
        None | Some(Obstacle::Waits) => {}
        Some(why) => {
            return Err(Rejection::ShowPage(ErrorCode::InvalidClient.because(why.words())));
        }
    }
    let to = VerifiedRedirect {
        uri: redirect_uri.clone(),
        state: parameters.get("state").map(str::to_owned),
    };
    let refuse = |error| Rejection::Redirect { to: to.clone(), error };
    check_kind(parameters).map_err(refuse)?;
    let code_challenge = CodeChallenge::from_request(parameters).map_err(refuse)?;
    let resource = match resource(conn, parameters, offer)? {
        Ok(resource) => resource,
        Err(error) => return Err(refuse(error)),
    };
    let requested = Scope::requested(parameters.get("scope").unwrap_or_default());
    Ok(Asked {
        scope: scope(&client, &resource.offered(&offer.scopes), (&offer.hierarchy, &requested)),
        client_id: client.client_id,
        redirect_uri,
        state: to.state,
        code_challenge,
        resource: resource.uri,
        fresh_sign_in: prompts(parameters, "login"),
        issuer: Some(offer.issuer.clone()),
    })
}

/// Keeps a request until a person answers. The oldest make room, so that nobody can fill the disk.
///
/// # Errors
/// The database's.
pub fn keep(
    conn: &mut DbConnection,
    asked: &Asked,
    lifetime: Seconds,
    most: i64,
    now: UnixTime,
) -> Result<TokenSecret, StorageError> {
    let excess = authorization_requests::count(conn)? + 1 - most;
    if excess > 0 {
        authorization_requests::delete_oldest(conn, excess.min(500))?;
    }
    authorization_requests::insert(conn, asked, now, now + lifetime)
}

fn client_and_redirect(
    conn: &mut DbConnection,
    parameters: &Parameters,
) -> Result<(Client, RedirectUri), Rejection> {
    let show = Rejection::ShowPage;
    let id = parameters.require("client_id").map_err(show)?;
    let unknown = || {
        show(ErrorCode::InvalidClient.because(words!(
            "this app is not registered here. Remove the connection in the app, and add it again"
        )))
    };
    let id: ClientId = id.parse().map_err(|_| unknown())?;
    let client = clients::find(conn, &id)?.ok_or_else(unknown)?;
    let Some(requested) = parameters.get("redirect_uri") else {
        let Some(only) = only_redirect(&client).cloned() else {
            return Err(show(ErrorCode::InvalidRequest.because("redirect_uri is missing")));
        };
        return Ok((client, only));
    };
    let requested: Result<RedirectUri, _> = requested.parse();
    match requested {
        Ok(uri) if client.metadata.allows(&uri) => Ok((client, uri)),
        _ => {
            let why = words!("redirect_uri is not one that this app has registered");
            Err(show(ErrorCode::InvalidRequest.because(why)))
        }
    }
}

/// Optional when there is only one: OAuth 2.1 section 2.3.2. It is not the only one where another
/// installation of the same client listens on another port.
fn only_redirect(client: &Client) -> Option<&RedirectUri> {
    let [only] = client.metadata.redirect_uris.as_slice() else { return None };
    let is_anybodys = matches!(only.destination(), Destination::Loopback(_)) && client.is_shared();
    (!is_anybodys).then_some(only)
}

fn check_kind(parameters: &Parameters) -> Result<(), OAuthError> {
    if parameters.require("response_type")? != "code" {
        return Err(
            ErrorCode::UnsupportedResponseType.because(words!("response_type must be code"))
        );
    }
    if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(ErrorCode::InvalidRequest.because(words!("response_mode must be query")));
    }
    // RFC 9101: never fetched, and not to be ignored.
    if parameters.get("request").or(parameters.get("request_uri")).is_some() {
        return Err(ErrorCode::InvalidRequest.because(words!("request objects are not supported")));
    }
    if prompts(parameters, "none") {
        return Err(ErrorCode::ConsentRequired.because(words!("a person is always asked")));
    }
    Ok(())
}

/// `prompt`: OpenID Connect Core section 3.1.2.1. Consent is asked for each time anyway.
fn prompts(parameters: &Parameters, value: &str) -> bool {
    parameters.get("prompt").is_some_and(|prompt| prompt.split(' ').any(|word| word == value))
}

/// What a person is asked for, with all that it includes. Without a request of its own, or with one
/// for what is not to be had here (some clients ask for scopes of other servers), a client gets what
/// it registered with, or else everything. Nothing, only if its limit leaves nothing.
fn scope(
    client: &Client,
    offered: &Scope,
    (hierarchy, requested): (&ScopeHierarchy, &Scope),
) -> Scope {
    let most = ceiling(client, offered);
    let common = most.common(&hierarchy.expand(requested));
    if !common.is_empty() {
        return common;
    }
    most.narrow(&hierarchy.expand(&client.metadata.scope))
}

/// The one registered resource that every `resource` parameter means, or the default.
fn resource(
    conn: &mut DbConnection,
    parameters: &Parameters,
    offer: &Offer,
) -> Result<Result<Resource, OAuthError>, StorageError> {
    let unknown =
        || ErrorCode::InvalidTarget.because(words!("resource is not one that is served here"));
    let registered = resources::list(conn)?;
    let mut meant: Option<&Resource> = None;
    for requested in parameters.all("resource") {
        let Ok(requested) = requested.parse::<ResourceUri>() else { return Ok(Err(unknown())) };
        let Some(found) = pick(&registered, &requested) else { return Ok(Err(unknown())) };
        if meant.is_some_and(|meant| meant.canonical != found.canonical) {
            let error =
                ErrorCode::InvalidTarget.because(words!("only one resource can be asked for"));
            return Ok(Err(error));
        }
        meant = Some(found);
    }
    let default = offer.default_resource.as_ref().and_then(|default| {
        registered.iter().find(|resource| resource.canonical == default.canonical())
    });
    let default = default.or(registered.first());
    let none = || ErrorCode::InvalidTarget.because(words!("no resource is served here yet"));
    Ok(meant.or(default).cloned().ok_or_else(none))
}

/// By any spelling; or by the bare origin, which some clients send, if that can mean only one.
fn pick<'a>(registered: &'a [Resource], requested: &ResourceUri) -> Option<&'a Resource> {
    let mut exact = registered.iter().filter(|known| known.canonical == requested.canonical());
    if let Some(found) = exact.next() {
        return Some(found);
    }
    let mut of_origin =
        registered.iter().filter(|known| known.uri.origin() == requested.canonical());
    match (of_origin.next(), of_origin.next()) {
        (Some(found), None) => Some(found),
        _ => None,
    }
}
