//! What that provider keeps, read as what it would be here.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::Terms;
use super::report::{Expired, Report};
use crate::clients::registration;
use crate::clock::UnixTime;
use crate::oauth::{
    ClientAuthMethod, ClientId, ClientIdUrl, ClientMetadata, Scope, TokenHash, TokenId,
};
use crate::storage::ClientOrigin;
use crate::storage::clients::Client;
use crate::storage::replaced_provider::{Found, OldClient, OldCode, OldToken};

pub(super) const CLIENT: &str = "client";
pub(super) const CODE: &str = "code";
pub(super) const CONNECTION: &str = "connection";

/// What could be read, and what was left already.
pub(super) struct Readable {
    pub(super) clients: Vec<Client>,
    pub(super) codes: Vec<Code>,
    pub(super) connections: Vec<Connection>,
    pub(super) report: Report,
}

/// What a code or a pair of tokens is about.
#[derive(Clone)]
pub(super) struct About {
    pub(super) client_id: ClientId,
    pub(super) scope: Scope,
    /// What was said of the MCP server, in whatever words.
    pub(super) resource: Option<String>,
}

/// A code.
#[derive(Clone)]
pub(super) struct Code {
    pub(super) id: TokenId,
    pub(super) hash: TokenHash,
    pub(super) about: About,
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) expires_at: UnixTime,
}

/// A token.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) id: TokenId,
    pub(super) hash: TokenHash,
    pub(super) scope: Scope,
    /// None: for ever.
    pub(super) expires_at: Option<UnixTime>,
}

/// A pair of tokens, or what is left of one.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) about: About,
    pub(super) access: Option<Token>,
    pub(super) refresh: Option<Token>,
}

/// Reads all of it.
pub(super) fn read(found: Found, terms: &Terms) -> Readable {
    let mut report = Report {
        expired: Expired { codes: found.expired_codes, tokens: found.expired_tokens },
        ..Report::default()
    };
    let mut clients = vec![];
    for old in found.clients {
        match client(&old, terms) {
            Ok(client) => clients.push(client),
            Err(why) => report.leave(CLIENT, why, &old.client_id),
        }
    }
    let mut codes = vec![];
    for old in found.codes {
        match code(&old) {
            Ok(code) => codes.push(code),
            Err(why) => report.leave(CODE, why, &old.client_id),
        }
    }
    let connections = connections(found.tokens, &mut report);
    // Somebody has been connected with it, and not only registered it.
    let about = connections.iter().map(|connection| &connection.about);
    let about = about.chain(codes.iter().map(|code| &code.about));
    let connected: HashSet<&ClientId> = about.map(|about| &about.client_id).collect();
    for client in &mut clients {
        client.authorized_at = connected.contains(&client.client_id).then_some(terms.now);
    }
    Readable { clients, codes, connections, report }
}

/// What was answered to a registration, beyond what was registered: RFC 7591 section 3.2.1.
#[derive(Deserialize)]
struct Answered {
    client_secret: Option<String>,
    client_secret_expires_at: Option<i64>,
}

/// Judged as a registration of today would be, but that it has its id and its secret already. It makes
/// no room for others, whoever has used it: there every registered client was let in without a word.
fn client(old: &OldClient, terms: &Terms) -> Result<Client, &'static str> {
    if old.client_id.parse::<ClientIdUrl>().is_ok() {
        return Err("its id is the address of a document, which is asked when it comes");
    }
    let id = old.client_id.parse::<ClientId>().map_err(|_| "its id cannot be one here")?;
    let unreadable = |_| "what it registered cannot be read";
    let answered: Answered = serde_json::from_str(&old.json).map_err(unreadable)?;
    let metadata = registration::metadata(old.json.as_bytes(), &terms.bounds);
    let metadata = metadata.map_err(|_| "what it registered would be refused today")?;
    let secret = answered.client_secret.filter(|secret| !secret.is_empty());
    let expires_at = answered.client_secret_expires_at.unwrap_or(0);
    if secret.is_some() && expires_at != 0 && UnixTime(expires_at) <= terms.now {
        return Err("its secret has expired");
    }
    // Whoever has no secret cannot be asked for one, and never was.
    let method = match &secret {
        None => ClientAuthMethod::None,
        Some(_) => metadata.token_endpoint_auth_method,
    };
    let metadata = ClientMetadata { token_endpoint_auth_method: method, ..metadata };
    #[expect(clippy::cast_possible_truncation, reason = "what is out of range ends up at its end")]
    let created_at = UnixTime((old.created_at as i64).clamp(0, terms.now.0));
    let secret = secret.filter(|_| !metadata.is_public());
    Ok(Client {
        secret_hash: secret.as_deref().map(TokenHash::of),
        ..Client::new(id, metadata, ClientOrigin::Registered, created_at)
    })
}

