//! What an MCP request says of itself in its headers, and rules about it.

mod call;
mod rule;

pub use call::Call;
pub use rule::{Pattern, Rule, RuleKind};
