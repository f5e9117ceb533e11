//! The rules of a resource: added and removed by the operator, or declared by the settings.

use crate::clock::UnixTime;
use crate::mcp::Rule;
use crate::storage::events::{Event, Subject, record};
use crate::storage::resource_rules::{self, Stored};
use crate::storage::resources::Resource;
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

/// Removes a rule. False if it is gone already.
///
/// # Errors
/// The database's.
pub fn remove(
    conn: &mut DbConnection,
    resource: &Resource,
    stored: &Stored,
    now: UnixTime,
) -> Result<bool, StorageError> {
    if !resource_rules::remove(conn, stored.id)? {
        return Ok(false);
    }
    record(conn, Event::RuleRemoved, about(resource, &stored.rule), now)?;
    Ok(true)
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
            remove(conn, resource, &stored, now)?;
        }
    }
    for rule in rules {
        add(conn, resource, rule, true, now)?;
    }
    Ok(())
}

fn about(resource: &Resource, rule: &Rule) -> Subject {
    Subject { detail: Some(rule.to_string()), ..Subject::resource(&resource.uri) }
}
