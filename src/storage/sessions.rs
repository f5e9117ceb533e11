//! `sessions`: browsers in which somebody is signed in.

use diesel::prelude::*;

use super::codec::text_enum;
use super::ids::insert_fresh;
use super::schema::sessions;
use super::{DbConnection, StorageError};
use crate::clock::UnixTime;
use crate::oauth::{TokenHash, TokenId, TokenKind, TokenSecret, UserId};

/// A signed-in browser.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions, treat_none_as_default_value = false)]
pub struct Session {
    /// Key of the cookie.
    pub id: TokenId,
    /// Of the cookie's whole text.
    pub hash: TokenHash,
    /// Who signed in.
    pub user_id: UserId,
    /// When the person proved who it is.
    pub created_at: UnixTime,
    /// When it was last used, to within some minutes.
    pub last_seen_at: UnixTime,
    /// When it ends at the latest.
    pub expires_at: UnixTime,
    /// How, and with what browser.
    #[diesel(embed)]
    pub arrival: Arrival,
}

/// How somebody came in.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions, treat_none_as_default_value = false)]
pub struct Arrival {
    /// By what the person proved who it is, at first.
    pub method: Method,
    /// From where.
    pub address: Option<String>,
    /// What the browser calls itself.
    pub user_agent: Option<String>,
}

impl Arrival {
    /// Of somebody of whose browser nothing is known.
    #[must_use]
    pub fn by(method: Method) -> Self {
        Self { method, address: None, user_agent: None }
    }
}

text_enum!(
    /// By what somebody proves who it is.
    Method {
        /// A password.
        Password = "password",
        /// A passkey, which needs no user name and no second factor.
        Passkey = "passkey",
        /// An account elsewhere: OpenID Connect, GitHub.
        Provider = "provider",
        /// A header of a trusted proxy.
        ProxyHeader = "proxy_header",
        /// A link that works once: set-up, an invitation, a reset.
        Link = "link",
    }
);

/// Starts a session. The secret is the cookie.
pub fn insert(
    conn: &mut DbConnection,
    user_id: &UserId,
    arrival: &Arrival,
    now: UnixTime,
    expires_at: UnixTime,
) -> Result<TokenSecret, StorageError> {
    insert_fresh(|id| {
        let secret = TokenSecret::generate(TokenKind::Session, id);
        let session = Session {
            id,
            hash: secret.hash(),
            user_id: user_id.clone(),
            created_at: now,
            last_seen_at: now,
            expires_at,
            arrival: arrival.clone(),
        };
        diesel::insert_into(sessions::table).values(session).execute(conn)?;
        Ok(secret)
    })
}

/// The session with this key, alive or not.
pub fn find(conn: &mut DbConnection, id: TokenId) -> Result<Option<Session>, StorageError> {
    Ok(sessions::table.find(id).select(Session::as_select()).get_result(conn).optional()?)
}

/// Up to `limit` browsers in which a person is signed in and that were seen after `seen_after`, the
/// newest sign-in first, older than `before`.
pub fn live_of_user(
    conn: &mut DbConnection,
    user_id: &UserId,
    before: TokenId,
    (now, seen_after): (UnixTime, UnixTime),
    limit: i64,
) -> Result<Vec<Session>, StorageError> {
    let page = sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::id.lt(before))
        .filter(sessions::expires_at.gt(now))
        .filter(sessions::last_seen_at.gt(seen_after))
        .order(sessions::id.desc())
        .limit(limit);
    Ok(page.select(Session::as_select()).load(conn)?)
}

/// In how many browsers a person is signed in that were seen after `seen_after`.
pub fn count_live_of_user(
    conn: &mut DbConnection,
    user_id: &UserId,
    (now, seen_after): (UnixTime, UnixTime),
) -> Result<i64, StorageError> {
    let live = sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::expires_at.gt(now))
        .filter(sessions::last_seen_at.gt(seen_after));
    Ok(live.count().get_result(conn)?)
}

/// Notes that the browser is still there.
pub fn touch(conn: &mut DbConnection, id: TokenId, now: UnixTime) -> Result<(), StorageError> {
    diesel::update(sessions::table.find(id)).set(sessions::last_seen_at.eq(now)).execute(conn)?;
    Ok(())
}

/// Signs the browser with this cookie out. An id alone is no proof: it is not secret. False if it
/// was signed out before.
pub fn remove(
    conn: &mut DbConnection,
    id: TokenId,
    hash: &TokenHash,
) -> Result<bool, StorageError> {
    let session = sessions::table.find(id).filter(sessions::hash.eq(hash));
    Ok(diesel::delete(session).execute(conn)? == 1)
}

/// Signs one browser of a person out. False if it is not signed in, or not hers.
pub fn remove_one_of_user(
    conn: &mut DbConnection,
    user_id: &UserId,
    id: TokenId,
) -> Result<bool, StorageError> {
    let session = sessions::table.find(id).filter(sessions::user_id.eq(user_id));
    Ok(diesel::delete(session).execute(conn)? == 1)
}

/// Signs the person out everywhere but in one browser; in how many that was.
pub fn remove_others_of_user(
    conn: &mut DbConnection,
    user_id: &UserId,
    keep: TokenId,
) -> Result<usize, StorageError> {
    let theirs = sessions::table.filter(sessions::user_id.eq(user_id));
    Ok(diesel::delete(theirs.filter(sessions::id.ne(keep))).execute(conn)?)
}

/// Signs the person out everywhere; how many browsers that were.
pub fn remove_of_user(conn: &mut DbConnection, user_id: &UserId) -> Result<usize, StorageError> {
    let theirs = sessions::table.filter(sessions::user_id.eq(user_id));
    Ok(diesel::delete(theirs).execute(conn)?)
}

/// Deletes up to `limit` sessions that have ended.
pub fn delete_expired(
    conn: &mut DbConnection,
    now: UnixTime,
    limit: i64,
) -> Result<usize, StorageError> {
    let expired = sessions::table
        .filter(sessions::expires_at.lt(now))
        .select(sessions::id)
        .limit(limit)
        .load::<TokenId>(conn)?;
    Ok(diesel::delete(sessions::table.filter(sessions::id.eq_any(expired))).execute(conn)?)
}
