//! What the settings declare, for containers: the owner and the resources. Repeated starts change
//! nothing; nothing that a person has set is overwritten.

use secrecy::ExposeSecret as _;

use super::password::Hashed;
use super::setup::{add_resource, rotate_secret};
use super::{Username, add_user};
use crate::authorization::limits;
use crate::clock::{Seconds, UnixTime};
use crate::config::DeclaredResource;
use crate::error::Error;
use crate::gate::rule_book;
use crate::oauth::{IntrospectionId, TokenHash};
use crate::storage::resources::{self, Resource};
use crate::storage::{DbConnection, Role, StorageError, users};

/// Why the settings cannot be put into force.
#[derive(Debug, thiserror::Error)]
pub enum DeclarationError {
    /// Two resources, one name.
    #[error(
        "MCP_OAUTH_INTROSPECTION_ID ({id}) of {declared} belongs to {stored}: keep that URL, or \
         give the new one another id, and no login ends; or end the logins of the old one with: \
         mcp-oauthd resource remove {stored}"
    )]
    IdTaken {
        /// The id.
        id: IntrospectionId,
        /// The URL of the settings.
        declared: String,
        /// The URL in the database.
        stored: String,
    },
    /// Other scopes, while grants are still being ended for an earlier change.
    #[error("[[resource]] scopes of {declared}: {why}")]
    Unsettled {
        /// The URL of the settings.
        declared: String,
        /// In the words for people.
        why: String,
    },
    /// The database's.
    #[error(transparent)]
    Failed(#[from] StorageError),
}

/// Makes the owner, if there is nobody of that name.
///
/// # Errors
/// The database's.
pub fn declare_owner(
    conn: &mut DbConnection,
    username: &Username,
    password: &Hashed,
    now: UnixTime,
) -> Result<(), StorageError> {
    if users::find_by_name(conn, username.as_str())?.is_none() {
        add_user(conn, username, password, Some(Role::Owner), now)?;
    }
    Ok(())
}

/// Adds a resource, or brings the one of that URL up to date: a changed secret replaces the old
/// one, which works on for `overlap`.
///
/// # Errors
/// [`DeclarationError`].
pub fn declare_resource(
    conn: &mut DbConnection,
    declared: &DeclaredResource,
    overlap: Seconds,
    now: UnixTime,
) -> Result<(), DeclarationError> {
    let secret_hash =
        declared.introspection_secret.as_ref().map(|secret| TokenHash::of(secret.expose_secret()));
    let stored = resources::find_by_uri(conn, &declared.uri)?;
    if let Some(id) = &declared.introspection_id
        && let Some(holder) = resources::find(conn, id)?
        && holder.canonical != declared.uri.canonical()
    {
        return Err(DeclarationError::IdTaken {
            id: id.clone(),
            declared: declared.uri.to_string(),
            stored: holder.uri.to_string(),
        });
    }
    let resource = if let Some(stored) = stored {
        if let Some(hash) = &secret_hash
            && stored.secret_hash.as_ref() != Some(hash)
        {
            rotate_secret(conn, &stored, hash, overlap, now)?;
        }
        rename(conn, declared, &stored)?;
        stored
    } else {
        let id = declared.introspection_id.clone().unwrap_or_else(IntrospectionId::generate);
        let named = (id, declared.name.clone());
        add_resource(conn, &declared.uri, named, secret_hash.as_ref(), now)?
    };
    declare_scopes(conn, declared, &resource, now)?;
    Ok(rule_book::declare(conn, &resource, &declared.rules, now)?)
}

/// Settings that say nothing about them leave them to the owner.
fn declare_scopes(
    conn: &mut DbConnection,
    declared: &DeclaredResource,
    resource: &Resource,
    now: UnixTime,
) -> Result<(), DeclarationError> {
    if declared.scopes.is_none() || resource.scopes == declared.scopes {
        return Ok(());
    }
    limits::of_resource(conn, resource, declared.scopes.as_ref(), now).map_err(
        |error| match error {
            Error::Failed(error) => error.into(),
            Error::Refused(error) => DeclarationError::Unsettled {
                declared: declared.uri.to_string(),
                why: error.description.to_string(),
            },
        },
    )
}

/// A changed name, or another spelling of the same URL.
fn rename(
    conn: &mut DbConnection,
    declared: &DeclaredResource,
    stored: &Resource,
) -> Result<(), StorageError> {
    if stored.uri != declared.uri {
        resources::respell(conn, &stored.id, &declared.uri)?;
    }
    if let Some(name) = &declared.name
        && stored.name.as_ref() != Some(name)
    {
        resources::rename(conn, &stored.id, Some(name))?;
    }
    if let Some(id) = &declared.introspection_id
        && stored.id != *id
    {
        resources::set_id(conn, &stored.id, id)?;
    }
    Ok(())
}
