//! Signed-in browsers.

use crate::clock::{Seconds, UnixTime};
use crate::oauth::TokenSecret;
use crate::storage::events::{Event, Subject, record};
use crate::storage::sessions::{self, Session};
use crate::storage::users::{self, User};
use crate::storage::{DbConnection, StorageError};

/// How long a browser stays signed in.
#[derive(Debug, Clone, Copy)]
pub struct SessionLifetimes {
    /// At the most.
    pub absolute: Seconds,
    /// Without being used.
    pub idle: Seconds,
}

/// Proof that a browser is signed in: only this module can make one.
#[derive(Debug, Clone)]
pub struct SignedIn {
    session: Session,
    user: User,
}

impl SignedIn {
    /// The session, whose id ties forms to it.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Who it is.
    #[must_use]
    pub fn user(&self) -> &User {
        &self.user
    }

    /// Whether the last use was so long ago that it should be noted.
    #[must_use]
    pub fn is_stale(&self, now: UnixTime) -> bool {
        now - self.session.last_seen_at > Seconds(300)
    }
}

/// Who is behind this cookie, if anybody still is.
///
/// # Errors
/// The database's.
pub fn authenticate(
    conn: &mut DbConnection,
    secret: &TokenSecret,
    lifetimes: SessionLifetimes,
    now: UnixTime,
) -> Result<Option<SignedIn>, StorageError> {
    let Some(session) = sessions::find(conn, secret.id())? else { return Ok(None) };
    let alive = session.hash == secret.hash()
        && now < session.expires_at
        && now - session.last_seen_at < lifetimes.idle;
    if !alive {
        return Ok(None);
    }
    let user = users::find(conn, &session.user_id)?.filter(|user| user.disabled_at.is_none());
    Ok(user.map(|user| SignedIn { session, user }))
}

/// Starts a new session, after the password was right; the cookie of an old one is never carried
/// on. `None` if the account was disabled meanwhile.
///
/// # Errors
/// The database's.
pub fn sign_in(
    conn: &mut DbConnection,
    user: &User,
    address: Option<&str>,
    lifetimes: SessionLifetimes,
    now: UnixTime,
) -> Result<Option<TokenSecret>, StorageError> {
    if users::find(conn, &user.id)?.is_none_or(|user| user.disabled_at.is_some()) {
        return Ok(None);
    }
    let subject = Subject { address: address.map(str::to_owned), ..Subject::user(&user.id) };
    record(conn, Event::SignedIn, subject, now)?;
    sessions::insert(conn, &user.id, now, now + lifetimes.absolute).map(Some)
}

/// Ends the session, on this side too.
///
/// # Errors
/// The database's.
pub fn sign_out(
    conn: &mut DbConnection,
    signed_in: &SignedIn,
    now: UnixTime,
) -> Result<(), StorageError> {
    record(conn, Event::SignedOut, Subject::user(&signed_in.user.id), now)?;
    sessions::remove(conn, signed_in.session.id, &signed_in.session.hash)
}
