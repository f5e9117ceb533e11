//! Signing in, step by step: one state machine, on this side. A step knows from its row who has
//! passed what, and uses the row up; no address leads around one.
//!
//! ```text
//! password ──┐
//! provider ──┼─> first_factor ──> second factor ──> second_factor ──> session
//! header ────┘                └─> (none asked for) ─────────────────> session
//! passkey ──────> both_factors ─────────────────────────────────────> session
//! ```

use super::second_factor::{self, Asked};
use super::session::{self, Browser, SessionLifetimes};
use crate::clock::{Seconds, UnixTime};
use crate::error::Error;
use crate::oauth::{ErrorCode, OAuthError, TokenSecret};
use crate::storage::sign_ins::{self, Goal, SignIn, Waiting};
use crate::storage::users::{self, User};
use crate::storage::{DbConnection, Method, Step, StorageError};

/// How long a step may take.
pub const PATIENCE: Seconds = Seconds(10 * 60);
/// The most sign-ins that wait for a step. The oldest makes room.
const MOST_WAITING: i64 = 10_000;

/// What the settings and the time say about a sign-in.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// When.
    pub now: UnixTime,
    /// How long the browser stays signed in.
    pub lifetimes: SessionLifetimes,
    /// Whether nobody signs in without a second factor.
    pub second_factor_required: bool,
}

/// What the passing of a factor leads to.
pub enum Passed {
    /// To the next step: the cookie that goes on.
    Next(TokenSecret, Step),
    /// Into a session: its cookie.
    SignedIn(TokenSecret),
    /// To nothing: the account was switched off meanwhile.
    SwitchedOff,
}

/// The first factor was right: on to the second, if one is asked for.
///
/// # Errors
/// The database's.
pub fn first_factor(
    conn: &mut DbConnection,
    user: &User,
    goal: Goal,
    browser: &Browser,
    terms: &Terms,
) -> Result<Passed, StorageError> {
    let step = match second_factor::asked(conn, user, terms.second_factor_required)? {
        Asked::Nothing => return both_factors(conn, user, browser, terms),
        Asked::Second => Step::SecondFactor,
        Asked::New => Step::NewSecondFactor,
    };
    let waiting = Waiting {
        step,
        user_id: Some(user.id.clone()),
        method: Some(browser.arrival.method),
        detail: String::new(),
        goal,
    };
    Ok(Passed::Next(begin(conn, &waiting, terms.now)?, step))
}

/// As [`first_factor`], for the password that was right for the account as `seen`. To look at it
/// takes a while: none if the account has another one by now, or is switched off or gone.
///
/// # Errors
/// The database's.
pub fn by_password(
    conn: &mut DbConnection,
    seen: &User,
    goal: Goal,
    browser: &Browser,
    terms: &Terms,
) -> Result<Option<Passed>, StorageError> {
    let is_same =
        |user: &User| user.disabled_at.is_none() && user.password_hash == seen.password_hash;
    let Some(user) = users::find(conn, &seen.id)?.filter(is_same) else { return Ok(None) };
    first_factor(conn, &user, goal, browser, terms).map(Some)
}

/// The second factor of this step was right, or there is a second one now: uses the step up.
///
/// # Errors
/// `access_denied` when the step has been used or is over, and the database's.
pub fn second_factor(
    conn: &mut DbConnection,
    passed: &FirstFactor,
    browser: &Browser,
    terms: &Terms,
) -> Result<Passed, Error> {
    if !sign_ins::consume(conn, passed.sign_in.id)? {
        return Err(over().into());
    }
    Ok(both_factors(conn, &passed.user, browser, terms)?)
}

/// Whoever it is has passed everything that there is to pass.
///
/// # Errors
/// The database's.
pub fn both_factors(
    conn: &mut DbConnection,
    user: &User,
    browser: &Browser,
    terms: &Terms,
) -> Result<Passed, StorageError> {
    let session = session::sign_in(conn, user, browser, terms.lifetimes, terms.now)?;
    Ok(session.map_or(Passed::SwitchedOff, Passed::SignedIn))
}

/// Somebody who has passed the first factor in this browser, and nothing else: only this module can
/// say so.
#[derive(Debug, Clone)]
pub struct FirstFactor {
    sign_in: SignIn,
    user: User,
    method: Method,
}

impl FirstFactor {
    /// Who.
    #[must_use]
    pub fn user(&self) -> &User {
        &self.user
    }

    /// By what.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// Where it all leads.
    #[must_use]
    pub fn goal(&self) -> Goal {
        self.sign_in.waiting.goal
    }

    /// The step that waits.
    #[must_use]
    pub fn sign_in(&self) -> &SignIn {
        &self.sign_in
    }
}

/// Who has passed the first factor with this cookie, and waits for `step`.
///
/// # Errors
/// `access_denied` when nobody has, or it is over.
pub fn passed_first_factor(
    conn: &mut DbConnection,
    cookie: &TokenSecret,
    step: Step,
    now: UnixTime,
) -> Result<FirstFactor, Error> {
    let sign_in = find(conn, cookie, step, now)?;
    let (Some(user_id), Some(method)) = (&sign_in.waiting.user_id, sign_in.waiting.method) else {
        return Err(over().into());
    };
    let user = users::find(conn, user_id)?.filter(|user| user.disabled_at.is_none());
    let user = user.ok_or_else(over)?;
    Ok(FirstFactor { sign_in, user, method })
}

/// Begins a step, which this cookie ties to the browser.
///
/// # Errors
/// The database's.
pub fn begin(
    conn: &mut DbConnection,
    waiting: &Waiting,
    now: UnixTime,
) -> Result<TokenSecret, StorageError> {
    let excess = sign_ins::count(conn)? + 1 - MOST_WAITING;
    if excess > 0 {
        sign_ins::delete_oldest(conn, excess.min(500))?;
    }
    sign_ins::insert(conn, waiting, now, now + PATIENCE)
}

/// The sign-in of this cookie, if it waits for `step`.
///
/// # Errors
/// `access_denied` when it does not, or it is over.
pub fn find(
    conn: &mut DbConnection,
    cookie: &TokenSecret,
    step: Step,
    now: UnixTime,
) -> Result<SignIn, Error> {
    let found = sign_ins::find(conn, cookie.id())?.filter(|found| {
        found.hash == cookie.hash() && found.waiting.step == step && now < found.expires_at
    });
    Ok(found.ok_or_else(over)?)
}

/// Uses a step up that is followed by no other one of this module's.
///
/// # Errors
/// `access_denied` when it does not wait for `step`, or somebody was first.
pub fn take(
    conn: &mut DbConnection,
    cookie: &TokenSecret,
    step: Step,
    now: UnixTime,
) -> Result<SignIn, Error> {
    let found = find(conn, cookie, step, now)?;
    if sign_ins::consume(conn, found.id)? { Ok(found) } else { Err(over().into()) }
}

/// Forgets a sign-in: nothing of it is left.
///
/// # Errors
/// The database's.
pub fn cancel(conn: &mut DbConnection, cookie: &TokenSecret) -> Result<(), StorageError> {
    if sign_ins::find(conn, cookie.id())?.is_some_and(|found| found.hash == cookie.hash()) {
        sign_ins::consume(conn, cookie.id())?;
    }
    Ok(())
}

/// What is said of a step that is over, or never was.
#[must_use]
pub fn over() -> OAuthError {
    ErrorCode::AccessDenied
        .because("This sign-in is over, or was gone on with in another tab. Start again")
}
