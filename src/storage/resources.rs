//! `resources`: MCP servers, which may introspect the tokens that were issued for them.

use std::borrow::Cow;

use diesel::prelude::*;

use super::codec::text_enum;
use super::connection::{directly, update};
use super::schema::resources;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::{GrantId, IntrospectionId, ResourceUri, Scope, TokenHash};

/// An MCP server.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = resources, treat_none_as_default_value = false)]
pub struct Resource {
    /// With what it authenticates.
    pub id: IntrospectionId,
    /// Its URL in the registered spelling, which is `aud`.
    pub uri: ResourceUri,
    /// [`ResourceUri::canonical`] of it.
    pub canonical: String,
    /// What people call it.
    pub name: Option<String>,
    /// Without one it cannot introspect yet.
    pub secret_hash: Option<TokenHash>,
    /// The secret before this one, which goes on working for a while.
    pub previous_secret_hash: Option<TokenHash>,
    /// For that long.
    pub previous_secret_until: Option<UnixTime>,
    /// When it was added.
    pub created_at: UnixTime,
    /// The how-manieth it was; the first one is the default.
    pub position: i64,
    /// Since when it is closed to everybody: no token is good there.
    pub paused_at: Option<UnixTime>,
    /// Whom it is for.
    pub audience: Audience,
    /// What everybody may have there who is not named; none: every scope there is. Not asked when it
    /// is for named people.
    pub scope: Option<Scope>,
    /// No grant up to this one is good there, whatever its own row says.
    pub ended_up_to: Option<GrantId>,
    /// Whether a grant up to this one is still admitted has to be asked, whatever its own row says.
    pub narrowed_up_to: Option<GrantId>,
    /// What there is to be had there; none: every scope of the settings.
    pub scopes: Option<Scope>,
}

text_enum!(
    /// Whom a resource is for.
    Audience {
        /// Everybody who has an account.
        Everybody = "everybody",
        /// Those who are named in `resource_people`.
        Named = "named",
    }
);

impl Resource {
    /// Whether the hash is of a secret in force.
    #[must_use]
    pub fn accepts(&self, presented: &TokenHash, now: UnixTime) -> bool {
        let previous = self
            .previous_secret_hash
            .as_ref()
            .filter(|_| self.previous_secret_until.is_some_and(|until| now < until));
        [self.secret_hash.as_ref(), previous].into_iter().flatten().any(|hash| hash == presented)
    }

    /// What there is to be had here, of all the scopes of the settings.
    #[must_use]
    pub fn offered<'a>(&self, scopes: &'a Scope) -> Cow<'a, Scope> {
        match &self.scopes {
            None => Cow::Borrowed(scopes),
            Some(own) => Cow::Owned(scopes.common(own)),
        }
    }
}

/// [`StorageError::AlreadyExists`] when the id or the URL is taken.
pub fn insert(conn: &mut DbConnection, resource: &Resource) -> Result<(), StorageError> {
    diesel::insert_into(resources::table).values(resource).execute(conn)?;
    Ok(())
}

/// The resource that authenticates by this name.
pub fn find(
    conn: &mut DbConnection,
    id: &IntrospectionId,
) -> Result<Option<Resource>, StorageError> {
    Ok(resources::table.find(id).select(Resource::as_select()).get_result(conn).optional()?)
}

/// The resource at this URL, in whatever spelling.
pub fn find_by_uri(
    conn: &mut DbConnection,
    uri: &ResourceUri,
) -> Result<Option<Resource>, StorageError> {
    let named = resources::table.filter(resources::canonical.eq(uri.canonical()));
    let named = named.select(Resource::as_select());
    Ok(directly!(conn => named.get_result(conn)).optional()?)
}

/// All of them, the first added first. An operator has a handful.
pub fn list(conn: &mut DbConnection) -> Result<Vec<Resource>, StorageError> {
    let all = resources::table.order(resources::position).limit(1000);
    Ok(all.select(Resource::as_select()).load(conn)?)
}

/// The position of the next one.
pub fn next_position(conn: &mut DbConnection) -> Result<i64, StorageError> {
    let last = resources::table.select(diesel::dsl::max(resources::position));
    Ok(last.get_result::<Option<i64>>(conn)?.unwrap_or(0) + 1)
}

