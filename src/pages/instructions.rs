//! What an MCP server's operator needs to let it check tokens: its credentials, code to paste, or the
//! configuration of a reverse proxy. `instructions.html` shows it, on whatever page it is.

use super::recipes::{Proxy, Recipe, RecipeError};
use crate::config::Config;
use crate::oauth::{IntrospectionId, ResourceUri, Scope};

/// The configuration of one reverse proxy.
pub struct ShownRecipe {
    /// For which.
    pub proxy: &'static str,
    /// As it is saved.
    pub text: String,
}

impl ShownRecipe {
    /// One for each proxy.
    ///
    /// # Errors
    /// Why there are none for this resource.
    pub fn all(
        config: &Config,
        uri: &ResourceUri,
        id: &IntrospectionId,
    ) -> Result<Vec<Self>, RecipeError> {
        let recipe = Recipe::new(config, uri, id, None, Scope::default())?;
        let shown = |proxy: Proxy| Self {
            proxy: proxy.name(),
            text: recipe.text(proxy).map_or_else(|why| format!("# {why}"), |text| text.to_string()),
        };
        Ok(Proxy::ALL.map(shown).into())
    }
}
