//! Every setting, once: its name, what it is for, its default. Flags, environment, `_FILE`, TOML
//! keys, `config show`, `config example` and the README's table all come from this list.

/// One setting. Its TOML key is `listen`, its flag `--listen`, its variable `MCP_OAUTH_LISTEN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// In lower snake case, as in TOML.
    pub key: &'static str,
    /// What holds when nobody says otherwise; empty: nothing.
    pub default: &'static str,
    /// One line for people.
    pub help: &'static str,
    /// Never shown, and no flag: it would stand in the list of processes.
    pub secret: bool,
}

impl Setting {
    /// The environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.key.to_ascii_uppercase())
    }

    /// The flag, without its dashes.
    #[must_use]
    pub fn flag(&self) -> String {
        self.key.replace('_', "-")
    }
}

/// What the environment variables of this service begin with.
pub const PREFIX: &str = "MCP_OAUTH_";

/// The setting of this key.
#[must_use]
pub fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

const fn plain(key: &'static str, default: &'static str, help: &'static str) -> Setting {
    Setting { key, default, help, secret: false }
}

const fn secret(key: &'static str, help: &'static str) -> Setting {
    Setting { key, default: "", help, secret: true }
}

/// All of them, in the order in which people should read them.
pub const SETTINGS: &[Setting] = &[
    plain(
        "issuer",
        "http://127.0.0.1:8080",
        "public URL of this service, compared byte for byte by clients; https unless loopback",
    ),
    plain("listen", "127.0.0.1:8080", "address and port to listen on"),
    plain(
        "internal_listen",
        "",
        "another address for introspection, health and metrics, which then leave the public one",
    ),
    plain("db", "mcp_oauth.db", "path of the SQLite file, or :memory:"),
    plain("resource", "", "URL of the MCP server, exactly as people type it; the default resource"),
    plain("introspection_id", "", "with what that MCP server authenticates at /introspect"),
    secret("introspection_secret", "its secret"),
    plain("owner", "", "user name of the owner, made at the first start"),
    secret("owner_password", "the owner's password at the first start; never overwrites one"),
    plain("scopes", "mcp", "every scope there is, with spaces between"),
    plain(
        "registration",
        "open",
        "who may register clients: open: they themselves; token: who has one; off: the operator",
    ),
    plain(
        "clients",
        "open",
        "which apps may connect: open: every one; known: those that are known; ask: the owner is asked about each new one",
    ),
    plain(
        "known_clients",
        "",
        "apps that are known besides the usual ones, with commas: hosts of documents, addresses of documents, redirect URIs",
    ),
    plain(
        "scope_words",
        "",
        "what people read in their place, like read=Read your pages; write=Change your pages",
    ),
    plain(
        "scope_includes",
        "",
        "what else whoever has a scope may do, like write=read; admin=write audit",
    ),
    plain("password", "on", "off: nobody signs in by password"),
    plain("passkeys", "on", "off: nobody signs in by passkey"),
    plain(
        "second_factor",
        "optional",
        "optional, or required of everybody who signs in otherwise than by passkey",
    ),
    plain("brand_name", "", "what the pages call this service, in place of its host"),
    plain(
        "brand_colour",
        "",
        "of buttons and links, like #1f5f8b; made readable in light and dark",
    ),
    plain("brand_logo", "", "path of an SVG or PNG of at most 64 KiB, read at start"),
    plain("brand_text", "", "one sentence below the sign-in"),
    plain("brand_support", "", "who helps when something went wrong: mail address or https URL"),
    plain("oidc_issuer", "", "another OpenID provider at which people sign in: its issuer"),
    plain(
        "oidc_client_id",
        "",
        "what this service is called there; its redirect URI is ISSUER/sign-in/provider/oidc/callback",
    ),
    secret("oidc_client_secret", "its secret there"),
    plain("oidc_label", "", "what people call that provider; its host if left out"),
    plain("oidc_scopes", "", "what is asked for there; openid profile email if left out"),
    plain(
        "oidc_allow",
        "",
        "who of theirs may come in, with commas: sub:ID, user:NAME, ada@example.org, @example.org, org:NAME, *",
    ),
    plain("oidc_sign_up", "off", "off, or allowed: those who may come in get an account"),
    plain(
        "github_client_id",
        "",
        "what this service is called at GitHub; its callback URL is ISSUER/sign-in/provider/github/callback",
    ),
    secret("github_client_secret", "its secret there"),
    plain("github_url", "https://github.com", "where GitHub is, for an enterprise server"),
    plain("github_label", "", "what people call it; GitHub if left out"),
    plain(
        "github_scopes",
        "",
        "what is asked for there; as little as MCP_OAUTH_GITHUB_ALLOW needs",
    ),
    plain(
        "github_allow",
        "",
        "who of theirs may come in, with commas: sub:ID, user:NAME, ada@example.org, @example.org, org:NAME, *",
    ),
    plain("github_sign_up", "off", "off, or allowed: those who may come in get an account"),
    plain(
        "proxy_header",
        "",
        "the header in which a proxy says who is signed in, like Remote-User; other people's must not pass it",
    ),
    plain("proxy_header_from", "", "addresses and networks of that proxy; nobody else is believed"),
    plain("proxy_header_sign_up", "off", "off, or allowed: whom the proxy names gets an account"),
    plain(
        "owner_pages",
        "on",
        "on: the owner's pages are public; internal: at MCP_OAUTH_INTERNAL_LISTEN; off: nowhere",
    ),
    plain(
        "internal_names",
        "",
        "names of that listener, with commas, but for addresses and names that can only be private",
    ),
    secret("outgoing_ca", "certificates (PEM) of private authorities, for what is asked of others"),
    plain(
        "client_documents",
        "on",
        "off: no client is known by the address of its document; development: such addresses may be \
         loopback ones, and MCP_OAUTH_OUTGOING_CA is believed there",
    ),
    plain("trusted_proxies", "127.0.0.0/8, ::1/128", "networks whose X-Forwarded-For is believed"),
    plain("code_lifetime", "10m", "lifetime of an authorization code"),
    plain("access_token_lifetime", "1h", "lifetime of an access token"),
    plain("refresh_token_lifetime", "30d", "lifetime of an unused refresh token"),
    plain("grant_lifetime", "365d", "absolute end of one person's yes to one client"),
    plain("refresh_grace", "120s", "how long after its first use a refresh token may be retried"),
    plain("session_lifetime", "30d", "how long a browser stays signed in at the most"),
    plain("session_idle_lifetime", "7d", "how long a browser stays signed in unused"),
    plain(
        "authorization_request_lifetime",
        "1h",
        "how long a started sign-in can be finished; at least 10m",
    ),
    plain("secret_overlap", "24h", "how long a replaced introspection secret goes on working"),
    plain("unused_client_lifetime", "30d", "when a registration that nobody has used is forgotten"),
    plain("event_lifetime", "180d", "how long the record of decisions is kept"),
    plain("attempt_lifetime", "30d", "how long it is kept how each attempt to connect went"),
    secret(
        "notify_webhook",
        "https URL that is told what happens, by POST with JSON, signed as in Standard Webhooks",
    ),
    secret("notify_webhook_secret", "with what it is signed: whsec_ and base64, or any text"),
    secret("notify_ntfy", "URL of an ntfy topic that is told, like https://ntfy.sh/my-topic"),
    secret("notify_ntfy_token", "access token of that topic"),
    plain("notify_mail_to", "", "mail addresses that are told, with commas between"),
    plain("notify_mail_from", "", "the sender of those mails"),
    plain(
        "notify_smtp",
        "",
        "smtps://user@host:465, or smtp://user@host:587 with STARTTLS, which goes without on loopback",
    ),
    secret("notify_smtp_password", "password of that user"),
    plain(
        "notify_events",
        "all",
        "what is told: all, or some of app_connected, new_place, replay, lock_out, low_disk, update, \
         emergency, people",
    ),
    plain(
        "notify_low_disk",
        "256M",
        "the disk of the database is low below so many free bytes; 0: nobody looks",
    ),
    plain("log_format", "auto", "json, pretty, or auto: pretty on a terminal"),
    plain("workers", "0", "threads that answer requests; 0: one for each core"),
    plain("shutdown_timeout", "30s", "how long running requests may take to finish at a stop"),
    plain("limits", "on", "off lifts the limits on what succeeds; loopback issuers only"),
    plain("limit_body", "65536", "longest request body, in bytes"),
    plain("limit_connections", "10000", "most connections at once"),
    plain("limit_queue", "4096", "most writes that wait"),
    plain("limit_write_wait", "5s", "how long a write waits for a place in the queue"),
    plain(
        "limit_known_tokens",
        "100000",
        "most access tokens that are remembered, so that asking again costs less; 0 remembers none",
    ),
    plain(
        "limit_update_copies",
        "3",
        "most copies of the database from before an update of its schema that are kept; 0 makes none",
    ),
    plain(
        "limit_pending_requests",
        "10000",
        "most started sign-ins that are kept; the oldest makes room",
    ),
    plain(
        "limit_unused_clients",
        "10000",
        "most unused registrations that are kept; the oldest makes room",
    ),
    plain(
        "limit_attempts",
        "10000",
        "most attempts to connect that are kept; half of them for those that nobody signed in to",
    ),
    plain("limit_registrations", "1000", "registrations in an hour"),
    plain("limit_registrations_per_address", "60", "registrations in an hour from one network"),
    plain("limit_document_fetches", "600", "documents of clients that are fetched in an hour"),
    plain(
        "limit_document_fetches_per_address",
        "30",
        "documents of clients that are fetched in an hour for one network",
    ),
    plain(
        "limit_authorize_per_address",
        "120",
        "authorization requests in a minute from one network",
    ),
    plain(
        "limit_token_failures_per_address",
        "120",
        "refused token requests in a minute from one network",
    ),
    plain(
        "limit_introspection_failures_per_address",
        "60",
        "wrong introspection credentials in a minute from one network",
    ),
    plain("limit_sign_in_per_address", "30", "wrong passwords in 15 minutes from one network"),
    plain("limit_sign_in_per_account", "10", "wrong passwords in 15 minutes for one account"),
    plain("limit_redirect_uris", "20", "most redirect URIs of one client"),
    plain("limit_metadata_string", "2048", "longest string in a registration, in bytes"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_safe_from_kubernetes() {
        for (index, setting) in SETTINGS.iter().enumerate() {
            assert_eq!(SETTINGS.iter().position(|other| other.key == setting.key), Some(index));
            assert!(!setting.key.ends_with("_port") && !setting.key.ends_with("_host"));
        }
    }
}
