//! Passkeys: what a person has, and what may become of it. How a browser proves that it holds one
//! (Web Authentication) is in `ceremony`, behind the feature `passkeys`.

#[cfg(feature = "passkeys")]
pub mod ceremony;
#[cfg(feature = "passkeys")]
pub mod pending;

use url::Url;

use super::second_factor;
use super::session::{self, Recently};
use super::sign_in::FirstFactor;
use super::ways::WaysOn;
use crate::clock::UnixTime;
use crate::config::Config;
use crate::error::Error;
use crate::oauth::{ErrorCode, Issuer, OAuthError, TokenSecret, UserId, display_name};
use crate::storage::events::{Event, Subject, record};
use crate::storage::passkeys::{self, Passkey};
use crate::storage::{DbConnection, Method, StorageError, users};
use crate::words;

/// The most that one person has.
pub const MOST: i64 = 20;
/// The longest name, in characters.
pub const LONGEST_NAME: usize = 64;

/// Whether anybody can sign in by passkey at this issuer. Where the program was built without the feature
/// `passkeys`, the setting says nothing.
#[must_use]
pub fn are_offered(config: &Config, issuer: &Issuer) -> bool {
    offered_at(config, issuer).is_some()
}

/// The RP id for which passkeys are made at this issuer, where they are offered.
pub(super) fn offered_at(config: &Config, issuer: &Issuer) -> Option<String> {
    let on = cfg!(feature = "passkeys") && config.sign_in.passkeys;
    relying_party_id(issuer).filter(|_| on)
}

/// The issuer's host, if it is a name: an address cannot be an RP id (Web Authentication section
/// 5.1.3, "effective domain").
pub(crate) fn relying_party_id(issuer: &Issuer) -> Option<String> {
    Url::parse(issuer.origin()).ok()?.domain().map(str::to_owned)
}

/// What a person calls a passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Without what deceives, and without space around it.
    ///
    /// # Errors
    /// `invalid_request` for a name that nobody can see, or a long one.
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        let name = display_name(text).ok_or_else(|| {
            ErrorCode::InvalidRequest
                .because("Give the passkey a name by which you will know it again")
        })?;
        if name.chars().count() > LONGEST_NAME {
            return Err(ErrorCode::InvalidRequest.because("A name has at the most 64 characters"));
        }
        Ok(Self(name))
    }

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A passkey whose browser has proved that it holds it, and that nobody has yet. Only `ceremony`
/// can make one.
#[derive(Debug, Clone)]
pub struct Proved {
    credential_id: String,
    passkey: String,
    /// The RP id.
    host: String,
    /// For whom the browser made it.
    user_id: UserId,
}

/// Adds a passkey to the account of whoever is signed in. The session has another id then.
///
/// # Errors
/// `access_denied` for one that is known already, one too many, one that was made for somebody
/// else, or a session that has ended.
pub fn add(
    conn: &mut DbConnection,
    person: &Recently,
    proved: &Proved,
    name: &Name,
    now: UnixTime,
) -> Result<TokenSecret, Error> {
    insert(conn, &person.signed_in().user().id, proved, name, now)?;
    renewed(conn, person)
}

/// Adds a passkey to the account of somebody who has passed the first factor, has no second one, and
/// may not go on without.
///
/// # Errors
/// As [`add`], and `access_denied` for somebody who has a second factor by now: that one is asked
/// for, or whoever knows a password could make another.
pub fn add_as_second_factor(
    conn: &mut DbConnection,
    passed: &FirstFactor,
    proved: &Proved,
    name: &Name,
    now: UnixTime,
) -> Result<(), Error> {
    let available = second_factor::available(conn, passed.user())?;
    if available.totp || available.passkey {
        return Err(ErrorCode::AccessDenied
            .because("This account has a second factor by now. Sign in again, and use that one")
            .into());
    }
    insert(conn, &passed.user().id, proved, name, now)
}

/// Calls it something else; the session has another id then. None if the person has no such passkey.
///
/// # Errors
/// `access_denied` for a session that has ended, and the database's.
pub fn rename(
    conn: &mut DbConnection,
    person: &Recently,
    credential_id: &str,
    name: &Name,
    now: UnixTime,
) -> Result<Option<TokenSecret>, Error> {
    let id = &person.signed_in().user().id;
    if !passkeys::rename(conn, id, credential_id, name.as_str())? {
        return Ok(None);
    }
    record(conn, Event::PasskeyRenamed, Subject::user(id), now)?;
    renewed(conn, person).map(Some)
}

