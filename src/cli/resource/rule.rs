//! `resource rule`: which scope a tool needs, and what a scope is good for.

use clap::Subcommand;

use super::super::{Failure, output};
use super::find;
use crate::clock::Clock;
use crate::gate::rule_book;
use crate::mcp::{Rule, RuleKind};
use crate::oauth::Scope;
use crate::storage::{Storage, StorageError, resource_rules};

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a rule; the gate applies it to the next request
    Add {
        /// The introspection id or URL of the MCP server
        resource: String,
        /// These calls need this scope, whatever else the token has
        #[arg(
            long,
            value_name = "SCOPE",
            required_unless_present = "only",
            conflicts_with = "only"
        )]
        needs: Option<String>,
        /// Of this method, this scope is good for these calls only
        #[arg(long, value_name = "SCOPE")]
        only: Option<String>,
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

/// Runs it. `offered` are the scopes that there are.
///
/// # Errors
/// Resources and rules that are not there, rules that cannot be, the database's.
pub async fn run(command: Command, storage: &Storage, offered: &Scope) -> Result<(), Failure> {
    match command {
        Command::Add { resource, needs, only, method, name } => {
            let about = needs.map(|scope| (RuleKind::Needs, scope));
            let about = about.or(only.map(|scope| (RuleKind::Only, scope)));
            let (kind, scope) = about.unwrap_or((RuleKind::Needs, String::new()));
            let rules = Rule::for_names(kind, &scope, Some(&method), &name, offered);
            add(storage, &resource, rules.map_err(Failure::Failed)?).await
        }
        Command::List { resource, json } => list(storage, &resource, json).await,
        Command::Remove { resource, id } => remove(storage, &resource, id).await,
    }
}

async fn add(storage: &Storage, resource: &str, rules: Vec<Rule>) -> Result<(), Failure> {
    let resource = find(storage, resource).await?;
    let now = Clock::System.now();
    let add = move |conn: &mut _| {
        let add = |rule| rule_book::add(conn, &resource, rule, false, now);
        rules.iter().map(add).collect::<Result<Vec<bool>, StorageError>>()
    };
    let added = storage.write(add).await?;
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
    let rules = storage.read(|conn| resource_rules::list(conn, &resource)).await?;
    let none = || Failure::Failed("this MCP server has no rule of this number".to_owned());
    let rule = rules.into_iter().find(|stored| stored.id == id).ok_or_else(none)?;
    if rule.declared {
        let why =
            "this rule stands in the settings: remove it there, or the next start adds it again";
        return Err(Failure::Failed(why.to_owned()));
    }
    let now = Clock::System.now();
    let remove = move |conn: &mut _| rule_book::remove(conn, &resource, &rule, now);
    if storage.write::<_, StorageError>(remove).await? {
        output::line("the rule is gone")
    } else {
        Err(none())
    }
}
