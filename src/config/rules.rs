//! `[[resource.rule]]`: what the calls of a resource need.

use serde::Deserialize;

use super::ConfigError;
use super::values::wrong;
use crate::mcp::{Rule, RuleKind};
use crate::oauth::Scope;

const NAME: &str = "[[resource.rule]]";

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    needs: Option<String>,
    only: Option<String>,
    method: Option<String>,
    #[serde(default)]
    name: Names,
}

/// One name, or a list.
#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Names {
    #[default]
    All,
    One(String),
    Several(Vec<String>),
}

/// The rules of one resource.
pub(super) fn rules(tables: &[toml::Value], offered: &Scope) -> Result<Vec<Rule>, ConfigError> {
    let rules: Result<Vec<Vec<Rule>>, ConfigError> =
        tables.iter().map(|table| of_table(table, offered)).collect();
    Ok(rules?.concat())
}

fn of_table(table: &toml::Value, offered: &Scope) -> Result<Vec<Rule>, ConfigError> {
    let table: Table = table
        .clone()
        .try_into()
        .map_err(|error: toml::de::Error| wrong(NAME, error.message().replace('\n', " ")))?;
    let (kind, scope) = match (table.needs, table.only) {
        (Some(scope), None) => (RuleKind::Needs, scope),
        (None, Some(scope)) => (RuleKind::Only, scope),
        _ => return Err(wrong(NAME, "has either needs or only")),
    };
    let names = match table.name {
        Names::All => vec![],
        Names::One(name) => vec![name],
        Names::Several(names) => names,
    };
    Rule::for_names(kind, &scope, table.method.as_deref(), &names, offered)
        .map_err(|problem| wrong(NAME, problem))
}
