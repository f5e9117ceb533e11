//! From text to values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use ipnet::IpNet;

use super::rules::rules;
use super::sources::ResourceTable;
use super::{
    ConfigError, Database, DeclaredOwner, DeclaredResource, Lifetimes, Limits, LogFormat,
    SignInWays, Sources, find,
};
use crate::clock::Seconds;
use crate::oauth::Scope;

/// A setting that cannot be, by the name of its variable.
pub(super) fn wrong(key: &str, problem: impl Into<String>) -> ConfigError {
    let name = find(key).map_or_else(|| key.to_owned(), super::Setting::variable);
    ConfigError::new(name, problem)
}

/// Reads typed values; every error names its setting.
pub(super) struct Reader<'a>(pub(super) &'a Sources);

impl Reader<'_> {
    pub(super) fn parse<T: FromStr<Err: Display>>(&self, key: &str) -> Result<T, ConfigError> {
        self.optional(key)?.ok_or_else(|| wrong(key, "is missing"))
    }

    pub(super) fn optional<T: FromStr<Err: Display>>(
        &self,
        key: &str,
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.0.text(key) else { return Ok(None) };
        // The error of a secret must not show it; none of these is one.
        text.parse().map(Some).map_err(|error: T::Err| wrong(key, format!("({text}) {error}")))
    }

    /// Seconds, or `10m`, `1h`, `30d`. Longer than nothing.
    pub(super) fn duration(&self, key: &str) -> Result<Seconds, ConfigError> {
        let text = self.0.text(key).unwrap_or_default();
        match text.parse::<Seconds>() {
            Ok(length) if length > Seconds(0) || key == "refresh_grace" => Ok(length),
            _ => Err(wrong(key, format!("({text}) is not a time like 90, 10m, 1h or 30d"))),
        }
    }

    pub(super) fn database(&self) -> Result<Database, ConfigError> {
        match self.0.text("db") {
            None => Err(wrong("db", "is missing")),
            Some(":memory:") => Ok(Database::Memory),
            Some(text) if text.starts_with("postgres:") || text.starts_with("postgresql:") => {
                Err(wrong("db", "is a PostgreSQL URL: not in this version"))
            }
            Some(text) if text.contains("://") => {
                Err(wrong("db", format!("({text}) is neither a path nor :memory:")))
            }
            Some(path) => Ok(Database::File(path.into())),
        }
    }

    pub(super) fn owner(&self) -> Result<Option<DeclaredOwner>, ConfigError> {
        match (self.0.text("owner"), self.0.text("owner_password")) {
            (None, None) => Ok(None),
            (Some(username), Some(password)) => {
                Ok(Some(DeclaredOwner { username: username.to_owned(), password: password.into() }))
            }
            (Some(_), None) => Err(wrong("owner", "needs MCP_OAUTH_OWNER_PASSWORD_FILE")),
            (None, Some(_)) => Err(wrong("owner_password", "needs MCP_OAUTH_OWNER")),
        }
    }

    /// `MCP_OAUTH_RESOURCE` first, then the `[[resource]]` tables.
    pub(super) fn resources(&self) -> Result<Vec<DeclaredResource>, ConfigError> {
        const OF_SETTING: [(&str, &str); 3] = [
            ("resource", "url"),
            ("introspection_id", "introspection_id"),
            ("introspection_secret", "introspection_secret"),
        ];
        let texts: BTreeMap<String, String> = OF_SETTING
            .iter()
            .filter_map(|(key, name)| Some(((*name).to_owned(), self.0.text(key)?.to_owned())))
            .collect();
        let mut resources = vec![];
        if !texts.is_empty() {
            if !texts.contains_key("url") {
                return Err(wrong("introspection_id", "and its secret need MCP_OAUTH_RESOURCE"));
            }
            let said = ResourceTable { texts, rules: vec![] };
            resources.push(self.resource(&said, "resource")?);
        }
        for table in &self.0.resources {
            resources.push(self.resource(table, "[[resource]]")?);
        }
        let urls: BTreeSet<_> = resources.iter().map(|resource| resource.uri.canonical()).collect();
        let ids = resources.iter().filter_map(|resource| resource.introspection_id.as_ref());
        let ids: Vec<_> = ids.collect();
        if urls.len() < resources.len() || ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
            return Err(wrong("resource", "is declared twice, by its URL or introspection id"));
        }
        Ok(resources)
    }

    fn resource(&self, said: &ResourceTable, name: &str) -> Result<DeclaredResource, ConfigError> {
        let table = &said.texts;
        let url = table.get("url").ok_or_else(|| wrong(name, "needs a url"))?;
        let id = table.get("introspection_id").map(|id| {
            id.parse().map_err(|error| wrong("introspection_id", format!("({id}) {error}")))
        });
        let secret = table.get("introspection_secret");
        if secret.is_some_and(|secret| secret.len() < 16) {
            let short = "is shorter than 16 characters: it guards every token";
            return Err(wrong("introspection_secret", short));
        }
        let scopes = self.scopes_of_resource(table.get("scopes"), url)?;
        let offered = scopes.clone().map_or_else(|| self.scopes(), Ok)?;
        Ok(DeclaredResource {
            uri: url.parse().map_err(|error| wrong(name, format!("({url}) {error}")))?,
            name: table.get("name").cloned(),
            introspection_id: id.transpose()?,
            introspection_secret: secret.map(|secret| secret.as_str().into()),
            rules: rules(&said.rules, url, &offered)?,
            scopes,
        })
    }

    pub(super) fn scopes(&self) -> Result<Scope, ConfigError> {
        let scopes: Scope = self.parse("scopes")?;
        if scopes.tokens().any(|token| token == "offline_access") {
            return Err(wrong("scopes", "never has offline_access: refresh needs no scope here"));
        }
        Ok(scopes)
    }

    pub(super) fn networks(&self, key: &str) -> Result<Vec<IpNet>, ConfigError> {
        let text = self.0.text(key).unwrap_or_default();
        text.split([',', ' '])
            .filter(|part| !part.is_empty())
            .map(|part| {
                let address = part.parse().map(|address: std::net::IpAddr| IpNet::from(address));
                part.parse().or(address).map_err(|_| {
                    wrong(key, format!("({part}) is not an address or a network like 10.0.0.0/8"))
                })
            })
            .collect()
    }

    pub(super) fn lifetimes(&self) -> Result<Lifetimes, ConfigError> {
        let lifetimes = Lifetimes {
            code: self.duration("code_lifetime")?,
            access_token: self.duration("access_token_lifetime")?,
            refresh_token: self.duration("refresh_token_lifetime")?,
            grant: self.duration("grant_lifetime")?,
            refresh_grace: self.duration("refresh_grace")?,
            session: self.duration("session_lifetime")?,
            session_idle: self.duration("session_idle_lifetime")?,
            authorization_request: self.duration("authorization_request_lifetime")?,
            secret_overlap: self.duration("secret_overlap")?,
            unused_client: self.duration("unused_client_lifetime")?,
            event: self.duration("event_lifetime")?,
            attempt: self.duration("attempt_lifetime")?,
        };
        if lifetimes.code > Seconds(600) {
            return Err(wrong("code_lifetime", "is at most 10m (OAuth 2.1 section 4.1.2)"));
        }
        if lifetimes.authorization_request < Seconds(600) {
            return Err(wrong("authorization_request_lifetime", "is at least 10m"));
        }
        if lifetimes.access_token > lifetimes.grant {
            return Err(wrong("access_token_lifetime", "is longer than the grant's"));
        }
        Ok(lifetimes)
    }

    pub(super) fn sign_in(&self) -> Result<SignInWays, ConfigError> {
        Ok(SignInWays {
            password: self.is_on("password")?,
            passkeys: self.is_on("passkeys")?,
            second_factor_required: match self.0.text("second_factor") {
                Some("optional") => false,
                Some("required") => true,
                _ => return Err(wrong("second_factor", "is optional or required")),
            },
            providers: self.providers()?,
            proxy_header: self.proxy_header()?,
        })
    }

    fn is_on(&self, key: &str) -> Result<bool, ConfigError> {
        match self.0.text(key) {
            Some("on") => Ok(true),
            Some("off") => Ok(false),
            _ => Err(wrong(key, "is on or off")),
        }
    }

    pub(super) fn limits(&self) -> Result<Limits, ConfigError> {
        Ok(Limits {
            on: self.is_on("limits")?,
            body: self.at_least("limit_body", &1024)?,
            connections: self.at_least("limit_connections", &1)?,
            queue: self.at_least("limit_queue", &1)?,
            write_wait: self.duration("limit_write_wait")?,
            known_tokens: self.at_least("limit_known_tokens", &0)?,
            update_copies: self.at_least("limit_update_copies", &0)?,
            pending_requests: self.at_least("limit_pending_requests", &1)?,
            unused_clients: self.at_least("limit_unused_clients", &1)?,
            attempts: self.at_least("limit_attempts", &100)?,
            registrations: self.at_least("limit_registrations", &1)?,
            registrations_per_address: self.at_least("limit_registrations_per_address", &1)?,
            document_fetches: self.at_least("limit_document_fetches", &1)?,
            document_fetches_per_address: self
                .at_least("limit_document_fetches_per_address", &1)?,
            authorize_per_address: self.at_least("limit_authorize_per_address", &1)?,
            token_failures_per_address: self.at_least("limit_token_failures_per_address", &1)?,
            introspection_failures_per_address: self
                .at_least("limit_introspection_failures_per_address", &1)?,
            sign_in_per_address: self.at_least("limit_sign_in_per_address", &1)?,
            sign_in_per_account: self.at_least("limit_sign_in_per_account", &1)?,
            redirect_uris: self.at_least("limit_redirect_uris", &1)?,
            metadata_string: self.at_least("limit_metadata_string", &64)?,
        })
    }

    pub(super) fn log_format(&self) -> Result<LogFormat, ConfigError> {
        match self.0.text("log_format") {
            Some("json") => Ok(LogFormat::Json),
            Some("pretty") => Ok(LogFormat::Pretty),
            Some("auto") => Ok(LogFormat::Auto),
            _ => Err(wrong("log_format", "is json, pretty or auto")),
        }
    }

    fn at_least<T: FromStr<Err: Display> + PartialOrd + Display>(
        &self,
        key: &str,
        least: &T,
    ) -> Result<T, ConfigError> {
        let number = self.parse(key)?;
        if number < *least {
            return Err(wrong(key, format!("({number}) is less than {least}")));
        }
        Ok(number)
    }
}
