//! Clients, for the owner to look at.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::{At, Cursor, Page, in_order, lower, pattern};
use crate::oauth::ClientId;
use crate::storage::clients::{Client, waiting};
use crate::storage::schema::oauth_clients;
use crate::storage::{ClientOrigin, DbConnection, StorageError};

/// What a list of clients is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By their names.
    Name,
    /// The newest first.
    #[default]
    Newest,
    /// To which somebody last said yes first; to which nobody ever did last.
    LastUsed,
}

/// How a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It may ask.
    Enabled,
    /// It is switched off.
    Disabled,
    /// It may ask, and nobody has said yes to it yet.
    Unused,
    /// It waits for the owner.
    Waiting,
}

/// What a list of clients is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrowing {
    /// Part of the name.
    pub search: String,
    /// Who vouches for it.
    pub origin: Option<ClientOrigin>,
    /// Which is so.
    pub state: Option<State>,
}

/// A page of the clients.
pub fn page(
    conn: &mut DbConnection,
    narrowing: &Narrowing,
    order: Order,
    at: &At,
) -> Result<Page<Client>, StorageError> {
    use oauth_clients::{authorized_at, client_id, disabled_at, name};
    let mut keys = oauth_clients::table.limit(at.one_more()).into_boxed();
    if let Some(pattern) = pattern(&narrowing.search) {
        keys = keys.filter(lower(name).like(pattern).escape('\\'));
    }
    if let Some(origin) = narrowing.origin {
        keys = keys.filter(oauth_clients::origin.eq(origin));
    }
    keys = match narrowing.state {
        None => keys,
        Some(State::Disabled) => keys.filter(disabled_at.is_not_null()),
        Some(State::Enabled) => keys.filter(disabled_at.is_null()),
        Some(State::Waiting) => keys.filter(waiting().assume_not_null()),
        Some(State::Unused) => keys.filter(disabled_at.is_null()).filter(authorized_at.is_null()),
    };
    let (ids, next) = if order == Order::Name {
        if let Some((after, id)) = at.after.as_ref().and_then(Cursor::text::<ClientId>) {
            let tie = lower(name).gt(after.clone()).or(client_id.gt(id));
            keys = keys.filter(lower(name).ge(after)).filter(tie);
        }
        let keys = keys.order((lower(name), client_id)).select((client_id, lower(name)));
        let (keys, last) = at.cut(keys.load::<(ClientId, String)>(conn)?);
        (ids(keys), last.map(|(key, text)| Cursor::by_text(text, &key)))
    } else {
        let key = || sql::<BigInt>(column(order));
        if let Some((after, id)) = at.after.as_ref().and_then(Cursor::number::<ClientId>) {
            keys = keys.filter(key().le(after)).filter(key().lt(after).or(client_id.lt(id)));
        }
        let keys = keys.order((key().desc(), client_id.desc())).select((client_id, key()));
        let (keys, last) = at.cut(keys.load::<(ClientId, i64)>(conn)?);
        (ids(keys), last.map(|(id, at)| Cursor::by_number(at, &id)))
    };
    let rows = oauth_clients::table.filter(client_id.eq_any(&ids)).select(Client::as_select());
    Ok(Page { rows: in_order(&ids, rows.load(conn)?, |client: &Client| &client.client_id), next })
}

/// The column of a time, as the index has it.
fn column(order: Order) -> &'static str {
    match order {
        Order::LastUsed => "COALESCE(oauth_clients.last_used_at, 0)",
        Order::Name | Order::Newest => "oauth_clients.created_at",
    }
}

fn ids<T>(keys: Vec<(ClientId, T)>) -> Vec<ClientId> {
    keys.into_iter().map(|(id, _)| id).collect()
}
