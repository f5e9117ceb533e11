//! `MCP_OAUTH_SCOPE_WORDS`, `MCP_OAUTH_SCOPE_INCLUDES` and the `[[scope]]` tables: what scopes are
//! called, and what they include. What the plain settings say of a scope comes before its table.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::sources::scalar;
use super::values::{Reader, wrong};
use super::{ConfigError, Sources};
use crate::oauth::{Scope, ScopeHierarchy, display_name};

/// The longest words of a scope, in letters: the decision stays in sight.
const LONGEST_WORDS: usize = 200;
const TABLE: &str = "[[scope]]";
/// A scope of which people may hear without that it can be asked for: a refresh token needs none.
const OFFLINE: &str = "offline_access";

/// What people read in place of a scope, in the operator's words.
#[derive(Debug, Clone, Default)]
pub struct ScopeWords(BTreeMap<String, Words>);

/// In whatever language, and in those for which there are others.
#[derive(Debug, Clone, Default)]
struct Words {
    plain: Option<String>,
    by_language: BTreeMap<String, String>,
}

impl ScopeWords {
    /// The words for a scope, in this language (RFC 5646) if there are any.
    #[must_use]
    pub fn of(&self, token: &str, language: &str) -> Option<&str> {
        let words = self.0.get(token)?;
        words.by_language.get(language).or(words.plain.as_ref()).map(String::as_str)
    }
}

/// A `[[scope]]` table of the configuration file, not yet understood.
#[derive(Clone)]
pub(super) struct ScopeTable {
    name: String,
    words: Words,
    includes: Option<String>,
}

impl ScopeTable {
    /// A table of the file.
    pub(super) fn read(file: &str, value: &toml::Value) -> Result<Self, ConfigError> {
        let refuse = |problem: String| ConfigError::new(TABLE, problem);
        let table = value.as_table().ok_or_else(|| refuse("is not a table".to_owned()))?;
        let mut read = Self { name: String::new(), words: Words::default(), includes: None };
        for (key, value) in table {
            let place = format!("{TABLE} {key}");
            let text = scalar(&place, value)?;
            match (key.as_str(), key.strip_prefix("words_")) {
                ("name", _) => read.name = text,
                ("words", _) => read.words.plain = Some(words(&place, &text)?),
                ("includes", _) => read.includes = Some(text),
                (_, Some(tag)) if is_language(tag) => {
                    read.words.by_language.insert(tag.to_owned(), words(&place, &text)?);
                }
                _ => return Err(ConfigError::new(place, format!("is not a setting ({file})"))),
            }
        }
        if read.name.is_empty() { Err(refuse("needs a name".to_owned())) } else { Ok(read) }
    }
}

impl Sources {
    /// The scopes that have a table in the file.
    pub fn scopes_of_tables(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().map(|table| table.name.as_str())
    }
}

impl Reader<'_> {
    /// What each scope includes.
    pub(super) fn scope_hierarchy(&self) -> Result<ScopeHierarchy, ConfigError> {
        let offered = self.scopes()?;
        let mut direct = BTreeMap::new();
        for table in self.scope_tables(&offered)? {
            if let Some(text) = &table.includes {
                let of_it = |why| wrong(TABLE, format!("includes of {}: {why}", table.name));
                known(&table.name, &offered).map_err(of_it)?;
                let below = known(text, &offered).map_err(of_it)?;
                direct.insert(table.name.clone(), below);
            }
        }
        let key = "scope_includes";
        for (token, text) in self.scope_pairs(key)? {
            known(&token, &offered).map_err(|why| wrong(key, why))?;
            let below = known(&text, &offered).map_err(|why| wrong(key, why))?;
            direct.insert(token, below);
        }
        let name = if self.0.text(key).is_some() { key } else { TABLE };
        ScopeHierarchy::new(&direct).map_err(|circle| wrong(name, circle.to_string()))
    }

    /// What each scope is called.
    pub(super) fn scope_words(&self) -> Result<ScopeWords, ConfigError> {
        let offered = self.scopes()?.union(&Scope::requested(OFFLINE));
        let mut all = BTreeMap::new();
        for table in self.scope_tables(&offered)? {
            all.insert(table.name.clone(), table.words.clone());
        }
        let key = "scope_words";
        for (token, text) in self.scope_pairs(key)? {
            known(&token, &offered).map_err(|why| wrong(key, why))?;
            let text = words(key, &text)?;
            all.entry(token).or_insert_with(Words::default).plain = Some(text);
        }
        Ok(ScopeWords(all))
    }

    /// The scopes of a `[[resource]]` table, with all that they include.
    pub(super) fn scopes_of_resource(
        &self,
        text: Option<&String>,
        url: &str,
    ) -> Result<Option<Scope>, ConfigError> {
        let Some(text) = text else { return Ok(None) };
        let scopes = known(text, &self.scopes()?)
            .map_err(|why| wrong("[[resource]] scopes", format!("of {url}: {why}")))?;
        Ok(Some(self.scope_hierarchy()?.expand(&scopes)))
    }

    /// The tables, each about another scope that there is.
    fn scope_tables(&self, offered: &Scope) -> Result<&[ScopeTable], ConfigError> {
        let offered = offered.union(&Scope::requested(OFFLINE));
        let tables = &self.0.scopes;
        for (index, table) in tables.iter().enumerate() {
            known(&table.name, &offered).map_err(|why| wrong(TABLE, why))?;
            if tables[..index].iter().any(|earlier| earlier.name == table.name) {
                return Err(wrong(TABLE, format!("has {} twice", table.name)));
            }
        }
        Ok(tables)
    }

    /// `write=…; admin=…`
    fn scope_pairs(&self, key: &str) -> Result<Vec<(String, String)>, ConfigError> {
        let mut pairs: Vec<(String, String)> = vec![];
        let text = self.0.text(key).unwrap_or_default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((token, said)) = part.split_once('=') else {
                return Err(wrong(key, format!("({part}) is not like scope=…; scope=…")));
            };
            let (token, said) = (token.trim(), said.trim());
            if pairs.iter().any(|(earlier, _)| earlier == token) {
                return Err(wrong(key, format!("has {token} twice")));
            }
            pairs.push((token.to_owned(), said.to_owned()));
        }
        Ok(pairs)
    }
}

/// One or more of the scopes that there are.
fn known(text: &str, offered: &Scope) -> Result<Scope, String> {
    let scope: Scope = text.parse().map_err(|why| format!("({text}) {why}"))?;
    if scope.is_empty() {
        return Err("names no scope".to_owned());
    }
    let unknown = scope.without(offered);
    if unknown.is_empty() {
        return Ok(scope);
    }
    Err(format!("({unknown}) is none of MCP_OAUTH_SCOPES, which are: {offered}"))
}

/// Plain text of one line, that shows something.
fn words(name: &str, text: &str) -> Result<String, ConfigError> {
    let text = text.trim();
    let letters = text.chars().count();
    if display_name(text).as_deref() != Some(text) {
        let shown = text.escape_debug();
        return Err(wrong(name, format!("({shown}) is not one line of plain text")));
    }
    if letters > LONGEST_WORDS {
        return Err(wrong(name, format!("has {letters} letters, and may have {LONGEST_WORDS}")));
    }
    Ok(text.to_owned())
}

fn is_language(tag: &str) -> bool {
    (2..=3).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_lowercase())
}
