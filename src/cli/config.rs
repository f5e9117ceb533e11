//! `config show`, `config example`.

use std::fmt::Write as _;

use clap::Subcommand;
use serde::Serialize;

use super::settings::Settings;
use super::{Failure, output};
use crate::config::{Config, DeclaredResource, Provider, SETTINGS};

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Every setting in force, and where it comes from; secrets masked
    Show {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// A configuration file with every setting and its default
    Example,
}

/// A line of `config show`.
#[derive(Serialize)]
struct Shown {
    setting: &'static str,
    value: String,
    origin: String,
}

/// Runs it. `show` checks the settings too.
///
/// # Errors
/// Settings that cannot be.
pub fn run(command: &Command, settings: &Settings) -> Result<(), Failure> {
    match command {
        Command::Show { json } => show(settings, *json),
        Command::Example => output::bytes(example().as_bytes()),
    }
}

fn show(settings: &Settings, json: bool) -> Result<(), Failure> {
    let sources = settings.sources()?;
    let config = Config::from_sources(&sources)?;
    let shown = sources.shown().map(|(setting, value, origin)| Shown {
        setting: setting.key,
        value,
        origin: origin.to_string(),
    });
    // Several resources stand in the file only.
    let tables = config.resources.iter().skip(usize::from(sources.names_a_resource()));
    let providers = config.sign_in.providers.iter().filter(|one| one.in_table);
    let scopes = sources.scopes_of_tables().flat_map(|token| scope_table(&config, token));
    let tables = tables.flat_map(table).chain(scopes).chain(providers.flat_map(provider_table));
    let all: Vec<Shown> = shown.chain(tables).collect();
    if json {
        return output::json(&all);
    }
    let rows: Vec<_> =
        all.into_iter().map(|row| [row.setting.to_owned(), row.value, row.origin]).collect();
    output::table(["SETTING", "VALUE", "ORIGIN"], &rows)
}

/// What a `[[resource]]` table says.
fn table(resource: &DeclaredResource) -> impl Iterator<Item = Shown> {
    let id = resource.introspection_id.as_ref().map(ToString::to_string);
    [
        ("[[resource]] url", Some(resource.uri.to_string())),
        ("[[resource]] name", resource.name.clone()),
        ("[[resource]] introspection_id", id),
        (
            "[[resource]] introspection_secret",
            resource.introspection_secret.as_ref().map(|_| "********".to_owned()),
        ),
        ("[[resource]] scopes", resource.scopes.as_ref().map(ToString::to_string)),
    ]
    .into_iter()
    .filter_map(in_the_file)
}

/// What holds of a scope that has a `[[scope]]` table.
fn scope_table(config: &Config, token: &str) -> Vec<Shown> {
    let included = config.scope_hierarchy.included_in(token);
    [
        ("[[scope]] name", Some(token.to_owned())),
        ("[[scope]] words", config.scope_words.of(token, "").map(str::to_owned)),
        ("[[scope]] includes", (!included.is_empty()).then(|| included.to_string())),
    ]
    .into_iter()
    .filter_map(in_the_file)
    .collect()
}

/// What a `[[provider]]` table says.
fn provider_table(provider: &Provider) -> impl Iterator<Item = Shown> {
    let allow: Vec<_> = provider.allow.iter().map(ToString::to_string).collect();
    [
        ("[[provider]] name", Some(provider.name.clone())),
        ("[[provider]] label", Some(provider.label.clone())),
        ("[[provider]] issuer or url", Some(provider.authority.to_string())),
        ("[[provider]] client_id", Some(provider.client_id.clone())),
        (
            "[[provider]] client_secret",
            provider.client_secret.as_ref().map(|_| "********".to_owned()),
        ),
        ("[[provider]] scopes", Some(provider.scopes.clone())),
        ("[[provider]] allow", Some(allow.join(", "))),
        ("[[provider]] sign_up", Some(if provider.sign_up { "allowed" } else { "off" }.to_owned())),
    ]
    .into_iter()
    .filter_map(in_the_file)
}

fn in_the_file((setting, value): (&'static str, Option<String>)) -> Option<Shown> {
    Some(Shown { setting, value: value?, origin: "configuration file".to_owned() })
}

fn example() -> String {
    let mut text = String::from(
        "# Settings of mcp-oauthd. Each line that begins with \"#\" and a name shows a default.\n\
         # A flag or an environment variable (MCP_OAUTH_LISTEN, MCP_OAUTH_LISTEN_FILE) comes first.\n",
    );
    for setting in SETTINGS {
        let file = if setting.secret { "_file" } else { "" };
        let example = if setting.secret { "/run/secrets/name" } else { setting.default };
        // Writing to a String cannot fail.
        let _ = write!(text, "\n# {}\n#{}{file} = \"{example}\"\n", setting.help, setting.key);
    }
    text.push_str(
        "\n# More MCP servers, each with a table of its own.\n\
         #[[resource]]\n\
         #url = \"https://wiki.example.org/mcp\"\n\
         #name = \"Wiki\"\n\
         #introspection_id = \"wiki\"\n\
         #introspection_secret_file = \"/run/secrets/wiki\"\n\
         #scopes = [\"mcp\"]\n\
         \n\
         # What its tools need, for the gate. A name may be a pattern or a list; without a method it\n\
         # is tools/call. \"only\": of the methods that it names, the scope is good for these alone.\n\
         #[[resource.rule]]\n\
         #needs = \"mcp\"\n\
         #method = \"tools/call\"\n\
         #name = [\"delete_*\", \"purge\"]\n\
         \n\
         # What a scope is called, in the languages of the pages, and what it includes of the others.\n\
         #[[scope]]\n\
         #name = \"mcp\"\n\
         #words = \"Use it in your name\"\n\
         #words_de = \"Es in Ihrem Namen benutzen\"\n\
         # And: includes = [\"read\"]\n\
         \n\
         # More services at which people sign in: kind is oidc (with an issuer) or github. Our address\n\
         # there, for the redirect, is ISSUER/sign-in/provider/NAME/callback.\n\
         #[[provider]]\n\
         #name = \"company\"\n\
         #label = \"Example & Co\"\n\
         #kind = \"oidc\"\n\
         #issuer = \"https://id.example.org\"\n\
         #client_id = \"mcp\"\n\
         #client_secret_file = \"/run/secrets/company\"\n\
         #allow = [\"@example.org\", \"org:wiki editors\"]\n\
         #sign_up = \"allowed\"\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_without_its_comment_marks_is_a_configuration() {
        let lines: Vec<String> = example()
            .lines()
            .filter(|line| !line.contains("_file ") && !line.contains("\"\""))
            .filter_map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')))
            .map(str::to_owned)
            .collect();
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&path, lines.join("\n")).unwrap();
        let sources = crate::config::Sources::gather(&[], Some(path.path()), []).unwrap();
        let config = Config::from_sources(&sources).unwrap();
        assert_eq!(config.resources[0].uri.as_str(), "https://wiki.example.org/mcp");
        assert_eq!(config.sign_in.providers[0].allow[1].to_string(), "org:wiki editors");
        assert_eq!(config.resources[0].scopes, Some(config.scopes.clone()));
        assert_eq!(config.scope_words.of("mcp", "de"), Some("Es in Ihrem Namen benutzen"));
        assert_eq!(config.resources[0].rules[1].to_string(), "tools/call purge needs mcp");
    }
}
