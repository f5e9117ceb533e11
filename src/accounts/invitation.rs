//! Links that let a person in once: an invitation to an account that has nothing to sign in with yet,
//! or a reset of what was forgotten. The page behind them is the only way to an account without a
//! credential; the second factor that somebody has is asked for after it all the same.

use super::password::Hashed;
use super::session::Browser;
use super::sign_in::{self, Passed, Terms};
use super::{Username, change_password};
use crate::clock::{Seconds, UnixTime};
use crate::error::Error;
use crate::oauth::{ErrorCode, OAuthError, TokenId, TokenKind, TokenSecret, UserId};
use crate::storage::events::{Event, Subject, record};
use crate::storage::sign_ins::{self, Goal};
use crate::storage::users::{self, User};
use crate::storage::{DbConnection, Purpose, Role, StorageError, one_time_links, sessions};

/// How long an invitation waits.
pub const INVITATION: Seconds = Seconds(7 * 86_400);
/// How long a reset waits: it opens an account that is in use.
pub const RESET: Seconds = Seconds(86_400);

/// Somebody who has come by a link that is good: only this module can say so.
#[derive(Debug, Clone)]
pub struct Invited {
    link: TokenId,
    purpose: Purpose,
    user: User,
}

impl Invited {
    /// Who.
    #[must_use]
    pub fn user(&self) -> &User {
        &self.user
    }

    /// Whether it is the first time, or the link is one that resets.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.purpose == Purpose::Invite
    }
}

/// Makes an account that nobody can sign in to but by the link. The first one is the owner's,
/// whatever was asked for.
///
/// # Errors
/// [`StorageError::AlreadyExists`] when the name is taken.
pub fn invite(
    conn: &mut DbConnection,
    username: &Username,
    role: Option<Role>,
    now: UnixTime,
) -> Result<(User, TokenSecret), StorageError> {
    let user = super::add_account(conn, username, None, role, now)?;
    let link = new_link(conn, &user.id, Purpose::Invite, now)?;
    Ok((user, link))
}

/// A new link for an account that exists, in place of every other one of the person: an invitation,
/// or a reset. It is for the owner to hand over.
///
/// # Errors
/// `invalid_request` for an account that is gone or disabled, or is set up and invited again; and
/// the database's.
pub fn link(
    conn: &mut DbConnection,
    id: &UserId,
    purpose: Purpose,
    now: UnixTime,
) -> Result<TokenSecret, Error> {
    let refuse = |why: &'static str| Error::from(ErrorCode::InvalidRequest.because(why));
    let user = users::find(conn, id)?.ok_or_else(|| refuse("There is no such account any more"))?;
    if user.disabled_at.is_some() {
        return Err(refuse("This account is switched off. Switch it on first"));
    }
    if purpose == Purpose::Invite && user.last_signed_in_at.is_some() {
        return Err(refuse("This person has signed in before. A reset is the way in again"));
    }
    Ok(new_link(conn, id, purpose, now)?)
}

/// Whose link it is, while it is good. Changes nothing.
///
/// # Errors
/// `access_denied` if it is not, for whatever reason.
pub fn check(conn: &mut DbConnection, token: &str, now: UnixTime) -> Result<Invited, Error> {
    let secret = TokenSecret::parse(TokenKind::OneTimeLink, token).ok_or_else(dead)?;
    let link = one_time_links::find(conn, secret.id())?.filter(|link| {
        link.hash == secret.hash()
            && matches!(link.purpose, Purpose::Invite | Purpose::Reset)
            && link.used_at.is_none()
            && link.expires_at.is_some_and(|until| now < until)
    });
    let link = link.ok_or_else(dead)?;
    let user_id = link.user_id.ok_or_else(dead)?;
    let user = users::find(conn, &user_id)?.filter(|user| user.disabled_at.is_none());
    Ok(Invited { link: link.id, purpose: link.purpose, user: user.ok_or_else(dead)? })
}

/// Uses the link: sets the password, signs the person out everywhere, and goes on as after any
/// first factor.
///
/// # Errors
/// `access_denied` for a link that is dead, or was used in another tab; nothing has changed then.
pub fn set_password(
    conn: &mut DbConnection,
    token: &str,
    password: &Hashed,
    browser: &Browser,
    terms: &Terms,
) -> Result<Passed, Error> {
    let user = consume(conn, token, terms.now)?;
    change_password(conn, &user.id, password, terms.now)?;
    Ok(sign_in::first_factor(conn, &user, Goal::Account, browser, terms)?)
}

/// Uses the link where nobody signs in by password: signs the person out everywhere, and goes on as
/// after any first factor, to where a passkey is added or an account elsewhere is linked. Until one
/// is, another link is the only way in again.
///
/// # Errors
/// `access_denied` for a link that is dead, or was used in another tab; nothing has changed then.
pub fn come_in(
    conn: &mut DbConnection,
    token: &str,
    browser: &Browser,
    terms: &Terms,
) -> Result<Passed, Error> {
    let user = consume(conn, token, terms.now)?;
    sign_ins::remove_of_user(conn, &user.id)?;
    one_time_links::remove_of_user(conn, &user.id)?;
    sessions::remove_of_user(conn, &user.id)?;
    Ok(sign_in::first_factor(conn, &user, Goal::Security, browser, terms)?)
}

/// Uses the link up.
///
/// # Errors
/// `access_denied` for a link that is dead, or was used in another tab.
fn consume(conn: &mut DbConnection, token: &str, now: UnixTime) -> Result<User, Error> {
    let invited = check(conn, token, now)?;
    if !one_time_links::consume(conn, invited.link, now)? {
        return Err(dead().into());
    }
    let detail = Some(invited.purpose.to_string());
    let subject = Subject { detail, ..Subject::user(&invited.user.id) };
    record(conn, Event::LinkUsed, subject, now)?;
    Ok(invited.user)
}

fn new_link(
    conn: &mut DbConnection,
    id: &UserId,
    purpose: Purpose,
    now: UnixTime,
) -> Result<TokenSecret, StorageError> {
    let (kind, lifetime) = match purpose {
        Purpose::Reset => (Event::ResetOffered, RESET),
        _ => (Event::UserInvited, INVITATION),
    };
    record(conn, kind, Subject::user(id), now)?;
    one_time_links::replace_of_user(conn, purpose, id, (now, now + lifetime))
}

fn dead() -> OAuthError {
    ErrorCode::AccessDenied
        .because("This link does not work any more. Ask whoever sent it for a new one")
}
