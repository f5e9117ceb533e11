//! `[[provider]]`, `MCP_OAUTH_OIDC_…` and `MCP_OAUTH_GITHUB_…`: other services at which people sign
//! in, and who of theirs may come in here.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use secrecy::SecretString;

use super::sources::{read_secret, scalar};
use super::values::{Reader, wrong};
use super::{Allowed, ConfigError};
use crate::oauth::Issuer;

/// Another service at which people sign in.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Part of its addresses here.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// How it is spoken to.
    pub kind: ProviderKind,
    /// Whose accounts they are: the OpenID provider's issuer, or where GitHub is.
    pub authority: Issuer,
    /// What we are called there.
    pub client_id: String,
    /// Our secret; none for a public client.
    pub client_secret: Option<SecretString>,
    /// What we ask for, with spaces between.
    pub scopes: String,
    /// Who may come in; empty: whoever is linked to an account here.
    pub allow: Vec<Allowed>,
    /// Whether somebody without an account here gets one.
    pub sign_up: bool,
    /// Whether it stands in a table of the file: the others have settings of their own.
    pub in_table: bool,
}

/// How a provider is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderKind {
    /// OpenID Connect, by discovery.
    OpenId,
    /// GitHub, which has its own ways.
    GitHub,
}

/// What is said of one provider, and how its settings are called.
#[derive(Clone)]
pub(super) struct ProviderTable {
    texts: BTreeMap<String, String>,
    /// What comes before a key: [`TABLE`], or `oidc_`.
    prefix: &'static str,
}

const TABLE: &str = "[[provider]] ";

/// What the plain settings begin with, and the name and kind of the provider that they make.
const PLAIN: [(&str, &str); 2] = [("oidc_", "oidc"), ("github_", "github")];

const KEYS: [&str; 11] = [
    "name",
    "label",
    "kind",
    "issuer",
    "url",
    "client_id",
    "client_secret",
    "client_secret_file",
    "scopes",
    "allow",
    "sign_up",
];

impl ProviderTable {
    /// A table of the file.
    pub(super) fn read(file: &str, value: &toml::Value) -> Result<Self, ConfigError> {
        let place = |key: &str| format!("{TABLE}{key}");
        let table =
            value.as_table().ok_or_else(|| ConfigError::new("provider", "is not a table"))?;
        let mut texts = BTreeMap::new();
        for (key, value) in table {
            if !KEYS.contains(&key.as_str()) {
                return Err(ConfigError::new(place(key), format!("is not a setting ({file})")));
            }
            let text = match (key.as_str(), value) {
                // An organisation may have spaces in its name.
                ("allow", toml::Value::Array(items)) => {
                    let texts: Result<Vec<_>, _> =
                        items.iter().map(|item| scalar(&place(key), item)).collect();
                    texts?.join(",")
                }
                _ => scalar(&place(key), value)?,
            };
            let (key, text) = match key.strip_suffix("_file") {
                Some(key) => (key, read_secret(&place(key), Path::new(&text))?),
                None => (key.as_str(), text),
            };
            if texts.insert(key.to_owned(), text).is_some() {
                return Err(ConfigError::new(
                    place(key),
                    format!("is set together with {key}_file"),
                ));
            }
        }
        Ok(Self { texts, prefix: TABLE })
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(String::as_str).filter(|text| !text.is_empty())
    }

    fn wrong(&self, key: &str, problem: impl Into<String>) -> ConfigError {
        wrong(&format!("{}{key}", self.prefix), problem)
    }

    fn require(&self, key: &str) -> Result<&str, ConfigError> {
        self.text(key).ok_or_else(|| self.wrong(key, "is missing"))
    }

    fn kind(&self) -> Result<ProviderKind, ConfigError> {
        match self.require("kind")? {
            "oidc" => Ok(ProviderKind::OpenId),
            "github" => Ok(ProviderKind::GitHub),
            _ => Err(self.wrong("kind", "is oidc or github")),
        }
    }

    fn authority(&self, kind: ProviderKind) -> Result<Issuer, ConfigError> {
        let (key, text) = match kind {
            ProviderKind::OpenId => ("issuer", self.require("issuer")?),
            ProviderKind::GitHub => {
                // Accounts are kept by this text: one spelling of it.
                let url = self.text("url").unwrap_or("https://github.com");
                ("url", url.trim_end_matches('/'))
            }
        };
        text.parse().map_err(|error| self.wrong(key, format!("({text}) {error}")))
    }

