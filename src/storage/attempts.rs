//! `attempts`: how each attempt to connect went, step by step. Never a secret.

mod story;

use diesel::prelude::*;

use super::ids::{edge, insert_fresh};
use super::schema::attempts;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::{ClientId, GrantId, ResourceUri, TokenId, UserId};

pub use story::{Entry, Stage, Story};

/// One attempt to connect.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = attempts, treat_none_as_default_value = false)]
pub struct Attempt {
    /// Its key, which grows with time.
    pub id: i64,
    /// When its first step was.
    pub started_at: UnixTime,
    /// When its last step was.
    pub last_at: UnixTime,
    /// The network from which it began.
    pub network: String,
    /// What the program called itself there: RFC 9110 section 10.1.5.
    pub agent: String,
    /// The client, once it has named itself.
    pub client_id: Option<ClientId>,
    /// Who signed in for it; who said yes, once somebody has.
    pub user_id: Option<UserId>,
    /// For which resource.
    pub resource: Option<ResourceUri>,
    /// Whether somebody has signed in for it.
    pub known: bool,
    /// The last pending request.
    pub request_id: Option<TokenId>,
    /// The code that answered it.
    pub code_id: Option<TokenId>,
    /// The grant that the code became.
    pub grant_id: Option<GrantId>,
    /// The first refresh token of the grant.
    pub refresh_id: Option<TokenId>,
    /// Step by step.
    pub story: Story,
}

/// Keeps a new attempt, with a key that grows with time.
pub fn insert(conn: &mut DbConnection, attempt: &Attempt) -> Result<(), StorageError> {
    insert_fresh(|id| {
        let attempt = Attempt { id: id.0, ..attempt.clone() };
        diesel::insert_into(attempts::table).values(attempt).execute(conn)?;
        Ok(())
    })
}

/// Puts it in the place of what was known of it before.
pub fn update(conn: &mut DbConnection, attempt: &Attempt) -> Result<(), StorageError> {
    let columns = (
        (attempts::last_at.eq(attempt.last_at), attempts::known.eq(attempt.known)),
        attempts::client_id.eq(attempt.client_id.clone()),
        attempts::user_id.eq(attempt.user_id.clone()),
        attempts::resource.eq(attempt.resource.clone()),
        attempts::request_id.eq(attempt.request_id),
        attempts::code_id.eq(attempt.code_id),
        attempts::grant_id.eq(attempt.grant_id),
        attempts::refresh_id.eq(attempt.refresh_id),
        attempts::story.eq(&attempt.story),
    );
    diesel::update(attempts::table.find(attempt.id)).set(columns).execute(conn)?;
    Ok(())
}

/// The attempt with this key.
pub fn find(conn: &mut DbConnection, id: i64) -> Result<Option<Attempt>, StorageError> {
    Ok(attempts::table.find(id).select(Attempt::as_select()).get_result(conn).optional()?)
}

/// What an attempt is found by. The newest is meant.
#[derive(Debug, Clone, Copy)]
pub enum Key<'a> {
    /// A pending request.
    Request(TokenId),
    /// A code.
    Code(TokenId),
    /// A grant.
    Grant(GrantId),
    /// A client.
    Client(&'a ClientId),
    /// A program in a network.
    Place(&'a str, &'a str),
    /// A network, of what has not named itself yet, without one program.
    Nameless(&'a str, &'a str),
}

/// The newest attempt of this key.
pub fn newest(conn: &mut DbConnection, key: Key<'_>) -> Result<Option<Attempt>, StorageError> {
    let all = attempts::table.select(Attempt::as_select()).order(attempts::id.desc()).limit(1);
    let found = match key {
        Key::Request(id) => all.filter(attempts::request_id.eq(id)).load(conn)?,
        Key::Code(id) => all.filter(attempts::code_id.eq(id)).load(conn)?,
        Key::Grant(id) => all.filter(attempts::grant_id.eq(id)).load(conn)?,
        Key::Client(id) => all.filter(attempts::client_id.eq(id)).load(conn)?,
        Key::Place(network, agent) => {
            let here = all.filter(attempts::network.eq(network));
            here.filter(attempts::agent.eq(agent)).load(conn)?
        }
        Key::Nameless(network, without) => {
            let here = all.filter(attempts::network.eq(network).and(attempts::agent.ne(without)));
            here.filter(attempts::client_id.is_null()).load(conn)?
        }
    };
    Ok(found.into_iter().next())
}

/// Up to `limit` attempts, the newest first, older than `before`; of one client, or of all.
pub fn list(
    conn: &mut DbConnection,
    client_id: Option<&ClientId>,
    before: i64,
    limit: i64,
) -> Result<Vec<Attempt>, StorageError> {
    let page = attempts::table
        .filter(attempts::id.lt(before))
        .order(attempts::id.desc())
        .limit(limit)
        .select(Attempt::as_select());
    Ok(match client_id {
        Some(id) => page.filter(attempts::client_id.eq(id)).load(conn)?,
        None => page.load(conn)?,
    })
}

/// How many there are that somebody has signed in for, or that nobody has.
pub fn count(conn: &mut DbConnection, known: bool) -> Result<i64, StorageError> {
    Ok(attempts::table.filter(attempts::known.eq(known)).count().get_result(conn)?)
}

/// How many of a network there are that nobody has signed in for.
pub fn count_of_network(conn: &mut DbConnection, network: &str) -> Result<i64, StorageError> {
    let strangers = attempts::table.filter(attempts::network.eq(network));
    Ok(strangers.filter(attempts::known.eq(false)).count().get_result(conn)?)
}

/// Deletes the oldest of these.
pub fn delete_oldest(
    conn: &mut DbConnection,
    known: bool,
    limit: i64,
) -> Result<usize, StorageError> {
    let oldest = attempts::table
        .filter(attempts::known.eq(known))
        .order(attempts::id)
        .limit(limit)
        .select(attempts::id)
        .load::<i64>(conn)?;
    Ok(diesel::delete(attempts::table.filter(attempts::id.eq_any(oldest))).execute(conn)?)
}

/// Deletes the oldest of a network that nobody has signed in for.
pub fn delete_oldest_of_network(
    conn: &mut DbConnection,
    network: &str,
    limit: i64,
) -> Result<usize, StorageError> {
    let oldest = attempts::table
        .filter(attempts::network.eq(network))
        .filter(attempts::known.eq(false))
        .order(attempts::id)
        .limit(limit)
        .select(attempts::id)
        .load::<i64>(conn)?;
    Ok(diesel::delete(attempts::table.filter(attempts::id.eq_any(oldest))).execute(conn)?)
}

/// Deletes up to `limit` whose last step was before `before`.
pub fn delete_old(
    conn: &mut DbConnection,
    before: UnixTime,
    limit: i64,
) -> Result<usize, StorageError> {
    let old = attempts::table
        .filter(attempts::id.lt(edge(before).0))
        .filter(attempts::last_at.lt(before))
        .order(attempts::id)
        .limit(limit)
        .select(attempts::id)
        .load::<i64>(conn)?;
    Ok(diesel::delete(attempts::table.filter(attempts::id.eq_any(old))).execute(conn)?)
}
