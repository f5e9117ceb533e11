//! People, for the owner to look at.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::{At, Cursor, Page, in_order, pattern};
use crate::oauth::UserId;
use crate::storage::schema::users;
use crate::storage::users::User;
use crate::storage::{DbConnection, Role, StorageError};

/// What a list of people is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By their names.
    #[default]
    Name,
    /// Whose account is the newest first.
    Newest,
    /// Who signed in last first; who never did last.
    LastSignedIn,
}

/// How an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It works.
    Enabled,
    /// It is switched off.
    Disabled,
    /// It works, and nobody has signed in to it yet.
    New,
}

/// What a list of people is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrowing {
    /// Part of the name.
    pub search: String,
    /// Of this role.
    pub role: Option<Role>,
    /// Whose account is so.
    pub state: Option<State>,
}

/// When somebody last signed in, or 0, as the index has it.
const LAST_SIGNED_IN: &str = "COALESCE(users.last_signed_in_at, 0)";

/// A page of the people.
pub fn page(
    conn: &mut DbConnection,
    narrowing: &Narrowing,
    order: Order,
    at: &At,
) -> Result<Page<User>, StorageError> {
    let mut keys = users::table.limit(at.one_more()).into_boxed();
    if let Some(pattern) = pattern(&narrowing.search) {
        keys = keys.filter(users::username.like(pattern).escape('\\'));
    }
    if let Some(role) = narrowing.role {
        keys = keys.filter(users::role.eq(role));
    }
    keys = match narrowing.state {
        None => keys,
        Some(State::Disabled) => keys.filter(users::disabled_at.is_not_null()),
        Some(State::Enabled) => keys.filter(users::disabled_at.is_null()),
        Some(State::New) => {
            keys.filter(users::disabled_at.is_null()).filter(users::last_signed_in_at.is_null())
        }
    };
    let after = at.after.as_ref();
    let (ids, next) = match order {
        Order::Name => {
            if let Some((name, _)) = after.and_then(Cursor::text::<UserId>) {
                keys = keys.filter(users::username.gt(name));
            }
            let keys = keys.order(users::username).select((users::id, users::username));
            let (keys, last) = at.cut(keys.load::<(UserId, String)>(conn)?);
            (ids(keys), last.map(|(id, name)| Cursor::by_text(name, &id)))
        }
        Order::Newest => {
            if let Some((at, id)) = after.and_then(Cursor::number::<UserId>) {
                let created_at = sql::<BigInt>("users.created_at");
                let tie = sql::<BigInt>("users.created_at").lt(at).or(users::id.lt(id));
                keys = keys.filter(created_at.le(at)).filter(tie);
            }
            let keys = keys.order((users::created_at.desc(), users::id.desc()));
            let keys = keys.select((users::id, sql::<BigInt>("users.created_at")));
            let (keys, last) = at.cut(keys.load::<(UserId, i64)>(conn)?);
            (ids(keys), last.map(|(id, at)| Cursor::by_number(at, &id)))
        }
        Order::LastSignedIn => {
            let key = || sql::<BigInt>(LAST_SIGNED_IN);
            if let Some((at, id)) = after.and_then(Cursor::number::<UserId>) {
                keys = keys.filter(key().le(at)).filter(key().lt(at).or(users::id.lt(id)));
            }
            let keys = keys.order((key().desc(), users::id.desc())).select((users::id, key()));
            let (keys, last) = at.cut(keys.load::<(UserId, i64)>(conn)?);
            (ids(keys), last.map(|(id, at)| Cursor::by_number(at, &id)))
        }
    };
    let rows = users::table.filter(users::id.eq_any(&ids)).select(User::as_select()).load(conn)?;
    Ok(Page { rows: in_order(&ids, rows, |user: &User| &user.id), next })
}

fn ids<T>(keys: Vec<(UserId, T)>) -> Vec<UserId> {
    keys.into_iter().map(|(id, _)| id).collect()
}
