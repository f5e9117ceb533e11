//! Names of headers that some frameworks read as other names.

use super::Recipe;
use super::templates::IDENTITY;

/// What a resource with rules decides by.
const DECIDING: [&str; 3] = ["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"];

impl Recipe {
    /// By header, the names that read as those of headers of which the gate or the MCP server makes
    /// something, to a program that takes `_` for `-`.
    #[expect(clippy::unused_self, reason = "a template sees nothing but the methods of its values")]
    pub(super) fn underscored(&self) -> Vec<Vec<String>> {
        let identity = IDENTITY.iter().map(|name| format!("X-Auth-{name}"));
        identity.chain(DECIDING.map(str::to_owned)).map(|name| mixtures(&name)).collect()
    }
}

/// A name with one or more of its dashes as underscores.
fn mixtures(name: &str) -> Vec<String> {
    let words: Vec<_> = name.split('-').collect();
    let first = vec![words[..1].concat()];
    let mix = |begun: Vec<String>, word: &&str| {
        begun
            .iter()
            .flat_map(|begun| [format!("{begun}-{word}"), format!("{begun}_{word}")])
            .collect()
    };
    words[1..].iter().fold(first, mix).into_iter().filter(|mixed| mixed != name).collect()
}

#[test]
fn every_dash_may_be_an_underscore() {
    assert_eq!(mixtures("Mcp-Name"), ["Mcp_Name"]);
    let mixed = ["X-Auth_Scope", "X_Auth-Scope", "X_Auth_Scope"];
    assert_eq!(mixtures("X-Auth-Scope"), mixed);
    assert_eq!(mixtures("X-Auth-Grant-Id").len(), 7);
}
