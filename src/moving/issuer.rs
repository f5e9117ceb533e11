//! The service moves to another URL. Clients are bound to the issuer string (MCP 2026-07-28, "Client
//! Registration": what one has got from one issuer it may not use at another), so the former one is
//! answered for beside the present one for a while, and the operator is told who is concerned.

use std::collections::HashMap;

use serde::Serialize;

use crate::accounts::passkeys::relying_party_id;
use crate::accounts::ways::WaysOn;
use crate::clock::UnixTime;
use crate::config::Config;
use crate::oauth::{ClientId, Issuer, ResourceUri};
use crate::storage::clients::{self, Client};
use crate::storage::events::{Event, Subject, record};
use crate::storage::issuers::{self, Former};
use crate::storage::{
    ClientOrigin, DbConnection, StorageError, grants, passkeys, resources, users,
};

/// From where to where, and until when the former issuer is answered for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Move {
    /// The issuer to which clients are bound now.
    pub from: Issuer,
    /// The one to which they are to be bound.
    pub to: Issuer,
    /// Until when the former is answered for; a time that has come: not at all.
    pub until: UnixTime,
}

/// What is known here that a move concerns.
#[derive(Debug, Serialize)]
pub struct Concerned {
    /// Every client.
    pub clients: Vec<ConcernedClient>,
    /// People whose passkeys were made for a host that the new issuer does not have.
    pub people_with_passkeys: Vec<PasskeyHolder>,
    /// Every MCP server: its metadata names the issuer.
    pub mcp_servers: Vec<McpServer>,
    /// Addresses that the other services at which people sign in have to know.
    pub sign_in_callbacks: Vec<String>,
}

/// One client, and what becomes of it.
#[derive(Debug, Serialize)]
pub struct ConcernedClient {
    /// Its id.
    pub client_id: ClientId,
    /// What it calls itself.
    pub name: String,
    /// Who vouches for it.
    pub origin: ClientOrigin,
    /// When somebody last said yes to it.
    pub last_used_at: Option<UnixTime>,
    /// How many grants of it are alive.
    pub live_logins: i64,
    /// What becomes of it.
    pub afterwards: Afterwards,
}

/// What a client does that finds another issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Afterwards {
    /// Its id is from this issuer only.
    RegistersAndSignsInAgain,
    /// Its id is an address of its own, and the same everywhere.
    KeepsItsIdAndSignsInAgain,
    /// Its own operator has written down id and issuer.
    IsSetUpAgainByHand,
}

/// Somebody who signs in by passkey.
#[derive(Debug, Serialize)]
pub struct PasskeyHolder {
    /// The name.
    pub username: String,
    /// Whether there is another way to sign in, at which no passkey is asked for.
    pub has_another_way: bool,
}

/// An MCP server.
#[derive(Debug, Serialize)]
pub struct McpServer {
    /// Its URL, which does not change.
    pub url: ResourceUri,
    /// Whether it is on the former issuer's host, which it then still needs.
    pub on_former_host: bool,
}

/// Why the service answers as another issuer than the record says.
#[derive(Debug, PartialEq, Eq)]
pub enum Discord {
    /// The settings name another one, and nobody has said that it is a move.
    NotRecorded {
        /// To which clients are bound.
        bound_to: Issuer,
        /// How many clients.
        clients: i64,
    },
    /// The move is recorded, and the settings still name the former one.
    NotSettled {
        /// Where the service is to be.
        to: Issuer,
    },
}

impl Move {
    /// None if clients are bound to it already. What the settings name counts only where nothing has
    /// been served yet: a shell may have other settings than the service.
    ///
    /// # Errors
    /// The database's.
    pub fn plan(
        conn: &mut DbConnection,
        settings: &Issuer,
        to: &Issuer,
        until: UnixTime,
    ) -> Result<Option<Self>, StorageError> {
        let from = issuers::present(conn)?.unwrap_or_else(|| settings.clone());
        Ok((from != *to).then(|| Self { from, to: to.clone(), until }))
    }

    /// Whether clients are bound to an issuer that nobody has named: nothing has been served since the
    /// record of it began, and this shell's settings are not those of a service that others reach.
    ///
    /// # Errors
    /// The database's.
    pub fn is_guessed(&self, conn: &mut DbConnection) -> Result<bool, StorageError> {
        let is_on_record = issuers::present(conn)?.is_some();
        Ok(!is_on_record && self.from.is_loopback() && clients::count_bound(conn)? > 0)
    }

    /// Whether the two can be told apart by where a request comes to.
    #[must_use]
    pub fn can_be_kept(&self) -> bool {
        (self.from.host(), self.from.path()) != (self.to.host(), self.to.path())
    }

    /// Makes it so, at the next start of the service.
    ///
    /// # Errors
    /// The database's.
    pub fn record(&self, conn: &mut DbConnection, now: UnixTime) -> Result<(), StorageError> {
        let until = if self.can_be_kept() { self.until.max(now) } else { now };
        settle_passkeys(conn, &self.from)?;
        issuers::set_present(conn, &self.to)?;
        issuers::insert_former(conn, &Former { issuer: self.from.clone(), since: now, until })?;
        let detail = Some(format!("from {} to {}", self.from, self.to));
        record(conn, Event::IssuerMoved, Subject { detail, ..Subject::default() }, now)
    }

