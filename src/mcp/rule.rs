//! Rules about calls: which scope a tool needs, and what a scope is good for.

use std::fmt;
use std::str::FromStr;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use serde::Serialize;
use wildmatch::WildMatch;

use super::Call;
use super::call::{is_method, is_named};
use crate::oauth::Scope;

/// A rule of a resource about the calls that match `method` and `name`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rule {
    /// What it says.
    pub kind: RuleKind,
    /// One scope.
    pub scope: Scope,
    /// Of `Mcp-Method`.
    pub method: Pattern,
    /// Of `Mcp-Name`: a tool, a prompt, the URI of a resource; `*` where calls have no name.
    pub name: Pattern,
}

/// What a rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
#[serde(rename_all = "snake_case")]
pub enum RuleKind {
    /// These calls need the scope, whatever else is held.
    Needs,
    /// Of the methods that it names, the scope is good for these calls only.
    Only,
}

impl Rule {
    /// A rule about one scope for each name, and about every name if there is none; of `tools/call`,
    /// unless it says of what. Names are for methods that have some. `offered` are the scopes that there are.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn for_names(
        kind: RuleKind,
        scope: &str,
        method: Option<&str>,
        names: &[String],
        offered: &Scope,
    ) -> Result<Vec<Self>, String> {
        let about: Scope = scope.parse()?;
        if about.tokens().count() != 1 {
            return Err(format!("({scope}) is not one scope"));
        }
        if !offered.covers(&about) {
            return Err(format!("({scope}) is none of the scopes there, which are: {offered}"));
        }
        let method = method.unwrap_or("tools/call");
        if !is_method(method) {
            return Err(format!("({method}) is no method, nor a pattern like tools/*"));
        }
        let every = ["*".to_owned()];
        let names = if names.is_empty() { &every } else { names };
        if names != every && !is_named(method) {
            return Err(format!(
                "({method}) has no names that can be believed: tools/call, prompts/get and \
                 resources/read have"
            ));
        }
        let pattern = |text: &str| -> Result<Pattern, String> {
            text.parse().map_err(|why| format!("({text}) {why}"))
        };
        let rule = |name: &String| {
            let (scope, method, name) = (about.clone(), pattern(method)?, pattern(name)?);
            Ok(Self { kind, scope, method, name })
        };
        names.iter().map(rule).collect()
    }

    /// Whether it is about calls of this method, whatever they name.
    #[must_use]
    pub fn covers_method_of(&self, call: &Call) -> bool {
        self.method.matches(call.method())
    }

    /// Whether it is about this call.
    #[must_use]
    pub fn matches(&self, call: &Call) -> bool {
        self.covers_method_of(call) && self.name.matches(call.name().unwrap_or_default())
    }
}

/// `tools/call delete_* needs wiki:admin`
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, scope, method, name } = self;
        match kind {
            RuleKind::Needs => write!(f, "{method} {name} needs {scope}"),
            RuleKind::Only => write!(f, "{scope} is for {method} {name} only"),
        }
    }
}

impl fmt::Display for RuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Needs => "needs",
            Self::Only => "only",
        })
    }
}

impl FromStr for RuleKind {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "needs" => Ok(Self::Needs),
            "only" => Ok(Self::Only),
            _ => Err("must be needs or only"),
        }
    }
}

/// Text in which `*` stands for any characters and `?` for one. Capital letters matter, as they do
/// in MCP.
#[derive(Debug, Clone, PartialEq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct Pattern(WildMatch);

impl Pattern {
    /// Whether the whole text is meant.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.0.matches(text)
    }
}

impl FromStr for Pattern {
    type Err = &'static str;

    /// 1 to 255 characters, none of which moves a cursor.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let usable = (1..=255).contains(&text.len()) && !text.chars().any(char::is_control);
        if usable { Ok(Self(WildMatch::new(text))) } else { Err("is no pattern like delete_*") }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Pattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_the_whole_text() {
        for (pattern, text, matches) in [
            ("*", "", true),
            ("delete_*", "delete_page", true),
            ("delete_*", "undelete_page", false),
            ("delete_*", "Delete_page", false),
            ("delete_page", "delete_page2", false),
            ("*_page", "delete_page", true),
            ("tools/*", "tools/call", true),
            ("get_?", "get_a", true),
            ("file:///*.md", "file:///a/b.md", true),
        ] {
            let pattern: Pattern = pattern.parse().unwrap();
            assert_eq!(pattern.matches(text), matches, "{pattern} {text}");
            assert_eq!(pattern.to_string().parse::<Pattern>().unwrap(), pattern);
        }
        for text in ["", "a\nb", &"x".repeat(256)] {
            assert!(text.parse::<Pattern>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_rule_that_could_not_be_kept_is_none() {
        let offered = Scope::requested("a b");
        let rule = |scope: &str, method: &str, names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            Rule::for_names(RuleKind::Needs, scope, Some(method), &names, &offered)
        };
        assert_eq!(rule("a", "tools/call", &["x", "y"]).unwrap().len(), 2);
        assert_eq!(rule("a", "*", &[]).unwrap().len(), 1);
        assert!(rule("a", "resources/*", &["*"]).is_ok());
        for (scope, method, names) in [
            ("a b", "tools/call", &[][..]),
            ("", "tools/call", &[]),
            ("c", "tools/call", &[]),
            ("a", "tools/call,prompts/get", &[]),
            ("a", "=?base64?eA==?=", &[]),
            ("a", "resources/*", &["file:///public/*"]),
            ("a", "*", &["delete_*"]),
            ("a", "tools/list", &["delete_*"]),
            ("a", "tools/call", &["x", ""]),
        ] {
            assert!(rule(scope, method, names).is_err(), "{scope} {method} {names:?}");
        }
    }
}
