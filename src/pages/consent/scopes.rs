//! What an app may do, in words for people: RFC 6749 section 3.3 has none.

use crate::oauth::Scope;
use crate::pages::Frame;
use crate::pages::language::Html;

/// One scope, in words.
pub struct ScopeLine(pub String);

impl ScopeLine {
    /// A line for each scope.
    pub(in crate::pages) fn of(scope: &Scope) -> Vec<Self> {
        scope.tokens().map(|token| Self(token.to_owned())).collect()
    }

    pub(in crate::pages) fn words(&self, frame: &Frame) -> Html {
        const NOTHING: &[&str] = &[];
        match self.0.as_str() {
            "mcp" => {
                frame.say("Use it in your name: call its tools, and read what it offers", NOTHING)
            }
            "offline_access" => frame.say("Stay connected while you are away", NOTHING),
            foreign => frame.code("The permission that this MCP server calls {}", &[foreign]),
        }
    }
}
