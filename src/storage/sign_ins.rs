//! `sign_ins`: sign-ins that are between two of their steps. A step uses its row up, and the next one
//! has a key of its own, so that nothing can be done twice and no step be left out.

use std::fmt;
use std::str::FromStr;

use diesel::prelude::*;

use super::codec::text_enum;
use super::ids::insert_fresh;
use super::schema::sign_ins;
use super::{DbConnection, Method, StorageError};
use crate::clock::UnixTime;
use crate::oauth::{TokenHash, TokenId, TokenKind, TokenSecret, UserId};

/// A sign-in that waits for its next step.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = sign_ins, treat_none_as_default_value = false)]
pub struct SignIn {
    /// Key of the cookie.
    pub id: TokenId,
    /// Of the cookie, which ties it to the browser.
    pub hash: TokenHash,
    /// What it waits for.
    #[diesel(embed)]
    pub waiting: Waiting,
    /// Since when.
    pub created_at: UnixTime,
    /// Until when.
    pub expires_at: UnixTime,
}

/// What a sign-in waits for.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = sign_ins, treat_none_as_default_value = false)]
pub struct Waiting {
    /// The step.
    pub step: Step,
    /// Who has passed the first factor, if somebody has.
    pub user_id: Option<UserId>,
    /// By what.
    pub method: Option<Method>,
    /// What the step needs to go on: the state of a ceremony, the name of a provider.
    pub detail: String,
    /// Where it all leads.
    pub goal: Goal,
}

text_enum!(
    /// What a sign-in waits for.
    Step {
        /// A passkey, of whomever.
        Passkey = "passkey",
        /// The answer of a provider, which signs in.
        Provider = "provider",
        /// The answer of a provider, whose account is linked to the person who is signed in.
        LinkProvider = "link_provider",
        /// The second factor of somebody who has passed the first.
        SecondFactor = "second_factor",
        /// Somebody who has passed the first factor, and has to get a second one first.
        NewSecondFactor = "new_second_factor",
        /// The browser's answer with a new passkey, of the person who is signed in.
        NewPasskey = "new_passkey",
    }
);

/// Where a sign-in leads. Never an address that somebody else has written.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    diesel::expression::AsExpression,
    diesel::deserialize::FromSqlRow,
)]
#[diesel(sql_type = diesel::sql_types::Text)]
pub enum Goal {
    /// The question of a pending authorization request, which has a cookie of its own.
    Request(TokenId),
    /// One's own page.
    Account,
    /// Where passwords and the like are changed.
    Security,
    /// The pages of the owner.
    Owner,
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(id) => write!(f, "{id}"),
            Self::Account => f.write_str("account"),
            Self::Security => f.write_str("security"),
            Self::Owner => f.write_str("owner"),
        }
    }
}

impl FromStr for Goal {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "account" => Ok(Self::Account),
            "security" => Ok(Self::Security),
            "owner" => Ok(Self::Owner),
            id => id
                .parse()
                .map(|id| Self::Request(TokenId(id)))
                .map_err(|_| "must be account, security, owner or the id of a request"),
        }
    }
}

/// Keeps a sign-in that waits. The secret is the cookie.
pub fn insert(
    conn: &mut DbConnection,
    waiting: &Waiting,
    now: UnixTime,
    expires_at: UnixTime,
) -> Result<TokenSecret, StorageError> {
    insert_fresh(|id| {
        let secret = TokenSecret::generate(TokenKind::SignIn, id);
        let waiting = waiting.clone();
        let row = SignIn { id, hash: secret.hash(), waiting, created_at: now, expires_at };
        diesel::insert_into(sign_ins::table).values(row).execute(conn)?;
        Ok(secret)
    })
}

/// The sign-in with this key, expired or not.
pub fn find(conn: &mut DbConnection, id: TokenId) -> Result<Option<SignIn>, StorageError> {
    Ok(sign_ins::table.find(id).select(SignIn::as_select()).get_result(conn).optional()?)
}

/// Uses a step up, or forgets a sign-in. False if somebody else was first.
pub fn consume(conn: &mut DbConnection, id: TokenId) -> Result<bool, StorageError> {
    Ok(diesel::delete(sign_ins::table.find(id)).execute(conn)? == 1)
}

/// How many there are.
pub fn count(conn: &mut DbConnection) -> Result<i64, StorageError> {
    Ok(sign_ins::table.count().get_result(conn)?)
}

/// Deletes the `limit` oldest. Those of which nobody knows yet whose they are come first: strangers
/// begin as many as they like, and shall not end those of people who have proved something.
pub fn delete_oldest(conn: &mut DbConnection, limit: i64) -> Result<usize, StorageError> {
    let order = (sign_ins::user_id.is_not_null(), sign_ins::id);
    let oldest = sign_ins::table.order(order).limit(limit).select(sign_ins::id);
    let oldest = oldest.load::<TokenId>(conn)?;
    Ok(diesel::delete(sign_ins::table.filter(sign_ins::id.eq_any(oldest))).execute(conn)?)
}

/// Ends those of somebody: what was proved before does not count any more.
pub fn remove_of_user(conn: &mut DbConnection, user_id: &UserId) -> Result<(), StorageError> {
    diesel::delete(sign_ins::table.filter(sign_ins::user_id.eq(user_id))).execute(conn)?;
    Ok(())
}

/// Deletes up to `limit` whose time is over.
pub fn delete_expired(
    conn: &mut DbConnection,
    now: UnixTime,
    limit: i64,
) -> Result<usize, StorageError> {
    let expired = sign_ins::table
        .filter(sign_ins::expires_at.lt(now))
        .order(sign_ins::id)
        .limit(limit)
        .select(sign_ins::id)
        .load::<TokenId>(conn)?;
    Ok(diesel::delete(sign_ins::table.filter(sign_ins::id.eq_any(expired))).execute(conn)?)
}
