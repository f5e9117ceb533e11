//! What is asked for after a password, an account elsewhere or a proxy's header. A passkey is both
//! factors: it is a thing that somebody has, and verifies who uses it.

use super::session::Browser;
use super::sign_in::{self, FirstFactor, Passed, Terms};
use super::{recovery, totp};
use crate::error::Error;
use crate::storage::events::{Event, Subject, record};
use crate::storage::users::User;
use crate::storage::{DbConnection, StorageError, passkeys, totp_secrets};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The person has no second factor, and needs none.
    Nothing,
    /// One of those that the person has.
    Second,
    /// The person has none, and has to get one before anything else.
    New,
}

/// What a person can answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Available {
    /// A code of an authenticator app, or a recovery code in its place.
    pub totp: bool,
    /// A passkey.
    pub passkey: bool,
}

/// What is asked of this person after the first factor.
///
/// # Errors
/// The database's.
pub fn asked(conn: &mut DbConnection, user: &User, required: bool) -> Result<Asked, StorageError> {
    let available = available(conn, user)?;
    Ok(if available.totp || (available.passkey && (user.passkey_required || required)) {
        Asked::Second
    } else if required {
        Asked::New
    } else {
        Asked::Nothing
    })
}

/// What this person has.
///
/// # Errors
/// The database's.
pub fn available(conn: &mut DbConnection, user: &User) -> Result<Available, StorageError> {
    Ok(Available {
        totp: totp_secrets::exists(conn, &user.id)?,
        passkey: passkeys::count_of_user(conn, &user.id)? > 0,
    })
}

/// What somebody types who has passed the first factor.
pub enum Answer {
    /// A code of the authenticator app.
    Code(String),
    /// One of the recovery codes.
    RecoveryCode(String),
}

/// Looks at the answer; if it is right, the step is used up and leads on. None if it is not: the
/// step still waits, and the answer is on record.
///
/// # Errors
/// `access_denied` when the step has been used or is over, and the database's.
pub fn answer(
    conn: &mut DbConnection,
    passed: &FirstFactor,
    answer: &Answer,
    browser: &Browser,
    terms: &Terms,
) -> Result<Option<Passed>, Error> {
    let id = &passed.user().id;
    let right = match answer {
        Answer::Code(code) => totp::accept(conn, id, code, terms.now)?,
        // They take the place of a code: without codes there is nothing to recover from.
        Answer::RecoveryCode(code) => {
            totp_secrets::exists(conn, id)? && recovery::accept(conn, id, code, terms.now)?
        }
    };
    if !right {
        // Whoever typed this knows the password, or the like.
        let subject = Subject { address: browser.arrival.address.clone(), ..Subject::user(id) };
        record(conn, Event::SecondFactorRefused, subject, terms.now)?;
        return Ok(None);
    }
    sign_in::second_factor(conn, passed, browser, terms).map(Some)
}