/// Forgets it; the session has another id then. None if the person has no such passkey. The last
/// one, or the last that signs in here, takes with it that a passkey is asked for.
///
/// # Errors
/// `access_denied` if the person could not sign in any more, or the session has ended.
pub fn remove(
    conn: &mut DbConnection,
    person: &Recently,
    credential_id: &str,
    on: &WaysOn,
    now: UnixTime,
) -> Result<Option<TokenSecret>, Error> {
    let id = &person.signed_in().user().id;
    let Some(user) = users::find(conn, id)? else { return Ok(None) };
    let known = passkeys::list_of_user(conn, id)?.into_iter();
    let (removed, left): (Vec<_>, Vec<_>) =
        known.partition(|passkey| passkey.credential_id == credential_id);
    let Some(removed) = removed.first() else { return Ok(None) };
    passkeys::remove(conn, id, credential_id)?;
    record(conn, Event::PasskeyRemoved, Subject::user(id), now)?;
    if !left.iter().any(|passkey| on.has_use_for(passkey)) {
        let by_proxy =
            on.proxy && person.signed_in().session().arrival.method == Method::ProxyHeader;
        if !by_proxy && !on.are_left(conn, &user)? {
            return Err(ErrorCode::AccessDenied
                .because("This is your only way to sign in. Add another one first")
                .into());
        }
        // At the host of a former issuer the others are still asked for.
        if user.passkey_required && (left.is_empty() || on.has_use_for(removed)) {
            users::set_passkey_required(conn, id, false)?;
            record(conn, Event::PasskeyNotRequired, Subject::user(id), now)?;
        }
    }
    renewed(conn, person).map(Some)
}

/// Whether a passkey is asked for after every sign-in that was not by one. The session has another
/// id then.
///
/// # Errors
/// `access_denied` for somebody who has none that signs in here, or whose session has ended.
pub fn set_required(
    conn: &mut DbConnection,
    person: &Recently,
    required: bool,
    on: &WaysOn,
    now: UnixTime,
) -> Result<TokenSecret, Error> {
    let id = &person.signed_in().user().id;
    if required && !on.passkey_is_left(conn, id)? {
        return Err(ErrorCode::AccessDenied.because("Add a passkey first").into());
    }
    users::set_passkey_required(conn, id, required)?;
    let event = if required { Event::PasskeyRequired } else { Event::PasskeyNotRequired };
    record(conn, event, Subject::user(id), now)?;
    renewed(conn, person)
}

fn insert(
    conn: &mut DbConnection,
    user_id: &UserId,
    proved: &Proved,
    name: &Name,
    now: UnixTime,
) -> Result<(), Error> {
    if proved.user_id != *user_id {
        let why = words!("This passkey was made for another account. Start again");
        return Err(ErrorCode::AccessDenied.because(why).into());
    }
    if passkeys::count_of_user(conn, user_id)? >= MOST {
        let why = words!("There is no room for another passkey. Remove one that you do not use");
        return Err(ErrorCode::AccessDenied.because(why).into());
    }
    let row = Passkey {
        credential_id: proved.credential_id.clone(),
        user_id: user_id.clone(),
        name: name.as_str().to_owned(),
        passkey: proved.passkey.clone(),
        created_at: now,
        last_used_at: None,
        host: Some(proved.host.clone()),
    };
    passkeys::insert(conn, &row).map_err(|error| match error {
        StorageError::AlreadyExists => {
            ErrorCode::AccessDenied.because("This passkey is known here already").into()
        }
        error => Error::from(error),
    })?;
    Ok(record(conn, Event::PasskeyAdded, Subject::user(user_id), now)?)
}

/// What signs in has changed, and so has the id of the session.
fn renewed(conn: &mut DbConnection, person: &Recently) -> Result<TokenSecret, Error> {
    let why = words!("You have been signed out meanwhile. Sign in again");
    let session = session::renew(conn, person.signed_in())?;
    session.ok_or_else(|| ErrorCode::AccessDenied.because(why).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_seen_and_is_short() {
        assert_eq!(Name::parse(" My \u{202e}phone ").unwrap().as_str(), "My phone");
        assert!(Name::parse(&"\u{e4}".repeat(64)).is_ok());
        for text in ["", " ", "\u{200b}", &"a".repeat(65)] {
            assert!(Name::parse(text).is_err(), "{text:?}");
        }
    }
}
