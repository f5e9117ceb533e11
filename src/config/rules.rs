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
    name: Option<toml::Value>,
}

/// The rules of the resource at `url`.
pub(super) fn rules(
    tables: &[toml::Value],
    url: &str,
    offered: &Scope,
) -> Result<Vec<Rule>, ConfigError> {
    let rules: Result<Vec<Vec<Rule>>, String> =
        tables.iter().map(|table| of_table(table, offered)).collect();
    Ok(rules.map_err(|problem| wrong(NAME, format!("of {url}: {problem}")))?.concat())
}

fn of_table(table: &toml::Value, offered: &Scope) -> Result<Vec<Rule>, String> {
    let table: Table = table
        .clone()
        .try_into()
        .map_err(|error: toml::de::Error| error.message().replace('\n', " "))?;
    let (kind, scope) = match (table.needs, table.only) {
        (Some(scope), None) => (RuleKind::Needs, scope),
        (None, Some(scope)) => (RuleKind::Only, scope),
        _ => return Err("has either needs or only".to_owned()),
    };
    let names = table.name.map(names).transpose()?.unwrap_or_default();
    Rule::for_names(kind, &scope, table.method.as_deref(), &names, offered)
}

/// One name, or a list. An empty one would say nothing, or everything.
fn names(value: toml::Value) -> Result<Vec<String>, String> {
    let names = match value {
        toml::Value::Array(names) if !names.is_empty() => names,
        one => vec![one],
    };
    let text = |name| match name {
        toml::Value::String(name) => Ok(name),
        _ => Err("name is neither text nor a list of texts".to_owned()),
    };
    names.into_iter().map(text).collect()
}
