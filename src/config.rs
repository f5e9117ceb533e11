//! The settings, read once at start. What is wrong is refused in one line that names the setting.

mod allowed;
mod brand;
mod client_documents;
mod connecting;
mod notify;
mod outgoing;
mod owner_pages;
mod providers;
mod proxy_header;
mod registration;
mod rules;
mod settings;
mod sources;
#[cfg(test)]
mod tests;
mod values;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use secrecy::SecretString;

pub use allowed::Allowed;
pub use brand::{Brand, Colour, Logo, LogoKind, Support};
pub use client_documents::ClientDocuments;
pub use connecting::{Connecting, KnownClient, Newcomers};
pub use notify::{Mail, Notify, Ntfy, SmtpSecurity, SmtpServer, TOPICS, Topic, Webhook};
pub use outgoing::Certificates;
pub use owner_pages::OwnerPages;
pub use providers::{Provider, ProviderKind};
pub use proxy_header::ProxyHeader;
pub use registration::Registration;
pub use settings::{PREFIX, SETTINGS, Setting, find};
pub use sources::{Origin, Sources};

use crate::clock::Seconds;
use crate::mcp::Rule;
use crate::oauth::{IntrospectionId, Issuer, ResourceUri, Scope};
use values::{Reader, wrong};

/// The settings, understood.
#[derive(Debug, Clone)]
pub struct Config {
    /// Byte for byte.
    pub issuer: Issuer,
    /// Where the public side listens.
    pub listen: SocketAddr,
    /// Where introspection, health and metrics listen, if not there.
    pub internal_listen: Option<SocketAddr>,
    /// Where the database is.
    pub database: Database,
    /// Whose account is made at the first start.
    pub owner: Option<DeclaredOwner>,
    /// The MCP servers that the settings name; the first is the default.
    pub resources: Vec<DeclaredResource>,
    /// Every scope there is.
    pub scopes: Scope,
    /// Who may register clients.
    pub registration: Registration,
    /// Which apps may connect.
    pub connecting: Connecting,
    /// How people sign in.
    pub sign_in: SignInWays,
    /// How the pages look.
    pub brand: Brand,
    /// Authorities that are believed besides the system's, where we ask others.
    pub outgoing_ca: Certificates,
    /// Whether clients may be known by a document.
    pub client_documents: ClientDocuments,
    /// Where the owner's pages are.
    pub owner_pages: OwnerPages,
    /// Names in browsers' address bars that lead to the internal listener, in lower case.
    pub internal_names: Vec<String>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How long everything lives.
    pub lifetimes: Lifetimes,
    /// How much anybody may do.
    pub limits: Limits,
    /// Who is told what happens.
    pub notify: Notify,
    /// How logs are written.
    pub log_format: LogFormat,
    /// Threads that answer requests; none: one for each core.
    pub workers: Option<usize>,
    /// How long running requests may take to finish at a stop.
    pub shutdown_timeout: Seconds,
}

