//! A ceremony between its challenge and its answer: a row that is used up by the first answer, right
//! or wrong, and is tied to the browser by its cookie and to what it was begun for.

use serde::{Deserialize, Serialize};

use super::ceremony::{Answer, Begun, Used};
use crate::accounts::session::{Browser, SignedIn};
use crate::accounts::sign_in::{self, FirstFactor, Passed, Terms};
use crate::clock::UnixTime;
use crate::error::Error;
use crate::oauth::{ErrorCode, OAuthError, TokenSecret, UserId};
use crate::storage::passkeys::{self, Passkey};
use crate::storage::sign_ins::{Goal, Waiting};
use crate::storage::users::{self, User};
use crate::storage::{DbConnection, Step, StorageError};
use crate::words;

/// For what a ceremony was begun. Its answer is good for nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    step: Step,
    user_id: Option<UserId>,
    tie: Tie,
}

/// To what a ceremony is tied, apart from the browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Tie {
    /// Nothing: nobody is known yet.
    Nothing,
    /// A session. Another one of the same person is another one.
    Session(i64),
    /// A sign-in whose first factor was right.
    FirstFactor(i64),
}

/// What the row keeps.
#[derive(Serialize, Deserialize)]
struct Detail {
    tie: Tie,
    state: String,
}

impl Purpose {
    /// Signing in, whoever it is.
    #[must_use]
    pub fn sign_in() -> Self {
        Self { step: Step::Passkey, user_id: None, tie: Tie::Nothing }
    }

    /// The second factor of somebody who has passed the first.
    #[must_use]
    pub fn second_factor(passed: &FirstFactor) -> Self {
        Self { step: Step::Passkey, ..Self::of_first_factor(passed) }
    }

    /// A passkey for somebody who has passed the first factor, and has no second one.
    #[must_use]
    pub fn new_second_factor(passed: &FirstFactor) -> Self {
        Self { step: Step::NewPasskey, ..Self::of_first_factor(passed) }
    }

    /// Another passkey for somebody who is signed in.
    #[must_use]
    pub fn another(signed_in: &SignedIn) -> Self {
        Self {
            step: Step::NewPasskey,
            user_id: Some(signed_in.user().id.clone()),
            tie: Tie::Session(signed_in.session().id.0),
        }
    }

    fn of_first_factor(passed: &FirstFactor) -> Self {
        Self {
            step: Step::Passkey,
            user_id: Some(passed.user().id.clone()),
            tie: Tie::FirstFactor(passed.sign_in().id.0),
        }
    }
}

/// Keeps what has begun. The secret is the cookie that ties it to the browser.
///
/// # Errors
/// The database's.
pub fn begin(
    conn: &mut DbConnection,
    purpose: &Purpose,
    begun: &Begun,
    goal: Goal,
    now: UnixTime,
) -> Result<TokenSecret, StorageError> {
    let detail = Detail { tie: purpose.tie.clone(), state: begun.state.clone() };
    let detail = serde_json::to_string(&detail);
    let waiting = Waiting {
        step: purpose.step,
        user_id: purpose.user_id.clone(),
        method: None,
        detail: detail.map_err(|error| StorageError::Query(error.to_string()))?,
        goal,
    };
    sign_in::begin(conn, &waiting, now)
}

/// Uses the ceremony up, before anybody looks at the answer; its state, and where it leads.
///
/// # Errors
/// `access_denied` when it was begun for something else, is over, or was answered.
pub fn take(
    conn: &mut DbConnection,
    cookie: &TokenSecret,
    purpose: &Purpose,
    now: UnixTime,
) -> Result<(String, Goal), Error> {
    let waiting = sign_in::find(conn, cookie, purpose.step, now)?.waiting;
    let detail = serde_json::from_str::<Detail>(&waiting.detail).ok();
    let detail =
        detail.filter(|detail| detail.tie == purpose.tie && waiting.user_id == purpose.user_id);
    let why = words!("This was begun for something else. Start again");
    let detail = detail.ok_or_else(|| ErrorCode::AccessDenied.because(why))?;
    sign_in::take(conn, cookie, purpose.step, now)?;
    Ok((detail.state, waiting.goal))
}

/// The passkey that an answer names, and whose it is: of the person whom the answer names too.
///
/// # Errors
/// `access_denied` for one that is not known here, or is another person's.
pub fn identify(conn: &mut DbConnection, answer: &Answer) -> Result<(Passkey, User), Error> {
    let known = passkeys::find(conn, &answer.credential_id())?;
    let known = known.filter(|known| answer.is_of(&known.user_id)).ok_or_else(unknown)?;
    let user = users::find(conn, &known.user_id)?.ok_or_else(unknown)?;
    Ok((known, user))
}

/// The passkey that an answer names, if it is this person's.
///
/// # Errors
/// `access_denied` if it is not.
pub fn identify_of(
    conn: &mut DbConnection,
    user_id: &UserId,
    answer: &Answer,
) -> Result<Passkey, Error> {
    let known = passkeys::find(conn, &answer.credential_id())?;
    let theirs = known.filter(|known| known.user_id == *user_id && !answer.is_not_of(user_id));
    Ok(theirs.ok_or_else(unknown)?)
}

/// Signs in whoever's passkey it is: it is both factors.
///
/// # Errors
/// `access_denied` for one that was removed meanwhile, and the database's.
pub fn both_factors(
    conn: &mut DbConnection,
    (shown, user): (&Used, &User),
    browser: &Browser,
    terms: &Terms,
) -> Result<Passed, Error> {
    note(conn, (shown, &user.id), terms.now)?;
    Ok(sign_in::both_factors(conn, user, browser, terms)?)
}

/// The passkey is the second factor of whoever has passed the first.
///
/// # Errors
/// `access_denied` for one that is another person's or was removed meanwhile, a step that is over,
/// and the database's.
pub fn second_factor(
    conn: &mut DbConnection,
    used: &Used,
    passed: &FirstFactor,
    browser: &Browser,
    terms: &Terms,
) -> Result<Passed, Error> {
    note(conn, (used, &passed.user().id), terms.now)?;
    sign_in::second_factor(conn, passed, browser, terms)
}

fn note(
    conn: &mut DbConnection,
    (used, user_id): (&Used, &UserId),
    now: UnixTime,
) -> Result<(), Error> {
    let theirs = used.known.user_id == *user_id;
    if theirs && passkeys::record_use(conn, &used.known, &used.passkey, now)? {
        Ok(())
    } else {
        Err(unknown().into())
    }
}

fn unknown() -> OAuthError {
    let why = words!("This passkey is not known here, or belongs to another account");
    ErrorCode::AccessDenied.because(why)
}
