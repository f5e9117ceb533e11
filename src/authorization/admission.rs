//! Who may use a resource, and what of it. It is asked when a person says yes and when the code is
//! redeemed; from then on the grant says it. So whatever takes something away ends the grants that
//! exceed what is left, in the same transaction.

use crate::clock::UnixTime;
use crate::error::Error;
use crate::oauth::{ErrorCode, OAuthError, Scope, ScopeHierarchy, UserId};
use crate::revocation;
use crate::storage::events::{Event, Subject, record};
use crate::storage::grants::{self, Grant};
use crate::storage::resources::{self, Resource};
use crate::storage::{
    Audience, DbConnection, RevokedBecause, StorageError, resource_people, users,
};
use crate::words;

/// What somebody may have at a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// Every scope there is.
    Everything,
    /// These.
    Only(Scope),
}

impl Allowed {
    /// What of `asked` it is; perhaps nothing.
    #[must_use]
    pub fn of(&self, asked: &Scope) -> Scope {
        match self {
            Self::Everything => asked.clone(),
            Self::Only(scope) => scope.common(asked),
        }
    }

    /// What of it is to be had at a resource at all; see [`Resource::scopes`].
    fn within(self, scopes: Option<&Scope>) -> Self {
        match (self, scopes) {
            (allowed, None) => allowed,
            (allowed, Some(scopes)) => Self::Only(allowed.of(scopes)),
        }
    }

    /// Whether all of it may be had.
    #[must_use]
    pub fn covers(&self, scope: &Scope) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(allowed) => allowed.covers(scope),
        }
    }
}

impl From<Option<Scope>> for Allowed {
    fn from(scope: Option<Scope>) -> Self {
        scope.map_or(Self::Everything, Self::Only)
    }
}

/// What this person may have there; none: the resource is not for the person. What is said about
/// somebody by name counts before what is said about everybody.
///
/// # Errors
/// The database's.
pub fn admitted(
    conn: &mut DbConnection,
    resource: &Resource,
    user_id: &UserId,
) -> Result<Option<Allowed>, StorageError> {
    let allowed: Option<Allowed> = match resource_people::find(conn, resource, user_id)? {
        Some(named) => Some(named.into()),
        None if resource.audience == Audience::Named => None,
        None => Some(resource.scope.clone().into()),
    };
    Ok(allowed.map(|allowed| allowed.within(resource.scopes.as_ref())))
}

/// Whether a live grant is good at its resource, of which everything may have been ended so lately
/// that the grant's own row does not say so yet. Costs a look-up only while that is so.
///
/// # Errors
/// The database's.
pub fn stands(
    conn: &mut DbConnection,
    resource: &Resource,
    grant: &Grant,
) -> Result<bool, StorageError> {
    if resource.ended_up_to.is_some_and(|last| grant.id <= last) {
        return Ok(false);
    }
    if resource.narrowed_up_to.is_none_or(|last| grant.id > last) {
        return Ok(true);
    }
    let allowed = admitted(conn, resource, &grant.user_id)?;
    Ok(allowed.is_some_and(|allowed| allowed.covers(&grant.scope)))
}

/// Reads what somebody is to have, and adds what that includes: nothing for every scope there is.
///
/// # Errors
/// `invalid_request` for what is not offered.
pub fn scope(
    text: &str,
    offered: &Scope,
    hierarchy: &ScopeHierarchy,
) -> Result<Option<Scope>, OAuthError> {
    let refuse = || ErrorCode::InvalidRequest.because("This is not a scope that is offered here");
    let mut tokens = text.split_whitespace().peekable();
    if tokens.peek().is_none() {
        return Ok(None);
    }
    let scope: Scope = tokens.collect::<Vec<_>>().join(" ").parse().map_err(|_| refuse())?;
    if !offered.covers(&scope) {
        return Err(refuse());
    }
    Ok(Some(hierarchy.expand(&scope)))
}