    fn name(&self) -> Result<String, ConfigError> {
        let name = self.require("name")?;
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=32).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(name.to_owned())
        } else {
            Err(self.wrong("name", format!("({name}) has 1 to 32 of a-z, 0-9 and -")))
        }
    }

    fn label(&self, kind: ProviderKind, authority: &Issuer) -> Result<String, ConfigError> {
        let label = self.text("label").unwrap_or(match kind {
            ProviderKind::OpenId => authority.host(),
            ProviderKind::GitHub => "GitHub",
        });
        if label.chars().count() > 64 || label.contains(char::is_control) {
            return Err(self.wrong("label", "is longer than 64 characters, or has odd ones"));
        }
        Ok(label.to_owned())
    }

    fn allow(&self, kind: ProviderKind) -> Result<Vec<Allowed>, ConfigError> {
        let items = self.text("allow").unwrap_or_default().split(',').map(str::trim);
        let read = |item: &str| {
            // Names of GitHub's are the same in any case; another provider's may not be.
            let same = kind == ProviderKind::GitHub && !item.starts_with("sub:");
            let item = if same { item.to_ascii_lowercase() } else { item.to_owned() };
            item.parse().map_err(|error| self.wrong("allow", format!("({item}) {error}")))
        };
        items.filter(|item| !item.is_empty()).map(read).collect()
    }

    fn sign_up(&self, allow: &[Allowed]) -> Result<bool, ConfigError> {
        match self.text("sign_up") {
            None | Some("off") => Ok(false),
            Some("allowed") if allow.is_empty() => {
                let problem = "is allowed to nobody: say who in allow (* for everybody there)";
                Err(self.wrong("sign_up", problem))
            }
            Some("allowed") => Ok(true),
            _ => Err(self.wrong("sign_up", "is off or allowed")),
        }
    }

    fn scopes(&self, kind: ProviderKind, allow: &[Allowed]) -> Result<String, ConfigError> {
        let by_mail = |one: &Allowed| matches!(one, Allowed::Mail(_) | Allowed::Domain(_));
        let by_organisation = |one: &Allowed| matches!(one, Allowed::Organisation(_));
        let mut scopes = match kind {
            ProviderKind::OpenId => vec!["openid", "profile", "email"],
            ProviderKind::GitHub if allow.iter().any(by_mail) => vec!["user:email"],
            ProviderKind::GitHub => vec![],
        };
        if allow.iter().any(by_organisation) {
            scopes.push(match kind {
                ProviderKind::OpenId => "groups",
                ProviderKind::GitHub => "read:org",
            });
        }
        let Some(said) = self.text("scopes") else { return Ok(scopes.join(" ")) };
        if kind == ProviderKind::OpenId && !said.split(' ').any(|scope| scope == "openid") {
            return Err(self.wrong("scopes", "lacks openid: OpenID Connect Core section 3.1.2.1"));
        }
        Ok(said.to_owned())
    }

    fn understand(&self) -> Result<Provider, ConfigError> {
        let kind = self.kind()?;
        let (authority, allow) = (self.authority(kind)?, self.allow(kind)?);
        let client_secret = self.text("client_secret").map(SecretString::from);
        if kind == ProviderKind::GitHub && client_secret.is_none() {
            return Err(self.wrong("client_secret", "is missing: GitHub has no public clients"));
        }
        Ok(Provider {
            name: self.name()?,
            label: self.label(kind, &authority)?,
            kind,
            authority,
            client_id: self.require("client_id")?.to_owned(),
            client_secret,
            scopes: self.scopes(kind, &allow)?,
            sign_up: self.sign_up(&allow)?,
            allow,
            in_table: self.prefix == TABLE,
        })
    }
}

impl Reader<'_> {
    /// Those of the plain settings first, then the `[[provider]]` tables.
    pub(super) fn providers(&self) -> Result<Vec<Provider>, ConfigError> {
        let plain = PLAIN.iter().filter_map(|(prefix, kind)| self.plain_provider(prefix, kind));
        let all: Result<Vec<_>, _> = plain
            .map(|table| table.understand())
            .chain(self.0.providers.iter().map(ProviderTable::understand))
            .collect();
        let all = all?;
        let names: BTreeSet<_> = all.iter().map(|provider| &provider.name).collect();
        if names.len() < all.len() {
            return Err(ConfigError::new("[[provider]]", "has a name that another provider has"));
        }
        Ok(all)
    }

    /// What the settings of this prefix say, if they say anything.
    fn plain_provider(&self, prefix: &'static str, kind: &str) -> Option<ProviderTable> {
        let said = |key: &&str| Some(((*key).to_owned(), self.0.text(&format!("{prefix}{key}"))?));
        let texts = KEYS.iter().filter_map(said);
        let mut texts: BTreeMap<_, _> = texts.map(|(key, text)| (key, text.to_owned())).collect();
        // What has a default does not mean that anybody wants it.
        if texts.keys().all(|key| key == "sign_up" || key == "url") {
            return None;
        }
        texts.insert("kind".to_owned(), kind.to_owned());
        texts.insert("name".to_owned(), kind.to_owned());
        Some(ProviderTable { texts, prefix })
    }
}
