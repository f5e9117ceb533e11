//! How long, and how much.

use crate::clock::Seconds;

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
    pub known_tokens: usize,
    pub update_copies: usize,
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
