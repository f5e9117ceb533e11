//! Where settings come from: flag, then environment, then `_FILE`, then TOML, then default.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::ConfigError;
use super::providers::ProviderTable;
use super::scopes::ScopeTable;
use super::settings::{PREFIX, SETTINGS, Setting, find};

/// The text of a setting, and who said it.
#[derive(Clone)]
struct Value {
    text: String,
    origin: Origin,
}

/// Who said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// An environment variable.
    Environment,
    /// The file that an environment variable or a TOML key names.
    File(PathBuf),
    /// The configuration file.
    Toml(PathBuf),
    /// Nobody, but for the address to listen at.
    Listen,
    /// Nobody.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment => f.write_str("environment"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Toml(path) => write!(f, "{}", path.display()),
            Self::Listen => f.write_str("default (from listen)"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A `[[resource]]` table of the configuration file, not yet understood.
#[derive(Clone, Default)]
pub(super) struct ResourceTable {
    pub(super) texts: BTreeMap<String, String>,
    /// `[[resource.rule]]`
    pub(super) rules: Vec<toml::Value>,
}

/// What everybody has said, before it is understood.
#[derive(Clone, Default)]
pub struct Sources {
    values: BTreeMap<&'static str, Value>,
    pub(super) resources: Vec<ResourceTable>,
    /// `[[provider]]`
    pub(super) providers: Vec<ProviderTable>,
    /// `[[scope]]`
    pub(super) scopes: Vec<ScopeTable>,
}

impl Sources {
    /// Merges flags (key, text), the environment, and the configuration file that either names.
    ///
    /// # Errors
    /// Unknown names, `X` together with `X_FILE`, unreadable files, secrets that others can write.
    pub fn gather(
        flags: &[(&'static str, String)],
        config_file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut merged = Self::default();
        for (key, text) in flags {
            merged.say(key, text.clone(), Origin::Flag);
        }
        let named = merged.read_environment(environment)?;
        if let Some(path) = config_file.map(Path::to_owned).or(named) {
            merged.read_toml(&path)?;
        }
        if let Some(issuer) = merged.issuer_of_listen() {
            merged.say("issuer", issuer, Origin::Listen);
        }
        for setting in SETTINGS {
            merged.say(setting.key, setting.default.to_owned(), Origin::Default);
        }
        Ok(merged)
    }

    /// What was said of a setting. An empty text says nothing.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(|value| value.text.as_str()).filter(|text| !text.is_empty())
    }

    /// Whether a setting, and not only the file's tables, names a resource.
    #[must_use]
    pub fn names_a_resource(&self) -> bool {
        self.text("resource").is_some()
    }

    /// Every setting with what is shown of it, in the order of [`SETTINGS`].
    pub fn shown(&self) -> impl Iterator<Item = (&'static Setting, String, &Origin)> {
        SETTINGS.iter().filter_map(|setting| {
            let value = self.values.get(setting.key)?;
            let masked = setting.secret && !value.text.is_empty();
            let text = if masked { "********".to_owned() } else { value.text.clone() };
            Some((setting, text, &value.origin))
        })
    }

    /// Whether somebody has said where to listen, and nobody what the issuer is, and the one does
    /// not say the other.
    pub(super) fn lacks_an_issuer(&self) -> bool {
        let is_default = |key| self.values.get(key).is_some_and(|v| v.origin == Origin::Default);
        is_default("issuer") && !is_default("listen")
    }

    /// Where browsers of this machine find a service that listens on loopback.
    fn issuer_of_listen(&self) -> Option<String> {
        let address: SocketAddr = self.text("listen")?.parse().ok()?;
        (address.ip().is_loopback() && address.port() != 0).then(|| format!("http://{address}"))
    }

    /// The first to speak decides.
    fn say(&mut self, key: &'static str, text: String, origin: Origin) {
        self.values.entry(key).or_insert(Value { text, origin });
    }

    /// The configuration file that the environment names. An empty variable says nothing: that is
    /// how compose files and shells write "not set".
    fn read_environment(
        &mut self,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Option<PathBuf>, ConfigError> {
        let ours: BTreeMap<String, String> = environment
            .into_iter()
            .filter_map(|(name, text)| Some((name.strip_prefix(PREFIX)?.to_owned(), text)))
            .filter(|(name, text)| !is_from_kubernetes(name) && !text.is_empty())
            .collect();
        let mut config_file = None;
        for (name, text) in &ours {
            let variable = format!("{PREFIX}{name}");
            let key = name.to_ascii_lowercase();
            if name == "CONFIG" {
                config_file = Some(PathBuf::from(text));
            } else if let Some(setting) = find(&key) {
                self.say(setting.key, text.clone(), Origin::Environment);
            } else if let Some(setting) = key.strip_suffix("_file").and_then(find) {
                if ours.contains_key(name.trim_end_matches("_FILE")) {
                    let both = format!("is set together with {}", setting.variable());
                    return Err(ConfigError::new(variable, both));
                }
                let path = PathBuf::from(text);
                self.say(setting.key, read_secret(&variable, &path)?, Origin::File(path));
            } else {
                return Err(ConfigError::new(variable, "is not a setting"));
            }
        }
        Ok(config_file)
    }

    fn read_toml(&mut self, path: &Path) -> Result<(), ConfigError> {
        let name = path.display().to_string();
        let text = read_secret(&name, path)?;
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| ConfigError::new(&name, one_line(&error)))?;
        for (key, value) in &table {
            if let ("resource", toml::Value::Array(tables)) = (key.as_str(), value) {
                for table in tables {
                    self.resources.push(resource_table(&name, table)?);
                }
            } else if let ("provider", toml::Value::Array(tables)) = (key.as_str(), value) {
                for table in tables {
                    self.providers.push(ProviderTable::read(&name, table)?);
                }
            } else if let ("scope", toml::Value::Array(tables)) = (key.as_str(), value) {
                for table in tables {
                    self.scopes.push(ScopeTable::read(&name, table)?);
                }
            } else if let Some(setting) = find(key) {
                if table.contains_key(&format!("{key}_file")) {
                    return Err(ConfigError::new(key, format!("is set together with {key}_file")));
                }
                self.say(setting.key, scalar(key, value)?, Origin::Toml(path.to_owned()));
            } else if let Some(setting) = key.strip_suffix("_file").and_then(find) {
                let file = PathBuf::from(scalar(key, value)?);
                self.say(setting.key, read_secret(key, &file)?, Origin::File(file));
            } else {
                return Err(ConfigError::new(key, format!("is not a setting ({name})")));
            }
        }
        Ok(())
    }
}

/// What Kubernetes injects for a Service called `mcp-oauth`, or whose name begins so.
fn is_from_kubernetes(name: &str) -> bool {
    let port_number = |rest: &str| rest.starts_with(|first: char| first.is_ascii_digit());
    name.ends_with("SERVICE_HOST")
        || name.contains("SERVICE_PORT")
        || name == "PORT"
        || name.ends_with("_PORT")
        || name.split("PORT_").skip(1).any(port_number)
}

/// The text of a file, without one trailing newline. Others must not be able to write it.
pub(super) fn read_secret(setting: &str, path: &Path) -> Result<String, ConfigError> {
    let unreadable = |error: std::io::Error| {
        ConfigError::new(setting, format!("{} cannot be read: {error}", path.display()))
    };
    let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode();
    if mode & 0o022 != 0 {
        let problem = format!("{} can be written by others (chmod go-w)", path.display());
        return Err(ConfigError::new(setting, problem));
    }
    let mut text = fs::read_to_string(path).map_err(unreadable)?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

fn resource_table(file: &str, value: &toml::Value) -> Result<ResourceTable, ConfigError> {
    const KEYS: [&str; 6] = [
        "url",
        "name",
        "introspection_id",
        "introspection_secret",
        "introspection_secret_file",
        "scopes",
    ];
    let table = value.as_table().ok_or_else(|| ConfigError::new("resource", "is not a table"))?;
    let mut resource = ResourceTable::default();
    for (key, value) in table {
        let name = format!("resource.{key}");
        if let ("rule", toml::Value::Array(rules)) = (key.as_str(), value) {
            resource.rules.clone_from(rules);
            continue;
        }
        if !KEYS.contains(&key.as_str()) {
            return Err(ConfigError::new(name, format!("is not a setting ({file})")));
        }
        let text = scalar(&name, value)?;
        let (key, text) = match key.strip_suffix("_file") {
            Some(key) => (key, read_secret(&name, Path::new(&text))?),
            None => (key.as_str(), text),
        };
        if resource.texts.insert(key.to_owned(), text).is_some() {
            return Err(ConfigError::new(name, format!("is set together with {key}_file")));
        }
    }
    Ok(resource)
}

pub(super) fn scalar(key: &str, value: &toml::Value) -> Result<String, ConfigError> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Boolean(flag) => Ok(if *flag { "on" } else { "off" }.to_owned()),
        toml::Value::Array(items) => {
            let texts: Result<Vec<_>, _> = items.iter().map(|item| scalar(key, item)).collect();
            Ok(texts?.join(" "))
        }
        _ => Err(ConfigError::new(key, "is neither text nor a number")),
    }
}

fn one_line(error: &toml::de::Error) -> String {
    error.message().replace('\n', " ")
}
