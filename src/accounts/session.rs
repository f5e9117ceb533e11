//! Signed-in browsers.

use std::net::IpAddr;

use crate::app::Network;
use crate::clock::{Seconds, UnixTime};
use crate::error::Error;
use crate::oauth::{ErrorCode, TokenHash, TokenId, TokenSecret, UserId};
use crate::storage::events::{Event, Subject, record};
use crate::storage::sessions::{self, Arrival, Session};
use crate::storage::sign_in_places::{self, Place};
use crate::storage::sign_ins;
use crate::storage::users::{self, User};
use crate::storage::{DbConnection, Role, StorageError};
use crate::words;

/// For how long after a sign-in its person may change what signs in, and what everybody has.
pub const RECENT: Seconds = Seconds(15 * 60);

/// How long a browser stays signed in.
#[derive(Debug, Clone, Copy)]
pub struct SessionLifetimes {
    /// At the most.
    pub absolute: Seconds,
    /// Without being used.
    pub idle: Seconds,
}

/// A browser in which somebody signs in.
#[derive(Debug, Clone)]
pub struct Browser {
    /// From where, and with what it comes.
    pub arrival: Arrival,
    /// The session that its cookie names. A browser has one: whoever was signed in before is not
    /// any more.
    pub before: Option<(TokenId, TokenHash)>,
}

/// Proof that a browser is signed in: only this module can make one.
#[derive(Debug, Clone)]
pub struct SignedIn {
    session: Session,
    user: User,
}

/// Proof that the person has signed in so recently that what signs in may be changed.
#[derive(Debug, Clone)]
pub struct Recently(SignedIn);

/// Proof that it is an owner who is signed in.
#[derive(Debug, Clone)]
pub struct Owner(SignedIn);

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

    /// None if the sign-in is too long ago.
    #[must_use]
    pub fn recently(&self, now: UnixTime) -> Option<Recently> {
        let age = now - self.session.created_at;
        (Seconds(0) <= age && age < RECENT).then(|| Recently(self.clone()))
    }

    /// None if it is a member.
    #[must_use]
    pub fn owner(&self) -> Option<Owner> {
        (self.user.role == Role::Owner).then(|| Owner(self.clone()))
    }
}

impl Recently {
    /// Who.
    #[must_use]
    pub fn signed_in(&self) -> &SignedIn {
        &self.0
    }
}

impl Owner {
    /// Who.
    #[must_use]
    pub fn signed_in(&self) -> &SignedIn {
        &self.0
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

/// Starts a new session, after the last factor was right; the cookie of an old one is never carried
/// on. `None` if the account was disabled meanwhile.
///
/// # Errors
/// The database's.
pub fn sign_in(
    conn: &mut DbConnection,
    user: &User,
    browser: &Browser,
    lifetimes: SessionLifetimes,
    now: UnixTime,
) -> Result<Option<TokenSecret>, StorageError> {
    if !users::sign_in(conn, &user.id, now)? {
        return Ok(None);
    }
    if let Some((id, hash)) = &browser.before {
        sessions::remove(conn, *id, hash)?;
    }
    let arrival = &browser.arrival;
    let detail = Some(arrival.method.to_string());
    let subject = Subject { address: arrival.address.clone(), detail, ..Subject::user(&user.id) };
    record(conn, Event::SignedIn, subject.clone(), now)?;
    note_place(conn, &user.id, subject, now)?;
    sessions::insert(conn, &user.id, arrival, now, now + lifetimes.absolute).map(Some)
}

/// From where somebody signs in for the first time is told, but for the very first place.
fn note_place(
    conn: &mut DbConnection,
    user_id: &UserId,
    subject: Subject,
    now: UnixTime,
) -> Result<(), StorageError> {
    let address = subject.address.as_deref().and_then(|address| address.parse::<IpAddr>().ok());
    let Some(address) = address else { return Ok(()) };
    let network = Network::from(address).to_string();
    match sign_in_places::note(conn, user_id, &network, now)? {
        Place::New => record(conn, Event::NewPlace, subject, now),
        Place::First | Place::Known => Ok(()),
    }
}

/// Gives the session another id, because what its person may do has changed. `None` if it has ended
/// meanwhile.
///
/// # Errors
/// The database's.
pub fn renew(
    conn: &mut DbConnection,
    signed_in: &SignedIn,
) -> Result<Option<TokenSecret>, StorageError> {
    let Session { id, hash, user_id, created_at, expires_at, arrival, .. } = &signed_in.session;
    if !sessions::remove(conn, *id, hash)? {
        return Ok(None);
    }
    sessions::insert(conn, user_id, arrival, *created_at, *expires_at).map(Some)
}

/// As [`renew`], for a change that a browser makes which must still be signed in.
///
/// # Errors
/// `access_denied` when the session has ended meanwhile: then nothing is changed. The database's.
pub fn renew_for(conn: &mut DbConnection, recently: &Recently) -> Result<TokenSecret, Error> {
    let why = words!("This browser was signed out meanwhile. Nothing was changed");
    let renewed = renew(conn, recently.signed_in())?;
    Ok(renewed.ok_or_else(|| ErrorCode::AccessDenied.because(why))?)
}

/// Signs a person out in another browser. False if there is no such browser, which is the same for
/// one of somebody else.
///
/// # Errors
/// The database's.
pub fn sign_out_of(
    conn: &mut DbConnection,
    recently: &Recently,
    id: TokenId,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let user_id = &recently.0.user.id;
    let ended = sessions::remove_one_of_user(conn, user_id, id)?;
    if ended {
        let detail = Some("another browser".to_owned());
        record(conn, Event::SignedOut, Subject { detail, ..Subject::user(user_id) }, now)?;
    }
    Ok(ended)
}

/// Where a person is signed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// In every browser but this one.
    Elsewhere,
    /// In every browser.
    Everywhere,
}

/// Signs a person out, also where a sign-in is only half done.
///
/// # Errors
/// The database's.
pub fn sign_out_all(
    conn: &mut DbConnection,
    recently: &Recently,
    place: Where,
    now: UnixTime,
) -> Result<(), StorageError> {
    let (user_id, this) = (&recently.0.user.id, recently.0.session.id);
    sign_ins::remove_of_user(conn, user_id)?;
    let detail = match place {
        Where::Elsewhere => {
            sessions::remove_others_of_user(conn, user_id, this)?;
            "every other browser"
        }
        Where::Everywhere => {
            sessions::remove_of_user(conn, user_id)?;
            "every browser"
        }
    };
    let subject = Subject { detail: Some(detail.to_owned()), ..Subject::user(user_id) };
    record(conn, Event::SignedOut, subject, now)
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
    sessions::remove(conn, signed_in.session.id, &signed_in.session.hash).map(|_| ())
}