/// Puts a new secret in force; the one before works until `overlap_until`. False if the resource
/// is gone.
pub fn rotate_secret(
    conn: &mut DbConnection,
    resource: &Resource,
    secret_hash: &TokenHash,
    overlap_until: UnixTime,
) -> Result<bool, StorageError> {
    let changed = diesel::update(resources::table.find(&resource.id))
        .set((
            resources::secret_hash.eq(Some(secret_hash)),
            resources::previous_secret_hash.eq(resource.secret_hash.as_ref()),
            resources::previous_secret_until
                .eq(resource.secret_hash.as_ref().map(|_| overlap_until)),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Changes what people call it. False if there is no such resource.
pub fn rename(
    conn: &mut DbConnection,
    id: &IntrospectionId,
    name: Option<&str>,
) -> Result<bool, StorageError> {
    let renamed = diesel::update(resources::table.find(id)).set(resources::name.eq(name));
    Ok(renamed.execute(conn)? == 1)
}

/// Takes over another spelling of its URL, which becomes `aud`.
pub fn respell(
    conn: &mut DbConnection,
    id: &IntrospectionId,
    uri: &ResourceUri,
) -> Result<(), StorageError> {
    let same = resources::table.find(id).filter(resources::canonical.eq(uri.canonical()));
    diesel::update(same).set(resources::uri.eq(uri)).execute(conn)?;
    Ok(())
}

/// Changes the name by which it authenticates.
pub fn set_id(
    conn: &mut DbConnection,
    id: &IntrospectionId,
    new: &IntrospectionId,
) -> Result<(), StorageError> {
    diesel::update(resources::table.find(id)).set(resources::id.eq(new)).execute(conn)?;
    Ok(())
}

/// The resource at this URL, held until the transaction ends: whoever else decides about who may use
/// it waits. The row is written without being changed, which every engine takes for a lock.
pub fn hold(conn: &mut DbConnection, uri: &ResourceUri) -> Result<Option<Resource>, StorageError> {
    let named = resources::table.filter(resources::canonical.eq(uri.canonical()));
    let held = update(named, resources::position.eq(resources::position));
    directly!(conn => held.execute(conn))?;
    find_by_uri(conn, uri)
}

/// Closes a resource to everybody, or opens it again. False if it is so already, or gone.
pub fn set_paused(
    conn: &mut DbConnection,
    resource: &Resource,
    paused_at: Option<UnixTime>,
) -> Result<bool, StorageError> {
    let it = resources::table.filter(resources::canonical.eq(&resource.canonical));
    let change = resources::paused_at.eq(paused_at);
    let changed = if paused_at.is_some() {
        diesel::update(it.filter(resources::paused_at.is_null())).set(change).execute(conn)?
    } else {
        diesel::update(it.filter(resources::paused_at.is_not_null())).set(change).execute(conn)?
    };
    Ok(changed == 1)
}

/// Says whom a resource is for, and what of it everybody may have who is not named.
pub fn set_audience(
    conn: &mut DbConnection,
    resource: &Resource,
    (audience, scope): (Audience, Option<&Scope>),
) -> Result<(), StorageError> {
    diesel::update(resources::table.filter(resources::canonical.eq(&resource.canonical)))
        .set((resources::audience.eq(audience), resources::scope.eq(scope)))
        .execute(conn)?;
    Ok(())
}

/// Says what there is to be had at a resource; none: every scope of the settings.
pub fn set_scopes(
    conn: &mut DbConnection,
    resource: &Resource,
    scopes: Option<&Scope>,
) -> Result<(), StorageError> {
    diesel::update(resources::table.filter(resources::canonical.eq(&resource.canonical)))
        .set(resources::scopes.eq(scopes))
        .execute(conn)?;
    Ok(())
}

/// Ends every grant up to this one, at once.
pub fn end_up_to(
    conn: &mut DbConnection,
    resource: &Resource,
    last: GrantId,
) -> Result<(), StorageError> {
    diesel::update(resources::table.filter(resources::canonical.eq(&resource.canonical)))
        .set(resources::ended_up_to.eq(last))
        .execute(conn)?;
    Ok(())
}

/// Has every grant up to this one looked at again, at once.
pub fn narrow_up_to(
    conn: &mut DbConnection,
    resource: &Resource,
    last: GrantId,
) -> Result<(), StorageError> {
    diesel::update(resources::table.filter(resources::canonical.eq(&resource.canonical)))
        .set(resources::narrowed_up_to.eq(last))
        .execute(conn)?;
    Ok(())
}

/// The rows of the grants say it now; unless more has been ended meanwhile.
pub fn settle(conn: &mut DbConnection, resource: &Resource) -> Result<(), StorageError> {
    let it = || resources::table.filter(resources::canonical.eq(&resource.canonical));
    let none: Option<GrantId> = None;
    if let Some(last) = resource.ended_up_to {
        diesel::update(it().filter(resources::ended_up_to.eq(last)))
            .set(resources::ended_up_to.eq(none))
            .execute(conn)?;
    }
    if let Some(last) = resource.narrowed_up_to {
        diesel::update(it().filter(resources::narrowed_up_to.eq(last)))
            .set(resources::narrowed_up_to.eq(none))
            .execute(conn)?;
    }
    Ok(())
}

/// False if there is no such resource.
pub fn remove(conn: &mut DbConnection, id: &IntrospectionId) -> Result<bool, StorageError> {
    Ok(diesel::delete(resources::table.find(id)).execute(conn)? == 1)
}
