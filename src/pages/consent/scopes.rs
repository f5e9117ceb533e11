//! What an app may do, in words for people: RFC 6749 section 3.3 has none. The operator's come first,
//! as text; then those that we have for scopes that mean the same everywhere.

use crate::config::{Config, ScopeWords};
use crate::oauth::{Scope, ScopeHierarchy};
use crate::pages::Frame;
use crate::pages::language::{Html, Language};

/// One scope, in words.
#[derive(Debug, Clone)]
pub struct ScopeLine {
    /// As it is written.
    pub token: String,
    /// The operator's words, in the language of the page if there are such.
    pub words: Option<String>,
    /// What of the rest it includes.
    pub includes: Vec<ScopeLine>,
}

impl ScopeLine {
    pub(in crate::pages) fn words(&self, frame: &Frame) -> Html {
        const NOTHING: &[&str] = &[];
        match (&self.words, self.token.as_str()) {
            (Some(words), _) => Html::sentence("{}", &[words]),
            (None, "mcp") => {
                frame.say("Use it in your name: call its tools, and read what it offers", NOTHING)
            }
            (None, "offline_access") => frame.say("Stay connected while you are away", NOTHING),
            (None, foreign) => {
                frame.code("The permission that this MCP server calls {}", &[foreign])
            }
        }
    }
}

/// The words for scopes, in the language of a page.
#[derive(Clone, Copy)]
pub(in crate::pages) struct Glossary<'a> {
    words: &'a ScopeWords,
    hierarchy: &'a ScopeHierarchy,
    language: Language,
}

impl<'a> Glossary<'a> {
    pub(in crate::pages) fn new(config: &'a Config, language: Language) -> Self {
        Self { words: &config.scope_words, hierarchy: &config.scope_hierarchy, language }
    }

    /// A line for each scope that no other one includes. What it includes stands below it.
    pub(in crate::pages) fn lines(&self, scope: &Scope) -> Vec<ScopeLine> {
        let top = self.hierarchy.top(scope);
        let line = |token: &str| {
            let below = self.hierarchy.included_in(token).common(scope);
            let includes = below.tokens().map(|token| self.line(token)).collect();
            ScopeLine { includes, ..self.line(token) }
        };
        top.tokens().map(line).collect()
    }

    /// This scope alone.
    pub(in crate::pages) fn line(&self, token: &str) -> ScopeLine {
        let words = self.words.of(token, self.language.tag()).map(str::to_owned);
        ScopeLine { token: token.to_owned(), words, includes: vec![] }
    }
}

/// What a yes gives: all of it is on the page.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// What the person has not granted this app before.
    pub new: Vec<ScopeLine>,
    /// What the person has granted it before, and grants again.
    pub kept: Vec<ScopeLine>,
}

impl Asked {
    pub(in crate::pages) fn of(glossary: Glossary<'_>, scope: &Scope, kept: &Scope) -> Self {
        Self { new: glossary.lines(&scope.without(kept)), kept: glossary.lines(kept) }
    }

    /// Whether the app asks for more than it has.
    #[must_use]
    pub fn is_step_up(&self) -> bool {
        !self.new.is_empty() && !self.kept.is_empty()
    }
}
