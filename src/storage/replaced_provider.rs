//! The tables of the in-process provider that this service replaces. They are read, never written, and
//! hold tokens in clear: those are hashed here, and go no further.

use std::path::Path;

use diesel::prelude::*;

use super::connection::replaced;
use super::{OpenError, StorageError};
use crate::clock::UnixTime;
use crate::oauth::{TokenHash, TokenId, TokenKind, TokenSecret};
use tables::{oauth_clients, oauth_codes, oauth_tokens};

/// All that is worth taking, as it was at one moment.
pub struct Found {
    /// Every client.
    pub clients: Vec<OldClient>,
    /// Codes that have not expired.
    pub codes: Vec<OldCode>,
    /// Tokens that have not expired.
    pub tokens: Vec<OldToken>,
    /// How many codes have.
    pub expired_codes: usize,
    /// How many tokens have.
    pub expired_tokens: usize,
}

/// A client, as that provider keeps it. The text may hold a secret.
pub struct OldClient {
    /// Its id.
    pub client_id: String,
    /// What it registered, and what was answered: RFC 7591 section 3.2.1.
    pub json: String,
    /// When, in seconds.
    pub created_at: f64,
}

/// A code. What cannot be read of it is empty.
pub struct OldCode {
    /// None: it has not the shape of one.
    pub key: Option<(TokenId, TokenHash)>,
    /// To whom it was issued.
    pub client_id: String,
    /// Where it was sent.
    pub redirect_uri: String,
    /// Whose verifier redeems it.
    pub code_challenge: String,
    /// A JSON array of scopes.
    pub scopes: String,
    /// Until when.
    pub expires_at: UnixTime,
    /// For what, if that was said.
    pub resource: Option<String>,
}

/// A token of either kind. What cannot be read of it is empty.
pub struct OldToken {
    /// None: it has not the shape of one.
    pub key: Option<(TokenId, TokenHash)>,
    /// Whether it is a refresh token.
    pub refreshes: bool,
    /// To whom it was issued.
    pub client_id: String,
    /// A JSON array of scopes.
    pub scopes: String,
    /// Until when; none: for ever.
    pub expires_at: Option<UnixTime>,
    /// The other one of its pair.
    pub counterpart: Option<TokenId>,
    /// For what, if that was said, and not lost since.
    pub resource: Option<String>,
}

/// Reads the file at `path`.
///
/// # Errors
/// [`OpenError`] when it is missing, locked, damaged, not that provider's, or written to meanwhile.
pub fn read(path: &Path, now: UnixTime) -> Result<Found, OpenError> {
    replaced::read(path, |conn| {
        let (codes, expired_codes) = codes(conn, now)?;
        let (tokens, expired_tokens) = tokens(conn, now)?;
        Ok(Found { clients: clients(conn)?, codes, tokens, expired_codes, expired_tokens })
    })
}

fn clients(conn: &mut SqliteConnection) -> Result<Vec<OldClient>, StorageError> {
    type Row = (String, Option<String>, Option<f64>);
    let rows = oauth_clients::table.order(oauth_clients::client_id).load::<Row>(conn)?;
    let client = |(client_id, json, created_at): Row| OldClient {
        client_id,
        json: json.unwrap_or_default(),
        created_at: created_at.unwrap_or_default(),
    };
    Ok(rows.into_iter().map(client).collect())
}

fn codes(
    conn: &mut SqliteConnection,
    now: UnixTime,
) -> Result<(Vec<OldCode>, usize), StorageError> {
    type Text = Option<String>;
    type Row = (String, Text, Text, Text, Text, Option<f64>, Text);
    let mut expired = 0;
    let mut live = vec![];
    // One at a time, so that no more than one is in clear.
    for row in oauth_codes::table.order(oauth_codes::code).load_iter::<Row, _>(conn)? {
        let (code, client_id, redirect_uri, code_challenge, scopes, expires_at, resource) = row?;
        let expires_at = seconds(expires_at.unwrap_or_default());
        if expires_at <= now {
            expired += 1;
            continue;
        }
        live.push(OldCode {
            key: key(TokenKind::Code, &code),
            client_id: client_id.unwrap_or_default(),
            redirect_uri: redirect_uri.unwrap_or_default(),
            code_challenge: code_challenge.unwrap_or_default(),
            scopes: scopes.unwrap_or_default(),
            expires_at,
            resource: resource.filter(|resource| !resource.is_empty()),
        });
    }
    Ok((live, expired))
}

fn tokens(
    conn: &mut SqliteConnection,
    now: UnixTime,
) -> Result<(Vec<OldToken>, usize), StorageError> {
    type Text = Option<String>;
    type Row = (String, Text, Text, Option<f64>, Text, Text, Text);
    let mut expired = 0;
    let mut live = vec![];
    for row in oauth_tokens::table.order(oauth_tokens::token).load_iter::<Row, _>(conn)? {
        let (token, client_id, scopes, expires_at, token_type, counterpart, resource) = row?;
        let expires_at = expires_at.map(seconds);
        if expires_at.is_some_and(|at| at <= now) {
            expired += 1;
            continue;
        }
        let refreshes = token_type.as_deref() == Some("refresh");
        let kinds = (TokenKind::Access, TokenKind::Refresh);
        let (kind, other) = if refreshes { (kinds.1, kinds.0) } else { kinds };
        live.push(OldToken {
            key: key(kind, &token),
            refreshes,
            client_id: client_id.unwrap_or_default(),
            scopes: scopes.unwrap_or_default(),
            expires_at,
            counterpart: counterpart.and_then(|text| key(other, &text)).map(|(id, _)| id),
            resource: resource.filter(|resource| !resource.is_empty()),
        });
    }
    Ok((live, expired))
}

/// The columns say what is a token of which kind, and the text has to agree.
fn key(kind: TokenKind, text: &str) -> Option<(TokenId, TokenHash)> {
    let secret = TokenSecret::parse_imported(kind, text)?;
    Some((secret.id(), secret.hash()))
}

/// Rounded down: nothing lives longer here than there.
#[expect(clippy::cast_possible_truncation, reason = "what is out of range ends up at its end")]
fn seconds(at: f64) -> UnixTime {
    UnixTime(at as i64)
}

/// As far as they are read. What may be missing there is not trusted to be there.
mod tables {
    diesel::table! {
        oauth_clients (client_id) {
            client_id -> Text,
            client_json -> Nullable<Text>,
            created_at -> Nullable<Double>,
        }
    }

    diesel::table! {
        oauth_codes (code) {
            code -> Text,
            client_id -> Nullable<Text>,
            redirect_uri -> Nullable<Text>,
            code_challenge -> Nullable<Text>,
            scopes -> Nullable<Text>,
            expires_at -> Nullable<Double>,
            resource -> Nullable<Text>,
        }
    }

    diesel::table! {
        oauth_tokens (token) {
            token -> Text,
            client_id -> Nullable<Text>,
            scopes -> Nullable<Text>,
            expires_at -> Nullable<Double>,
            token_type -> Nullable<Text>,
            refresh_token -> Nullable<Text>,
            resource -> Nullable<Text>,
        }
    }
}
