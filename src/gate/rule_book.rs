//! The rules of a resource: added and removed by the operator, or declared by the settings.

use crate::clock::UnixTime;
use crate::mcp::Rule;
use crate::oauth::ResourceUri;
use crate::storage::events::{Event, Subject, record};
use crate::storage::resource_rules::{self, Stored};
use crate::storage::resources::{self, Resource};
use crate::storage::{DbConnection, StorageError};

/// Adds a rule. False if the resource has it already.
///
/// # Errors
/// The database's.
pub fn add(
    conn: &mut DbConnection,
    resource: &Resource,
    rule: &Rule,
    declared: bool,
    now: UnixTime,
) -> Result<bool, StorageError> {
    if resource_rules::list(conn, resource)?.iter().any(|stored| stored.rule == *rule) {
        return Ok(false);
    }
    resource_rules::insert(conn, resource, rule, declared)?;
    record(conn, Event::RuleAdded, about(resource, rule), now)?;
    Ok(true)
}

/// What became of a rule that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Done,
    /// The resource has no such rule.
    Absent,
    /// The settings say so, and would say so again at the next start.
    Declared,
}

/// Removes a rule of the operator.
///
/// # Errors
/// The database's.
pub fn remove(
    conn: &mut DbConnection,
    resource: &Resource,
    id: i64,
    now: UnixTime,
) -> Result<Removal, StorageError> {
    let rules = resource_rules::list(conn, resource)?;
    match rules.iter().find(|stored| stored.id == id) {
        None => Ok(Removal::Absent),
        Some(stored) if stored.declared => Ok(Removal::Declared),
        Some(stored) => strike(conn, resource, stored, now).map(|()| Removal::Done),
    }
}

/// Makes the declared rules of a resource these; the operator's stay. Changes nothing when they are.
///
/// # Errors
/// The database's.
pub fn declare(
    conn: &mut DbConnection,
    resource: &Resource,
    rules: &[Rule],
    now: UnixTime,
) -> Result<(), StorageError> {
    for stored in resource_rules::list(conn, resource)? {
        if stored.declared && !rules.contains(&stored.rule) {
            strike(conn, resource, &stored, now)?;
        }
    }
    for rule in rules {
        add(conn, resource, rule, true, now)?;
    }
    Ok(())
}

/// Leaves the rules of all resources but these to the operator.
///
/// # Errors
/// The database's.
pub fn undeclare_all_but(
    conn: &mut DbConnection,
    named: &[ResourceUri],
) -> Result<(), StorageError> {
    for resource in resources::list(conn)? {
        if !named.iter().any(|uri| uri.canonical() == resource.canonical) {
            resource_rules::undeclare(conn, &resource)?;
        }
    }
    Ok(())
}

fn strike(
    conn: &mut DbConnection,
    resource: &Resource,
    stored: &Stored,
    now: UnixTime,
) -> Result<(), StorageError> {
    resource_rules::remove(conn, stored.id)?;
    record(conn, Event::RuleRemoved, about(resource, &stored.rule), now)
}

fn about(resource: &Resource, rule: &Rule) -> Subject {
    Subject { detail: Some(rule.to_string()), ..Subject::resource(&resource.uri) }
}