    /// Whom and what it concerns.
    ///
    /// # Errors
    /// The database's.
    pub fn concerned(
        &self,
        conn: &mut DbConnection,
        config: &Config,
        now: UnixTime,
    ) -> Result<Concerned, StorageError> {
        let mcp_server = |url: ResourceUri| McpServer {
            on_former_host: url.origin() == self.from.origin(),
            url,
        };
        let servers = resources::list(conn)?.into_iter();
        let providers = config.sign_in.providers.iter();
        let callback = |name: &str| self.to.url(&format!("/sign-in/provider/{name}/callback"));
        Ok(Concerned {
            clients: self::clients(conn, now)?,
            people_with_passkeys: self.people_with_passkeys(conn, config)?,
            mcp_servers: servers.map(|server| mcp_server(server.uri)).collect(),
            sign_in_callbacks: providers.map(|provider| callback(&provider.name)).collect(),
        })
    }

    /// A passkey is good at the host for which it was made, and at no other.
    fn people_with_passkeys(
        &self,
        conn: &mut DbConnection,
        config: &Config,
    ) -> Result<Vec<PasskeyHolder>, StorageError> {
        if relying_party_id(&self.from) == relying_party_id(&self.to) {
            return Ok(vec![]);
        }
        let others = WaysOn { passkeys: None, ..WaysOn::of(config) };
        let mut holders = vec![];
        for user in users::with_passkeys(conn)? {
            let has_another_way =
                (others.proxy || others.are_left(conn, &user)?) && !user.passkey_required;
            holders.push(PasskeyHolder { username: user.username, has_another_way });
        }
        Ok(holders)
    }
}

/// An issuer is answered for no more. False if it is not a former one.
///
/// # Errors
/// The database's.
pub fn forget(
    conn: &mut DbConnection,
    issuer: &Issuer,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let forgotten = issuers::remove_former(conn, issuer)?;
    if forgotten {
        let subject = Subject { detail: Some(issuer.to_string()), ..Subject::default() };
        record(conn, Event::IssuerForgotten, subject, now)?;
    }
    Ok(forgotten)
}

/// The service begins to answer as what the settings name. Where nothing is bound to another issuer,
/// clients are bound to this one from now on; else only a recorded move changes that.
///
/// # Errors
/// The database's.
pub fn settle(conn: &mut DbConnection, issuer: &Issuer) -> Result<Option<Discord>, StorageError> {
    let present = issuers::present(conn)?;
    if present.as_ref() == Some(issuer) {
        settle_passkeys(conn, issuer)?;
        return Ok(None);
    }
    if let Some(present) = present {
        if issuers::former(conn)?.iter().any(|former| former.issuer == *issuer) {
            return Ok(Some(Discord::NotSettled { to: present }));
        }
        let clients = clients::count_bound(conn)?;
        if clients > 0 || !users::with_passkeys(conn)?.is_empty() {
            return Ok(Some(Discord::NotRecorded { bound_to: present, clients }));
        }
    }
    issuers::set_present(conn, issuer)?;
    settle_passkeys(conn, issuer)?;
    Ok(None)
}

/// Passkeys of which an older version has not kept the host are the present issuer's.
fn settle_passkeys(conn: &mut DbConnection, present: &Issuer) -> Result<(), StorageError> {
    relying_party_id(present).map_or(Ok(()), |host| passkeys::settle(conn, &host))
}

/// Those with the most live logins first.
fn clients(conn: &mut DbConnection, now: UnixTime) -> Result<Vec<ConcernedClient>, StorageError> {
    const PAGE: i64 = 100;
    let live = grants::live_by_client(conn, now)?.into_iter().collect();
    let mut all: Vec<ConcernedClient> = vec![];
    loop {
        let after = all.last().map(|client| client.client_id.to_string()).unwrap_or_default();
        let page = clients::list(conn, &after, PAGE)?;
        if page.is_empty() {
            break;
        }
        all.extend(page.into_iter().map(|client| concerned(client, &live)));
    }
    all.sort_by_key(|client| std::cmp::Reverse(client.live_logins));
    Ok(all)
}

fn concerned(client: Client, live: &HashMap<ClientId, i64>) -> ConcernedClient {
    ConcernedClient {
        live_logins: live.get(&client.client_id).copied().unwrap_or(0),
        afterwards: match client.origin {
            ClientOrigin::Registered => Afterwards::RegistersAndSignsInAgain,
            ClientOrigin::Document => Afterwards::KeepsItsIdAndSignsInAgain,
            ClientOrigin::Configured => Afterwards::IsSetUpAgainByHand,
        },
        client_id: client.client_id,
        name: client.name,
        origin: client.origin,
        last_used_at: client.last_used_at,
    }
}