fn code(old: &OldCode) -> Result<Code, &'static str> {
    let (id, hash) = old.key.clone().ok_or("it has not the shape of one")?;
    Ok(Code {
        id,
        hash,
        about: about(&old.client_id, &old.scopes, old.resource.clone())?,
        redirect_uri: old.redirect_uri.clone(),
        challenge: old.code_challenge.clone(),
        expires_at: old.expires_at,
    })
}

/// Puts pairs together: each of the two says which is the other one.
fn connections(tokens: Vec<OldToken>, report: &mut Report) -> Vec<Connection> {
    let mut refreshing: HashMap<TokenId, OldToken> = HashMap::new();
    let mut accessing = vec![];
    for token in tokens {
        match &token.key {
            None => report.leave(CONNECTION, "a token has not the shape of one", &token.client_id),
            Some((id, _)) if token.refreshes => {
                refreshing.insert(*id, token);
            }
            Some(_) => accessing.push(token),
        }
    }
    let mut pairs: Vec<(Option<OldToken>, Option<OldToken>)> = vec![];
    for access in accessing {
        let refresh = access.counterpart.filter(|id| {
            let other = refreshing.get(id);
            other.is_some_and(|other| other.client_id == access.client_id)
        });
        let refresh = refresh.and_then(|id| refreshing.remove(&id));
        pairs.push((Some(access), refresh));
    }
    pairs.extend(refreshing.into_values().map(|refresh| (None, Some(refresh))));
    let mut all = vec![];
    for (access, refresh) in pairs {
        let client = access.as_ref().or(refresh.as_ref()).map(|token| token.client_id.clone());
        match connection(access, refresh) {
            Ok(connection) => all.push(connection),
            Err(why) => report.leave(CONNECTION, why, &client.unwrap_or_default()),
        }
    }
    all
}

fn connection(
    access: Option<OldToken>,
    refresh: Option<OldToken>,
) -> Result<Connection, &'static str> {
    let main = refresh.as_ref().or(access.as_ref()).ok_or("it has no token")?;
    let resource = [&refresh, &access].into_iter().flatten().find_map(|one| one.resource.clone());
    Ok(Connection {
        about: about(&main.client_id, &main.scopes, resource)?,
        access: access.map(token).transpose()?,
        refresh: refresh.map(token).transpose()?,
    })
}

fn token(old: OldToken) -> Result<Token, &'static str> {
    let (id, hash) = old.key.ok_or("a token has not the shape of one")?;
    Ok(Token { id, hash, scope: scope(&old.scopes)?, expires_at: old.expires_at })
}

fn about(client: &str, scopes: &str, resource: Option<String>) -> Result<About, &'static str> {
    let client_id = client.parse().map_err(|_| "it is of no client that could be here")?;
    Ok(About { client_id, scope: scope(scopes)?, resource })
}

fn scope(json: &str) -> Result<Scope, &'static str> {
    let scopes: Option<Vec<String>> =
        serde_json::from_str(json).map_err(|_| "its scopes cannot be read")?;
    Ok(Scope::requested(&scopes.unwrap_or_default().join(" ")))
}