/// Names a person for a resource, with these scopes or with every one. How many grants that ended,
/// because they had more.
///
/// # Errors
/// `invalid_request` if the person or the resource is gone, and the database's.
pub fn allow(
    conn: &mut DbConnection,
    resource: &Resource,
    user_id: &UserId,
    scope: Option<&Scope>,
    now: UnixTime,
) -> Result<usize, Error> {
    let resource = resources::hold(conn, &resource.uri)?.ok_or_else(gone)?;
    let nobody = || ErrorCode::InvalidRequest.because("There is no such account any more");
    users::find(conn, user_id)?.ok_or_else(nobody)?;
    end_pending(conn, &resource, user_id, now)?;
    resource_people::replace(conn, &resource, user_id, scope)?;
    let detail = Some(scope.map_or_else(|| "everything".to_owned(), ToString::to_string));
    let about = Subject { detail, ..about(&resource, user_id) };
    record(conn, Event::PersonAllowed, about, now)?;
    Ok(end_excess(conn, &resource, user_id, now)?)
}

/// Takes a person's name off a resource: what is left is what everybody may have, which is nothing
/// if the resource is for named people. How many grants that ended; none if there was no such name.
///
/// # Errors
/// `invalid_request` if the resource is gone, and the database's.
pub fn disallow(
    conn: &mut DbConnection,
    resource: &Resource,
    user_id: &UserId,
    now: UnixTime,
) -> Result<Option<usize>, Error> {
    let resource = resources::hold(conn, &resource.uri)?.ok_or_else(gone)?;
    if !resource_people::remove(conn, &resource, user_id)? {
        return Ok(None);
    }
    record(conn, Event::PersonDisallowed, about(&resource, user_id), now)?;
    Ok(Some(end_excess(conn, &resource, user_id, now)?))
}

/// Says whom a resource is for, and what of it everybody may have who is not named. Grants that
/// exceed it are dead at once; [`revocation::ending::settle`] writes it into their rows, and is called
/// before this as well, in case that nobody has done it for the change before.
///
/// # Errors
/// `invalid_request` if the resource is gone, or the change before is not settled; the database's.
pub fn open_to(
    conn: &mut DbConnection,
    resource: &Resource,
    (audience, scope): (Audience, Option<&Scope>),
    now: UnixTime,
) -> Result<(), Error> {
    let resource = hold_settled(conn, resource)?;
    resources::set_audience(conn, &resource, (audience, scope))?;
    let detail = match (audience, scope) {
        (Audience::Everybody, Some(scope)) => format!("{audience} {scope}"),
        (audience, _) => audience.to_string(),
    };
    let about = Subject { detail: Some(detail), ..Subject::resource(&resource.uri) };
    record(conn, Event::AudienceChanged, about, now)?;
    let last = grants::last(conn)?;
    Ok(resources::narrow_up_to(conn, &resource, last)?)
}

/// The resource, held, if what was taken away there before stands in the rows of the grants: what is
/// ended stays ended, and they have to say so before it can be forgotten what was ended.
///
/// # Errors
/// `invalid_request` if they do not yet, or the resource is gone; the database's.
pub(super) fn hold_settled(
    conn: &mut DbConnection,
    resource: &Resource,
) -> Result<Resource, Error> {
    let resource = resources::hold(conn, &resource.uri)?.ok_or_else(gone)?;
    if resource.narrowed_up_to.is_some() {
        let why =
            words!("The change before this one is still being written. Try again in a moment");
        return Err(ErrorCode::InvalidRequest.because(why).into());
    }
    Ok(resource)
}

/// Ends what a person has lost by a change of the audience that is not in the rows yet: a name that
/// is put on the list now does not bring it back.
fn end_pending(
    conn: &mut DbConnection,
    resource: &Resource,
    user_id: &UserId,
    now: UnixTime,
) -> Result<(), StorageError> {
    if resource.narrowed_up_to.is_some() {
        end_excess(conn, resource, user_id, now)?;
    }
    Ok(())
}

/// Ends what a person has there beyond what is allowed now.
fn end_excess(
    conn: &mut DbConnection,
    resource: &Resource,
    user_id: &UserId,
    now: UnixTime,
) -> Result<usize, StorageError> {
    let allowed = admitted(conn, resource, user_id)?;
    let mut ended = 0;
    for grant in grants::live_of(conn, user_id, &resource.canonical)? {
        if !allowed.as_ref().is_some_and(|allowed| allowed.covers(&grant.scope)) {
            revocation::end(conn, grant.id, RevokedBecause::NotAdmitted, now)?;
            ended += 1;
        }
    }
    Ok(ended)
}

fn about(resource: &Resource, user_id: &UserId) -> Subject {
    Subject { user_id: Some(user_id.clone()), ..Subject::resource(&resource.uri) }
}

fn gone() -> OAuthError {
    ErrorCode::InvalidRequest.because("There is no such MCP server any more")
}
