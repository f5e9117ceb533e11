//! Grants, for the owner and their people to look at.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::{At, Cursor, Page, in_order, lower, pattern};
use crate::clock::UnixTime;
use crate::oauth::{ClientId, GrantId, ResourceUri, UserId};
use crate::storage::grants::{self, Grant};
use crate::storage::schema::{oauth_clients, oauth_grants, users};
use crate::storage::{ClientOrigin, DbConnection, StorageError};

/// What a list of grants is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The newest first.
    #[default]
    Newest,
    /// The last used first.
    LastUsed,
}

/// How a grant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// Tokens of it may live.
    #[default]
    Live,
    /// It was ended, or its time is over.
    Ended,
    /// Either.
    Any,
}

/// What a list of grants is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrowing {
    /// Part of the person's or the client's name. If more than 200 have such a name, the first 200
    /// by name are looked at.
    pub search: String,
    /// Of this person.
    pub user_id: Option<UserId>,
    /// To this client.
    pub client_id: Option<ClientId>,
    /// For this resource.
    pub resource: Option<ResourceUri>,
    /// Which is so.
    pub state: State,
}

/// A grant, and what people call whom it is about.
#[derive(Debug, Clone)]
pub struct Row {
    /// The grant.
    pub grant: Grant,
    /// Whose; none when the account is gone.
    pub username: Option<String>,
    /// What the client calls itself, and who vouches for that; none when it is gone.
    pub client: Option<(String, ClientOrigin)>,
}

/// The most people, and clients, of one name.
const MOST_NAMESAKES: i64 = 200;

/// A page of the grants.
pub fn page(
    conn: &mut DbConnection,
    narrowing: &Narrowing,
    order: Order,
    (at, now): (&At, UnixTime),
) -> Result<Page<Row>, StorageError> {
    use oauth_grants::{client_id, expires_at, id, resource, revoked_at, user_id};
    let mut keys = oauth_grants::table.limit(at.one_more()).into_boxed();
    let like = pattern(&narrowing.search);
    let searches = like.is_some();
    if let Some(pattern) = like {
        let (people, clients) = namesakes(conn, &pattern)?;
        // An empty list would keep the other one from its index.
        keys = match (people.is_empty(), clients.is_empty()) {
            (true, true) => return Ok(Page { rows: vec![], next: None }),
            (false, true) => keys.filter(user_id.eq_any(people)),
            (true, false) => keys.filter(client_id.eq_any(clients)),
            (false, false) => keys.filter(user_id.eq_any(people).or(client_id.eq_any(clients))),
        };
    }
    if let Some(of) = &narrowing.user_id {
        keys = keys.filter(user_id.eq(of.clone()));
    }
    if let Some(to) = &narrowing.client_id {
        keys = keys.filter(client_id.eq(to.clone()));
    }
    if let Some(uri) = &narrowing.resource {
        keys = keys.filter(resource.eq_any(grants::spellings(conn, uri.canonical())?));
    }
    keys = match narrowing.state {
        State::Any => keys,
        State::Live => keys.filter(revoked_at.is_null()).filter(expires_at.gt(now)),
        State::Ended => keys.filter(revoked_at.is_not_null().or(expires_at.le(now))),
    };
    // With a sign before it no index sorts: the few that are like the name are found by theirs.
    let key = || match (order, searches) {
        (Order::Newest, false) => sql::<BigInt>("oauth_grants.id"),
        (Order::Newest, true) => sql::<BigInt>("+oauth_grants.id"),
        (Order::LastUsed, false) => sql::<BigInt>("oauth_grants.last_used_at"),
        (Order::LastUsed, true) => sql::<BigInt>("+oauth_grants.last_used_at"),
    };
    if let Some((after, last)) = at.after.as_ref().and_then(Cursor::number::<GrantId>) {
        keys = keys.filter(key().le(after)).filter(key().lt(after).or(id.lt(last)));
    }
    let keys = keys.order((key().desc(), id.desc())).select((id, key()));
    let (keys, last) = at.cut(keys.load::<(GrantId, i64)>(conn)?);
    let next = last.map(|(grant, at)| Cursor::by_number(at, &grant));
    let ids: Vec<GrantId> = keys.into_iter().map(|(grant, _)| grant).collect();
    Ok(Page { rows: rows(conn, &ids)?, next })
}

/// How many have not been ended.
pub fn count_live(conn: &mut DbConnection) -> Result<i64, StorageError> {
    let live = oauth_grants::table.filter(oauth_grants::revoked_at.is_null());
    Ok(live.count().get_result(conn)?)
}

/// Up to `limit` live grants of a person, the newest first, older than `before`.
pub fn live_of_user(
    conn: &mut DbConnection,
    user_id: &UserId,
    (before, now): (GrantId, UnixTime),
    limit: i64,
) -> Result<Vec<Grant>, StorageError> {
    let page = oauth_grants::table
        .filter(oauth_grants::user_id.eq(user_id))
        .filter(oauth_grants::revoked_at.is_null())
        .filter(oauth_grants::id.lt(before))
        .filter(oauth_grants::expires_at.gt(now))
        .order(oauth_grants::id.desc())
        .limit(limit);
    Ok(page.select(Grant::as_select()).load(conn)?)
}

fn rows(conn: &mut DbConnection, ids: &[GrantId]) -> Result<Vec<Row>, StorageError> {
    let found = oauth_grants::table
        .left_join(users::table.on(users::id.eq(oauth_grants::user_id)))
        .left_join(oauth_clients::table.on(oauth_clients::client_id.eq(oauth_grants::client_id)))
        .filter(oauth_grants::id.eq_any(ids))
        .select((
            Grant::as_select(),
            users::username.nullable(),
            (oauth_clients::name, oauth_clients::origin).nullable(),
        ))
        .load::<(Grant, Option<String>, Option<(String, ClientOrigin)>)>(conn)?;
    let found = found.into_iter();
    let found = found.map(|(grant, username, client)| Row { grant, username, client }).collect();
    Ok(in_order(ids, found, |row: &Row| &row.grant.id))
}

/// Whose name, and which clients' names, are like this.
fn namesakes(
    conn: &mut DbConnection,
    pattern: &str,
) -> Result<(Vec<UserId>, Vec<ClientId>), StorageError> {
    let people = users::table
        .filter(users::username.like(pattern).escape('\\'))
        .order(users::username)
        .limit(MOST_NAMESAKES)
        .select(users::id);
    let name = || lower(oauth_clients::name);
    let clients = oauth_clients::table
        .filter(name().like(pattern).escape('\\'))
        .order((name(), oauth_clients::client_id))
        .limit(MOST_NAMESAKES)
        .select(oauth_clients::client_id);
    Ok((people.load(conn)?, clients.load(conn)?))
}