/// `MCP_OAUTH_DB`: where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// Dies with the process.
    Memory,
    /// One file, and its write-ahead log beside it.
    File(PathBuf),
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str(":memory:"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// `MCP_OAUTH_OWNER` and its password.
#[derive(Debug, Clone)]
pub struct DeclaredOwner {
    /// As it was written.
    pub username: String,
    /// In clear, until it is hashed.
    pub password: SecretString,
}

/// `MCP_OAUTH_RESOURCE`, or a `[[resource]]` table.
#[derive(Debug, Clone)]
pub struct DeclaredResource {
    /// The MCP server's URL.
    pub uri: ResourceUri,
    /// What people call it.
    pub name: Option<String>,
    /// With what it authenticates; made up if the settings leave it out.
    pub introspection_id: Option<IntrospectionId>,
    /// Its secret; without one it cannot introspect yet.
    pub introspection_secret: Option<SecretString>,
    /// What its calls need, at the gate.
    pub rules: Vec<Rule>,
}

/// How people sign in. Each way can be the only one.
#[derive(Debug, Clone)]
pub struct SignInWays {
    /// By user name and password.
    pub password: bool,
    /// By passkey, where the issuer's host is a name: an address cannot be an RP id.
    pub passkeys: bool,
    /// Nobody signs in without a second factor.
    pub second_factor_required: bool,
    /// At other services.
    pub providers: Vec<Provider>,
    /// By what a reverse proxy says.
    pub proxy_header: Option<ProxyHeader>,
}

/// How long everything lives.
#[derive(Debug, Clone)]
pub struct Lifetimes {
    /// An authorization code.
    pub code: Seconds,
    /// An access token.
    pub access_token: Seconds,
    /// An unused refresh token.
    pub refresh_token: Seconds,
    /// A grant, at the most.
    pub grant: Seconds,
    /// For how long a used refresh token may be retried.
    pub refresh_grace: Seconds,
    /// A signed-in browser, at the most.
    pub session: Seconds,
    /// A signed-in browser that does nothing.
    pub session_idle: Seconds,
    /// A started sign-in.
    pub authorization_request: Seconds,
    /// A replaced introspection secret.
    pub secret_overlap: Seconds,
    /// A registration that nobody has used.
    pub unused_client: Seconds,
    /// The record of decisions.
    pub event: Seconds,
    /// How an attempt to connect went.
    pub attempt: Seconds,
}

/// How much anybody may do.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is described in the list of settings, under its name")]
pub struct Limits {
    pub on: bool,
    pub body: usize,
    pub connections: usize,
    pub queue: usize,
    pub write_wait: Seconds,
    pub pending_requests: i64,
    pub unused_clients: i64,
    pub attempts: i64,
    pub registrations: u32,
    pub registrations_per_address: u32,
    pub document_fetches: u32,
    pub document_fetches_per_address: u32,
    pub authorize_per_address: u32,
    pub token_failures_per_address: u32,
    pub introspection_failures_per_address: u32,
    pub sign_in_per_address: u32,
    pub sign_in_per_account: u32,
    pub redirect_uris: usize,
    pub metadata_string: usize,
}

/// `MCP_OAUTH_LOG_FORMAT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For machines.
    Json,
    /// For people.
    Pretty,
    /// For people on a terminal, else for machines.
    Auto,
}

/// A setting that cannot be. One line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} {problem}")]
pub struct ConfigError {
    setting: String,
    problem: String,
}

impl ConfigError {
    fn new(setting: impl fmt::Display, problem: impl Into<String>) -> Self {
        Self { setting: setting.to_string(), problem: problem.into() }
    }
}

/// Where whoever listens at this address is asked from the same machine.
#[must_use]
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

impl Config {
    /// Where MCP servers check tokens: RFC 7662.
    #[must_use]
    pub fn introspection_url(&self) -> String {
        match self.internal_listen {
            None => self.issuer.url("/introspect"),
            Some(address) => {
                format!("http://{}{}/introspect", reachable(address), self.issuer.path())
            }
        }
    }

    /// Understands what was said.
    ///
    /// # Errors
    /// Values that cannot be read, and contradictions between them.
    pub fn from_sources(sources: &Sources) -> Result<Self, ConfigError> {
        let reader = Reader(sources);
        let config = Self {
            issuer: reader.parse("issuer")?,
            listen: reader.parse("listen")?,
            internal_listen: reader.optional("internal_listen")?,
            database: reader.database()?,
            owner: reader.owner()?,
            resources: reader.resources()?,
            scopes: reader.scopes()?,
            registration: reader.parse("registration")?,
            connecting: reader.connecting()?,
            sign_in: reader.sign_in()?,
            brand: reader.brand()?,
            outgoing_ca: reader.outgoing_ca()?,
            client_documents: reader.parse("client_documents")?,
            owner_pages: reader.parse("owner_pages")?,
            internal_names: reader.internal_names()?,
            trusted_proxies: reader.networks("trusted_proxies")?,
            lifetimes: reader.lifetimes()?,
            limits: reader.limits()?,
            notify: reader.notify()?,
            log_format: reader.log_format()?,
            workers: Some(reader.parse("workers")?).filter(|workers| *workers > 0),
            shutdown_timeout: reader.duration("shutdown_timeout")?,
        };
        if config.internal_listen == Some(config.listen) && config.listen.port() != 0 {
            return Err(wrong("internal_listen", "is the same as MCP_OAUTH_LISTEN"));
        }
        config.owner_pages.check(&config)?;
        config.client_documents.check(&config)?;
        if sources.lacks_an_issuer() {
            let why = "must be set: it does not follow from MCP_OAUTH_LISTEN";
            return Err(wrong("issuer", format!("{why} ({})", config.listen)));
        }
        config.sign_in.check(&config.issuer)?;
        if !config.limits.on && !config.issuer.is_loopback() {
            return Err(wrong("limits", "can be off for loopback issuers only"));
        }
        Ok(config)
    }
}
