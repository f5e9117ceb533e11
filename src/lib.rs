//! The OAuth 2.1 authorization server that sits beside an MCP server: one binary, one SQLite file,
//! and a connector that stays connected.
//!
//! # Layers
//!
//! A module imports from its own layer or below; `tests/layers.rs` reads the `use` lines.
//!
//! ```text
//! 5  main  cli                                       compose: parse arguments, open, run
//! 4  server  sweeper  watchman  notifier             run: listeners, routes, drain; what runs beside them
//!    systemd  doctor
//! 3  endpoints  pages  middleware                    HTTP: for machines, for people, around both
//! 2  grant_types  authorization  clients  accounts   decisions: the rules of OAuth, in plain Rust
//!    revocation  gate  attempts  moving  app  error
//! 1  storage                                         tables: a file each, two verbs, one writer
//! 0  oauth  mcp  clock  config  metrics  telemetry   vocabulary: values valid by construction
//! ```
//!
//! # A refresh, walked through
//!
//! 1. [`server`] has routed `POST /token` through the request span and the count of failures to
//!    [`endpoints::token`], which reads the form into [`oauth::Parameters`] and then into a
//!    [`grant_types::refresh_token::Request`]: from here on values are valid.
//! 2. [`clients::authentication`] reads the credentials. Inside the transaction they become an
//!    [`clients::AuthenticatedClient`], which only that module can make.
//! 3. [`storage::Storage::write`] hands the work to the one thread that writes. It takes what is
//!    waiting, up to 128 pieces, each in a savepoint, and commits once.
//! 4. [`grant_types::refresh_token`] finds, compares, narrows, consumes and issues. The row decides
//!    who was first; what follows from a token is derived from it, so that a retry gets it again.
//! 5. After COMMIT the handler answers: 200 and `no-store`, or what [`endpoints::error`] makes of a
//!    [`error::Error::Refused`] (theirs, in the standard's words) or a [`error::Error::Failed`]
//!    (ours, which can be tried again).
//!
//! # Standards
//!
//! | what | where |
//! |---|---|
//! | OAuth 2.0 and 2.1 (RFC 6749, draft-ietf-oauth-v2-1), Security BCP (RFC 9700) | [`authorization`], [`grant_types`] |
//! | PKCE (RFC 7636), `S256` only | [`oauth::CodeChallenge`] |
//! | Native apps (RFC 8252): loopback ports, private-use schemes | [`oauth::RedirectUri`] |
//! | Dynamic client registration (RFC 7591) | [`clients::registration`], [`clients::initial_access`] |
//! | Management of registrations by their clients (RFC 7592) | [`clients::configuration`] |
//! | Client ID Metadata Documents (draft -01) | [`clients::described`], [`clients::metadata_document`] |
//! | Revocation (RFC 7009) | [`revocation`] |
//! | Introspection (RFC 7662) | [`gate`], [`mod@endpoints::introspection`] |
//! | Bearer tokens (RFC 6750), MCP request metadata | [`gate`], [`mcp`], [`mod@endpoints::gate`] |
//! | Step-up for more scopes (RFC 6750 section 3.1, MCP) | [`gate`], [`authorization::step_up`] |
//! | Authorization server metadata (RFC 8414) | [`endpoints::authorization_server_metadata`] |
//! | Resource indicators (RFC 8707) | [`oauth::ResourceUri`] |
//! | Issuer identification (RFC 9207) | [`authorization::VerifiedRedirect`] |
//! | Protected resource metadata (RFC 9728) | [`endpoints::protected_resource_metadata`] |
//! | OpenID Connect Core and Discovery, as a client: sign-in at other providers | [`accounts::providers`] |
//! | Web Authentication: passkeys | [`accounts::passkeys`] |
//! | TOTP (RFC 6238): codes of an authenticator app | [`accounts::totp`] |
//! | Standard Webhooks: what the operator is told | [`notifier`] |
//! | All of it as each client and its proxies need it | [`doctor`] |

pub mod accounts;
pub mod app;
pub mod attempts;
pub mod authorization;
pub mod cli;
pub mod clients;
pub mod clock;
pub mod config;
pub mod doctor;
pub mod endpoints;
pub mod error;
pub mod gate;
pub mod grant_types;
pub mod mcp;
pub mod metrics;
pub mod middleware;
pub mod moving;
pub mod notifier;
pub mod oauth;
pub mod pages;
pub mod revocation;
pub mod server;
pub mod storage;
pub mod sweeper;
pub mod systemd;
pub mod telemetry;
pub mod watchman;

/// Marks words that are chosen here and shown elsewhere, for whoever collects what has to be
/// translated. It changes nothing.
#[macro_export]
macro_rules! words {
    ($text:literal) => {
        $text
    };
}
