//! What was read, brought in: each batch is one transaction, and decides by the rows that are here.

use std::collections::HashSet;

use super::reading::{CLIENT, CODE, CONNECTION, Code, Connection, Token};
use super::welcome::Welcome;
use super::{Report, Terms};
use crate::error::Error;
use crate::oauth::{ClientId, ResourceUri, Scope};
use crate::storage::access_tokens::{self, AccessToken};
use crate::storage::clients::{self, Client};
use crate::storage::events::{Event, Removed, Subject, record};
use crate::storage::grants::{self, Grant};
use crate::storage::refresh_tokens::{self, RefreshToken};
use crate::storage::{DbConnection, StorageError, codes};

/// The most rows of one transaction.
const ROWS: usize = 500;

/// The clients that are here and enabled.
pub(super) type Usable = HashSet<ClientId>;

/// Some of one kind.
pub(super) trait Batch: Send + Sync + 'static {
    /// The most of them.
    const MOST: usize;

    /// Takes them, or only looks. Which clients can be used now, if that is what they are.
    fn run(&self, conn: &mut DbConnection, terms: &Terms) -> Result<(Report, Usable), Error>;
}

/// Clients.
pub(super) struct Clients {
    pub(super) clients: Vec<Client>,
}

/// Codes of those that can be used.
pub(super) struct Codes {
    pub(super) codes: Vec<Code>,
    pub(super) usable: Usable,
}

/// Tokens of those that can be used.
pub(super) struct Connections {
    pub(super) connections: Vec<Connection>,
    pub(super) usable: Usable,
}

impl Batch for Clients {
    /// Each is a row and its event.
    const MOST: usize = ROWS / 2;

    fn run(&self, conn: &mut DbConnection, terms: &Terms) -> Result<(Report, Usable), Error> {
        let (mut report, mut usable) = (Report::default(), Usable::new());
        let removed = Removed::find(conn)?;
        for client in &self.clients {
            let id = &client.client_id;
            match clients::find(conn, id)? {
                Some(known) => {
                    report.already_here.clients += 1;
                    if known.disabled_at.is_none() {
                        usable.insert(id.clone());
                    }
                }
                None if removed.clients.contains(id.as_str()) => {
                    report.leave(CLIENT, "it was removed here", id.as_str());
                }
                None => {
                    if !terms.dry {
                        clients::insert(conn, client)?;
                        record(conn, Event::ClientImported, Subject::client(id), terms.now)?;
                    }
                    report.taken.clients += 1;
                    usable.insert(id.clone());
                }
            }
        }
        Ok((report, usable))
    }
}

impl Batch for Codes {
    const MOST: usize = ROWS;

    fn run(&self, conn: &mut DbConnection, terms: &Terms) -> Result<(Report, Usable), Error> {
        let mut report = Report::default();
        let mut welcome = Welcome::new(conn, terms, &self.usable)?;
        for code in &self.codes {
            if codes::find(conn, code.id)?.is_some() {
                report.already_here.codes += 1;
                continue;
            }
            match welcome.code(conn, code)? {
                Ok(row) => {
                    if !terms.dry {
                        codes::take(conn, &row)?;
                    }
                    report.taken.codes += 1;
                }
                Err(why) => report.leave(CODE, why, code.about.example(why)),
            }
        }
        Ok((report, Usable::new()))
    }
}

impl Batch for Connections {
    /// Each is a grant, two tokens, and the event.
    const MOST: usize = ROWS / 4;

    fn run(&self, conn: &mut DbConnection, terms: &Terms) -> Result<(Report, Usable), Error> {
        let mut report = Report::default();
        let mut welcome = Welcome::new(conn, terms, &self.usable)?;
        for connection in &self.connections {
            if is_here(conn, connection)? {
                count(&mut report.already_here, connection);
                continue;
            }
            match welcome.admit(conn, &connection.about)? {
                Ok((resource, scope)) => {
                    if !terms.dry {
                        take(conn, connection, (resource, scope), terms)?;
                    }
                    count(&mut report.taken, connection);
                }
                Err(why) => report.leave(CONNECTION, why, connection.about.example(why)),
            }
        }
        Ok((report, Usable::new()))
    }
}

/// Whether either token of it has come in before: its row says so, which stays for good.
fn is_here(conn: &mut DbConnection, connection: &Connection) -> Result<bool, StorageError> {
    if let Some(token) = &connection.access
        && access_tokens::find(conn, token.id)?.is_some()
    {
        return Ok(true);
    }
    match &connection.refresh {
        Some(token) => Ok(refresh_tokens::find(conn, token.id)?.is_some()),
        None => Ok(false),
    }
}

fn count(counts: &mut super::Counts, connection: &Connection) {
    counts.grants += 1;
    counts.access_tokens += usize::from(connection.access.is_some());
    counts.refresh_tokens += usize::from(connection.refresh.is_some());
}

fn take(
    conn: &mut DbConnection,
    connection: &Connection,
    (resource, scope): (ResourceUri, Scope),
    terms: &Terms,
) -> Result<(), StorageError> {
    let now = terms.now;
    let end = now + terms.lifetimes.grant;
    let until = |token: &Token, lifetime| token.expires_at.unwrap_or(now + lifetime).min(end);
    let access_until = connection.access.as_ref().map(|t| until(t, terms.lifetimes.access_token));
    let refresh_until =
        connection.refresh.as_ref().map(|t| until(t, terms.lifetimes.refresh_token));
    let grant = grants::insert(conn, |id| Grant {
        id,
        client_id: connection.about.client_id.clone(),
        user_id: terms.user_id.clone(),
        scope: scope.clone(),
        resource: resource.clone(),
        created_at: now,
        last_used_at: now,
        expires_at: end,
        tokens_until: access_until.max(refresh_until).unwrap_or(end),
        revoked_at: None,
        revoked_because: None,
        last_used_address: None,
        imported: true,
    })?;
    if let (Some(token), Some(expires_at)) = (&connection.refresh, refresh_until) {
        let row = RefreshToken {
            id: token.id,
            hash: token.hash.clone(),
            grant_id: grant.id,
            previous: None,
            expires_at,
            used_at: None,
            salt: None,
            successor_id: None,
            access_id: None,
            // Its client has it: it is what connects it.
            confirmed_at: Some(now),
        };
        refresh_tokens::take(conn, &row)?;
    }
    if let (Some(token), Some(expires_at)) = (&connection.access, access_until) {
        let row = AccessToken {
            id: token.id,
            hash: token.hash.clone(),
            grant_id: grant.id,
            generation: connection.refresh.as_ref().map(|refresh| refresh.id),
            scope: token.scope.common(&scope),
            issued_at: now,
            expires_at,
        };
        access_tokens::take(conn, &row)?;
    }
    record(conn, Event::GrantImported, Subject::of(&grant), now)
}
