//! `resource rule`: which scope a tool needs, and what a scope is good for.

use clap::{Args, Subcommand};

use super::super::{Failure, output};
use super::{find, no_such_resource};
use crate::clock::Clock;
use crate::gate::rule_book::{self, Removal};
use crate::mcp::{Rule, RuleKind};
use crate::oauth::{IntrospectionId, Scope};
use crate::storage::{Storage, StorageError, resource_rules, resources};

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a rule; the gate applies it to the next request
    Add {
        /// The introspection id or URL of the MCP server
        resource: String,
        /// What it says
        #[command(flatten)]
        says: Says,
        /// Pattern of the method
        #[arg(long, default_value = "tools/call")]
        method: String,
        /// Pattern of the tool, prompt or resource URI, like delete_*; may be repeated; without
        /// one: all of them
        #[arg(long)]
        name: Vec<String>,
    },
    /// The rules of an MCP server
    List {
        /// The introspection id or URL of the MCP server
        resource: String,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Remove a rule; the next request is decided without it
    Remove {
        /// The introspection id or URL of the MCP server
        resource: String,
        /// The number that `list` shows
        id: i64,
    },
}

/// One of the two.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Says {
    /// These calls need this scope, whatever else the token has
    #[arg(long, value_name = "SCOPE")]
    needs: Option<String>,
    /// Of this method, this scope is good for these calls only
    #[arg(long, value_name = "SCOPE")]
    only: Option<String>,
}

/// Runs it. `offered` are the scopes that there are.
///
/// # Errors
/// Resources and rules that are not there, rules that cannot be, the database's.
pub async fn run(command: Command, storage: &Storage, offered: &Scope) -> Result<(), Failure> {
    match command {
        Command::Add { resource, says, method, name } => {
            let (kind, scope) = match says {
                Says { needs: Some(scope), .. } => (RuleKind::Needs, scope),
                Says { only, .. } => (RuleKind::Only, only.unwrap_or_default()),
            };
            let found = find(storage, &resource).await?;
            let offered = found.offered(offered);
            let rules = Rule::for_names(kind, &scope, Some(&method), &name, &offered);
            add(storage, found.id, rules.map_err(Failure::Failed)?).await
        }
        Command::List { resource, json } => list(storage, &resource, json).await,
        Command::Remove { resource, id } => remove(storage, &resource, id).await,
    }
}

async fn add(storage: &Storage, id: IntrospectionId, rules: Vec<Rule>) -> Result<(), Failure> {
    let now = Clock::System.now();
    let add = move |conn: &mut _| {
        // Again, for it may have gone meanwhile.
        let Some(resource) = resources::find(conn, &id)? else { return Ok(None) };
        let add = |rule| rule_book::add(conn, &resource, rule, false, now);
        rules.iter().map(add).collect::<Result<Vec<bool>, StorageError>>().map(Some)
    };
    let added = storage.write(add).await?.ok_or_else(no_such_resource)?;
    if !added.contains(&true) {
        return Err(Failure::Failed("this MCP server has this rule already".to_owned()));
    }
    output::line(&format!("{} added", added.iter().filter(|added| **added).count()))
}

async fn list(storage: &Storage, resource: &str, json: bool) -> Result<(), Failure> {
    let resource = find(storage, resource).await?;
    let rules = storage.read(|conn| resource_rules::list(conn, &resource)).await?;
    if json {
        return output::json(&rules);
    }
    let rows: Vec<_> = rules
        .iter()
        .map(|stored| {
            let origin = if stored.declared { "settings" } else { "operator" };
            [stored.id.to_string(), stored.rule.to_string(), origin.to_owned()]
        })
        .collect();
    output::table(["ID", "RULE", "BY"], &rows)
}

async fn remove(storage: &Storage, resource: &str, id: i64) -> Result<(), Failure> {
    let resource = find(storage, resource).await?;
    let now = Clock::System.now();
    let remove = move |conn: &mut _| rule_book::remove(conn, &resource, id, now);
    let refuse = |why: &str| Err(Failure::Failed(why.to_owned()));
    match storage.write::<_, StorageError>(remove).await? {
        Removal::Done => output::line("the rule is gone"),
        Removal::Absent => refuse("this MCP server has no rule of this number"),
        Removal::Declared => {
            refuse("this rule stands in the settings, and would be back at the next start")
        }
    }
}
