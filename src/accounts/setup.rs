//! The first start: a one-time link makes the owner's account and the first resource.

use super::password::Hashed;
use super::session::Browser;
use super::sign_in::{self, Passed, Terms};
use super::{Username, add_account};
use crate::authorization::pause;
use crate::clock::{Seconds, UnixTime};
use crate::error::Error;
use crate::oauth::{
    ErrorCode, IntrospectionId, MachineSecret, OAuthError, ResourceUri, TokenHash, TokenKind,
    TokenSecret,
};
use crate::storage::events::{Event, Subject, record};
use crate::storage::one_time_links;
use crate::storage::resources::{self, Resource};
use crate::storage::sign_ins::Goal;
use crate::storage::{Audience, DbConnection, Purpose, Role, StorageError, resource_rules, users};

/// What the owner typed.
#[derive(Debug)]
pub struct Setup {
    /// The name of the account.
    pub username: Username,
    /// Its password, where people sign in by one.
    pub password: Option<Hashed>,
    /// The MCP server.
    pub resource: ResourceUri,
    /// With what.
    pub browser: Browser,
}

/// What set-up has made. The secrets are shown once.
pub struct Done {
    /// The first resource.
    pub resource: Resource,
    /// Its introspection secret; none when it has one already, which it keeps.
    pub secret: Option<MachineSecret>,
    /// Where the owner's browser goes on: into a session, or first to a second factor.
    pub next: Passed,
}

/// A new link, which replaces the one before; none when there is a user already.
///
/// # Errors
/// The database's.
pub fn new_link(
    conn: &mut DbConnection,
    now: UnixTime,
) -> Result<Option<TokenSecret>, StorageError> {
    if users::count(conn)? > 0 {
        one_time_links::remove_all(conn, Purpose::Setup)?;
        return Ok(None);
    }
    one_time_links::replace(conn, Purpose::Setup, now).map(Some)
}

/// Whether the link can still be used.
///
/// # Errors
/// `access_denied` if not.
pub fn check_link(conn: &mut DbConnection, token: &str) -> Result<TokenSecret, Error> {
    let secret = TokenSecret::parse(TokenKind::OneTimeLink, token).ok_or_else(dead)?;
    let link = one_time_links::find(conn, secret.id())?.filter(|link| {
        link.hash == secret.hash() && link.purpose == Purpose::Setup && link.used_at.is_none()
    });
    if link.is_none() || users::count(conn)? > 0 {
        return Err(dead().into());
    }
    Ok(secret)
}

/// Uses the link: makes the owner's account and the first resource, and goes on as after any first
/// factor.
///
/// # Errors
/// `access_denied` for a link that is dead.
pub fn complete(
    conn: &mut DbConnection,
    token: &str,
    setup: &Setup,
    terms: &Terms,
) -> Result<Done, Error> {
    let now = terms.now;
    let link = check_link(conn, token)?;
    if !one_time_links::consume(conn, link.id(), now)? {
        return Err(dead().into());
    }
    let owner =
        add_account(conn, &setup.username, setup.password.as_ref(), Some(Role::Owner), now)?;
    let (resource, secret) = resource_with_secret(conn, &setup.resource, now)?;
    let next = sign_in::first_factor(conn, &owner, Goal::Account, &setup.browser, terms)?;
    Ok(Done { resource, secret, next })
}

/// A resource that the settings declare may be at work already, with a secret that whoever wrote
/// them knows: only one without a secret gets one.
fn resource_with_secret(
    conn: &mut DbConnection,
    uri: &ResourceUri,
    now: UnixTime,
) -> Result<(Resource, Option<MachineSecret>), StorageError> {
    let declared = resources::find_by_uri(conn, uri)?;
    if let Some(resource) = &declared
        && resource.secret_hash.is_some()
    {
        return Ok((resource.clone(), None));
    }
    let secret = MachineSecret::for_resource();
    let resource = if let Some(resource) = declared {
        // There is no secret before it that would have to work on.
        rotate_secret(conn, &resource, &secret.hash(), Seconds(0), now)?;
        resource
    } else {
        let named = (IntrospectionId::generate(), None);
        add_resource(conn, uri, named, Some(&secret.hash()), now)?
    };
    Ok((resource, Some(secret)))
}

/// Adds an MCP server.
///
/// # Errors
/// [`StorageError::AlreadyExists`] when the id or the URL is taken.
pub fn add_resource(
    conn: &mut DbConnection,
    uri: &ResourceUri,
    (id, name): (IntrospectionId, Option<String>),
    secret_hash: Option<&TokenHash>,
    now: UnixTime,
) -> Result<Resource, StorageError> {
    let paused_at = pause::of_a_new_one(conn, now)?;
    let resource = Resource {
        id,
        uri: uri.clone(),
        canonical: uri.canonical().to_owned(),
        name,
        secret_hash: secret_hash.cloned(),
        previous_secret_hash: None,
        previous_secret_until: None,
        created_at: now,
        position: resources::next_position(conn)?,
        paused_at,
        audience: Audience::Everybody,
        scope: None,
        ended_up_to: None,
        narrowed_up_to: None,
        scopes: None,
    };
    resources::insert(conn, &resource)?;
    // Of a resource at this URL that an older version has removed.
    resource_rules::remove_of_resource(conn, &resource)?;
    record(conn, Event::ResourceAdded, Subject::resource(uri), now)?;
    if resource.paused_at.is_some() {
        record(conn, Event::ResourcePaused, Subject::resource(uri), now)?;
    }
    Ok(resource)
}

/// Puts a new secret in force; the one before works on for `overlap`. False if the resource is gone.
///
/// # Errors
/// The database's.
pub fn rotate_secret(
    conn: &mut DbConnection,
    resource: &Resource,
    secret_hash: &TokenHash,
    overlap: Seconds,
    now: UnixTime,
) -> Result<bool, StorageError> {
    record(conn, Event::SecretRotated, Subject::resource(&resource.uri), now)?;
    resources::rotate_secret(conn, resource, secret_hash, now + overlap)
}

/// Changes what people call a resource. False if it is gone.
///
/// # Errors
/// The database's.
pub fn rename_resource(
    conn: &mut DbConnection,
    resource: &Resource,
    name: Option<&str>,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let renamed = resources::rename(conn, &resource.id, name)?;
    if renamed {
        record(conn, Event::ResourceRenamed, Subject::resource(&resource.uri), now)?;
    }
    Ok(renamed)
}

fn dead() -> OAuthError {
    ErrorCode::AccessDenied.because("This link has been used, or a newer one has replaced it")
}
