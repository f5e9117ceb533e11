//! `resource_rules`: what the calls of a resource need, beyond what its route demands.

use diesel::prelude::*;
use serde::Serialize;

use super::connection::directly;
use super::resources::Resource;
use super::schema::{resource_rules, resources};
use super::{DbConnection, StorageError};
use crate::mcp::{Pattern, Rule, RuleKind};
use crate::oauth::{IntrospectionId, Scope};

/// A rule and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stored {
    /// By which the operator calls it.
    pub id: i64,
    /// What it says.
    #[serde(flatten)]
    pub rule: Rule,
    /// By the settings, which put it back at each start.
    pub declared: bool,
}

type Columns = (i64, RuleKind, Scope, Pattern, Pattern, bool);

/// The rules of a resource, in the order in which they were added. An operator has a handful.
pub fn list(conn: &mut DbConnection, resource: &Resource) -> Result<Vec<Stored>, StorageError> {
    let rows = resource_rules::table
        .filter(resource_rules::resource.eq(&resource.canonical))
        .order(resource_rules::id)
        .select((
            resource_rules::id,
            resource_rules::kind,
            resource_rules::scope,
            resource_rules::method,
            resource_rules::name,
            resource_rules::declared,
        ))
        .load::<Columns>(conn)?;
    let stored = |(id, kind, scope, method, name, declared)| Stored {
        id,
        rule: Rule { kind, scope, method, name },
        declared,
    };
    Ok(rows.into_iter().map(stored).collect())
}

/// A resource with its rules.
#[derive(Debug, Clone)]
pub struct RuledResource {
    /// The resource.
    pub resource: Resource,
    /// In the order in which they were added.
    pub rules: Vec<Rule>,
}

/// A resource with its rules, in one look-up.
pub fn find_with_resource(
    conn: &mut DbConnection,
    id: &IntrospectionId,
) -> Result<Option<RuledResource>, StorageError> {
    type Row = (Resource, Option<(RuleKind, Scope, Pattern, Pattern)>);
    let its = resource_rules::resource.eq(resources::canonical);
    let query = resources::table
        .left_join(resource_rules::table.on(its))
        .filter(resources::id.eq(id))
        .select((
            Resource::as_select(),
            (
                resource_rules::kind,
                resource_rules::scope,
                resource_rules::method,
                resource_rules::name,
            )
                .nullable(),
        ));
    let rows = directly!(conn => query.load::<Row>(conn))?;
    let mut found: Option<RuledResource> = None;
    for (resource, rule) in rows {
        let ruled = found.get_or_insert_with(|| RuledResource { resource, rules: vec![] });
        ruled.rules.extend(rule.map(|(kind, scope, method, name)| Rule {
            kind,
            scope,
            method,
            name,
        }));
    }
    Ok(found)
}

/// Adds a rule to a resource.
pub fn insert(
    conn: &mut DbConnection,
    resource: &Resource,
    rule: &Rule,
    declared: bool,
) -> Result<(), StorageError> {
    diesel::insert_into(resource_rules::table)
        .values((
            resource_rules::resource.eq(&resource.canonical),
            resource_rules::kind.eq(rule.kind),
            resource_rules::scope.eq(&rule.scope),
            resource_rules::method.eq(&rule.method),
            resource_rules::name.eq(&rule.name),
            resource_rules::declared.eq(declared),
        ))
        .execute(conn)?;
    Ok(())
}

/// False if there is no such rule.
pub fn remove(conn: &mut DbConnection, id: i64) -> Result<bool, StorageError> {
    Ok(diesel::delete(resource_rules::table.find(id)).execute(conn)? == 1)
}

/// Leaves the rules of a resource to the operator: the settings do not name it any more.
pub fn undeclare(conn: &mut DbConnection, resource: &Resource) -> Result<(), StorageError> {
    let declared = resource_rules::table
        .filter(resource_rules::resource.eq(&resource.canonical))
        .filter(resource_rules::declared.eq(true));
    diesel::update(declared).set(resource_rules::declared.eq(false)).execute(conn)?;
    Ok(())
}

/// Removes every rule of a resource.
pub fn remove_of_resource(
    conn: &mut DbConnection,
    resource: &Resource,
) -> Result<(), StorageError> {
    let its = resource_rules::table.filter(resource_rules::resource.eq(&resource.canonical));
    diesel::delete(its).execute(conn)?;
    Ok(())
}
