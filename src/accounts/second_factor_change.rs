//! How a person gets a second factor, and gets rid of it.

use super::recovery::{self, RecoveryCodes};
use super::second_factor::{self, Asked};
use super::session::{self, Browser, Recently};
use super::sign_in::{self, FirstFactor, Passed, Terms};
use super::totp::Secret;
use crate::clock::UnixTime;
use crate::error::Error;
use crate::oauth::{ErrorCode, OAuthError, TokenSecret, UserId};
use crate::storage::events::{Event, Subject, record};
use crate::storage::{
    DbConnection, StorageError, passkeys, recovery_codes, sign_ins, totp_secrets, users,
};

/// What the first right code leads to.
pub struct TurnedOn<T> {
    /// Shown once.
    pub codes: RecoveryCodes,
    /// Where the browser goes on.
    pub next: T,
}

/// Turns codes of an authenticator app on. None if the code is not right.
///
/// # Errors
/// `access_denied` when the browser was signed out meanwhile, or they are on; the database's.
pub fn turn_on(
    conn: &mut DbConnection,
    recently: &Recently,
    (secret, code): (&Secret, &str),
    now: UnixTime,
) -> Result<Option<TurnedOn<TokenSecret>>, Error> {
    let user_id = &recently.signed_in().user().id;
    let Some(step) = secret.step_of(code, now) else { return Ok(None) };
    let next = session::renew_for(conn, recently)?;
    let codes = add(conn, user_id, (secret, step), now)?;
    Ok(Some(TurnedOn { codes, next }))
}

/// As [`turn_on`], for somebody who is not let in without a second factor.
///
/// # Errors
/// `access_denied` when nothing is asked for any more, or the person has a second factor now, and
/// the database's.
pub fn turn_on_at_sign_in(
    conn: &mut DbConnection,
    passed: &FirstFactor,
    (secret, code): (&Secret, &str),
    browser: &Browser,
    terms: &Terms,
) -> Result<Option<TurnedOn<Passed>>, Error> {
    let user = passed.user();
    if second_factor::asked(conn, user, terms.second_factor_required)? != Asked::New {
        return Err(sign_in::over().into());
    }
    let Some(step) = secret.step_of(code, terms.now) else { return Ok(None) };
    let next = sign_in::second_factor(conn, passed, browser, terms)?;
    let codes = add(conn, &user.id, (secret, step), terms.now)?;
    Ok(Some(TurnedOn { codes, next }))
}

/// Turns codes off, and forgets the recovery codes. The cookie from now on.
///
/// # Errors
/// `access_denied` when the browser was signed out meanwhile, or they are off; the database's.
pub fn turn_off(
    conn: &mut DbConnection,
    recently: &Recently,
    now: UnixTime,
) -> Result<TokenSecret, Error> {
    let user_id = &recently.signed_in().user().id;
    let cookie = session::renew_for(conn, recently)?;
    if !totp_secrets::remove(conn, user_id)? {
        return Err(refuse("Codes of an authenticator app are off already").into());
    }
    recovery_codes::remove_of_user(conn, user_id)?;
    changed(conn, user_id, Event::TotpRemoved, now)?;
    Ok(cookie)
}

/// Other recovery codes, in the place of those that there were.
///
/// # Errors
/// `access_denied` when the browser was signed out meanwhile, or there is nothing to recover from;
/// the database's.
pub fn replace_codes(
    conn: &mut DbConnection,
    recently: &Recently,
    now: UnixTime,
) -> Result<TurnedOn<TokenSecret>, Error> {
    let user_id = &recently.signed_in().user().id;
    let next = session::renew_for(conn, recently)?;
    if !totp_secrets::exists(conn, user_id)? {
        return Err(refuse("Codes of an authenticator app are off already").into());
    }
    let codes = recovery::replace(conn, user_id)?;
    changed(conn, user_id, Event::RecoveryCodesReplaced, now)?;
    Ok(TurnedOn { codes, next })
}

/// The operator takes a person's second factor away, for whoever has lost it with all recovery
/// codes. Passkeys stay, but are not asked for after the password any more. False if there was none.
///
/// # Errors
/// The database's.
pub fn reset(
    conn: &mut DbConnection,
    user_id: &UserId,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let totp = totp_secrets::remove(conn, user_id)?;
    let codes = recovery_codes::remove_of_user(conn, user_id)? > 0;
    let passkey = users::unrequire_passkey(conn, user_id)?;
    let was_there = totp || codes || passkey;
    if was_there {
        changed(conn, user_id, Event::SecondFactorReset, now)?;
    }
    Ok(was_there)
}

/// As [`reset`], and the passkeys are forgotten: for whoever has lost those as well.
///
/// # Errors
/// The database's.
pub fn reset_with_passkeys(
    conn: &mut DbConnection,
    user_id: &UserId,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let passkeys = forget_passkeys(conn, user_id, now)?;
    Ok(reset(conn, user_id, now)? || passkeys > 0)
}

/// How many there were.
pub(super) fn forget_passkeys(
    conn: &mut DbConnection,
    user_id: &UserId,
    now: UnixTime,
) -> Result<i64, StorageError> {
    let passkeys = passkeys::count_of_user(conn, user_id)?;
    if passkeys > 0 {
        passkeys::remove_of_user(conn, user_id)?;
        let subject = Subject { detail: Some(format!("all {passkeys}")), ..Subject::user(user_id) };
        record(conn, Event::PasskeyRemoved, subject, now)?;
        sign_ins::remove_of_user(conn, user_id)?;
    }
    Ok(passkeys)
}

fn add(
    conn: &mut DbConnection,
    user_id: &UserId,
    (secret, step): (&Secret, i64),
    now: UnixTime,
) -> Result<RecoveryCodes, Error> {
    match totp_secrets::insert(conn, &secret.row(user_id, step, now)) {
        Err(StorageError::AlreadyExists) => {
            return Err(refuse("Codes of an authenticator app are on already").into());
        }
        inserted => inserted?,
    }
    changed(conn, user_id, Event::TotpAdded, now)?;
    Ok(recovery::replace(conn, user_id)?)
}

/// Whoever is in the middle of a sign-in begins again: something else is asked for now.
fn changed(
    conn: &mut DbConnection,
    user_id: &UserId,
    event: Event,
    now: UnixTime,
) -> Result<(), StorageError> {
    sign_ins::remove_of_user(conn, user_id)?;
    record(conn, event, Subject::user(user_id), now)
}

fn refuse(description: &'static str) -> OAuthError {
    ErrorCode::AccessDenied.because(description)
}
