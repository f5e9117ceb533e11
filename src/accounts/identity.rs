//! Accounts elsewhere that sign somebody in here: who of them may come in, whose they are, and how
//! they become somebody's.
//!
//! An account here is never given to whoever has its name or its mail address elsewhere: only its
//! own person, who is signed in, links another one to it.

use super::newcomer;
use super::providers::Account;
use super::session::{Browser, Recently};
use super::sign_in::{self, Passed, Terms};
use crate::clock::UnixTime;
use crate::config::{Allowed, Provider};
use crate::error::Error;
use crate::storage::events::{Event, Subject, record};
use crate::storage::identities::{self, Identity};
use crate::storage::sign_ins::Goal;
use crate::storage::users::{self, User};
use crate::storage::{DbConnection, Method, StorageError, passkeys};

/// Why somebody with an account elsewhere does not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger {
    /// The operator lets in others, not this one.
    NotAllowed,
    /// It would be allowed by its mail address, which the provider has not verified.
    MailNotVerified,
    /// It is nobody's here, and nobody gets an account by coming.
    NoAccount,
    /// There is no owner yet.
    NotSetUp,
}

/// Whether the operator lets this account in.
///
/// # Errors
/// Why not.
pub fn admit(allow: &[Allowed], account: &Account) -> Result<(), Stranger> {
    let domain_of = |mail: &str| mail.rsplit_once('@').map(|(_, domain)| domain.to_owned());
    let is_this = |allowed: &Allowed| match allowed {
        Allowed::Everybody => true,
        Allowed::Subject(subject) => *subject == account.subject,
        Allowed::Username(name) => account.username.as_ref() == Some(name),
        Allowed::Mail(mail) => account.verified_mails.contains(mail),
        // As a whole: `example.org` is neither `evil-example.org` nor `sub.example.org`.
        Allowed::Domain(domain) => {
            account.verified_mails.iter().any(|mail| domain_of(mail).as_ref() == Some(domain))
        }
        Allowed::Organisation(name) => account.organisations.contains(name),
    };
    if allow.is_empty() || allow.iter().any(is_this) {
        return Ok(());
    }
    let by_mail = |one: &Allowed| matches!(one, Allowed::Mail(_) | Allowed::Domain(_));
    if account.has_unverified_mail && allow.iter().any(by_mail) {
        Err(Stranger::MailNotVerified)
    } else {
        Err(Stranger::NotAllowed)
    }
}

/// Signs in whoever this account belongs to here, or makes an account for it where the operator
/// wants that; up to the second factor.
///
/// # Errors
/// The database's.
pub fn sign_in(
    conn: &mut DbConnection,
    (provider, account): (&Provider, &Account),
    goal: Goal,
    browser: &Browser,
    terms: &Terms,
) -> Result<Result<Passed, Stranger>, Error> {
    if let Err(stranger) = admit(&provider.allow, account) {
        return Ok(Err(stranger));
    }
    let (found, otherwise) = match identities::find(conn, &account.authority, &account.subject)? {
        Some(identity) => {
            identities::touch(conn, &identity, &account.label, terms.now)?;
            (users::find(conn, &identity.user_id)?, Stranger::NoAccount)
        }
        None if provider.sign_up => {
            (sign_up(conn, provider, account, terms.now)?, Stranger::NotSetUp)
        }
        None => (None, Stranger::NoAccount),
    };
    let Some(user) = found else { return Ok(Err(otherwise)) };
    if user.disabled_at.is_some() {
        return Ok(Ok(Passed::SwitchedOff));
    }
    Ok(Ok(sign_in::first_factor(conn, &user, goal, browser, terms)?))
}

fn sign_up(
    conn: &mut DbConnection,
    provider: &Provider,
    account: &Account,
    now: UnixTime,
) -> Result<Option<User>, Error> {
    let local = |mail: &String| mail.rsplit_once('@').map(|(local, _)| local.to_owned());
    let of_mail = || account.verified_mails.first().and_then(local);
    let wished = account.username.clone().or_else(of_mail).unwrap_or_default();
    let username = newcomer::free_name(conn, &wished)?;
    let Some(user) = newcomer::add(conn, &username, &provider.name, now)? else { return Ok(None) };
    let identity = Identity { last_used_at: Some(now), ..row(&user, account, now) };
    identities::insert(conn, &identity)?;
    Ok(Some(user))
}

/// What came of linking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linked {
    /// It signs this person in from now on.
    Done,
    /// It did before.
    Before,
    /// It is somebody else's here.
    SomebodyElses,
    /// The operator does not let it in.
    Stranger(Stranger),
}

/// Lets this account sign in whoever is signed in.
///
/// # Errors
/// The database's.
pub fn link(
    conn: &mut DbConnection,
    recently: &Recently,
    (provider, account): (&Provider, &Account),
    now: UnixTime,
) -> Result<Linked, StorageError> {
    if let Err(stranger) = admit(&provider.allow, account) {
        return Ok(Linked::Stranger(stranger));
    }
    let user = recently.signed_in().user();
    match identities::find(conn, &account.authority, &account.subject)? {
        Some(identity) if identity.user_id == user.id => return Ok(Linked::Before),
        Some(_) => return Ok(Linked::SomebodyElses),
        None => identities::insert(conn, &row(user, account, now))?,
    }
    let subject = Subject { detail: Some(provider.name.clone()), ..Subject::user(&user.id) };
    record(conn, Event::IdentityLinked, subject, now)?;
    Ok(Linked::Done)
}

/// The ways to sign in that are on.
#[derive(Debug, Clone)]
pub struct WaysOn {
    /// By password.
    pub password: bool,
    /// By passkey.
    pub passkeys: bool,
    /// At these providers: whose accounts they are.
    pub authorities: Vec<String>,
}

/// What came of unlinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlinked {
    /// It signs nobody in any more.
    Done,
    /// This person has no such one.
    NoSuch,
    /// The person could not sign in any more.
    LastWay,
}

/// Takes this account away from whoever is signed in.
///
/// # Errors
/// The database's.
pub fn unlink(
    conn: &mut DbConnection,
    recently: &Recently,
    key: (&str, &str),
    on: &WaysOn,
    now: UnixTime,
) -> Result<Unlinked, StorageError> {
    let signed_in = recently.signed_in();
    let user = signed_in.user();
    let theirs = identities::list_of_user(conn, &user.id)?;
    let is_it = |one: &Identity| (one.provider.as_str(), one.subject.as_str()) == key;
    let Some(identity) = theirs.iter().find(|one| is_it(one)) else {
        return Ok(Unlinked::NoSuch);
    };
    let works = |one: &Identity| on.authorities.contains(&one.provider);
    let another = theirs.iter().any(|one| !is_it(one) && works(one));
    let by_proxy = signed_in.session().arrival.method == Method::ProxyHeader;
    // One of a provider that is gone signs nobody in as it is.
    let left = another || by_proxy || !works(identity) || has_own_way(conn, user, on)?;
    if !left {
        return Ok(Unlinked::LastWay);
    }
    if !identities::remove(conn, &user.id, key)? {
        return Ok(Unlinked::NoSuch);
    }
    let subject = Subject { detail: Some(key.0.to_owned()), ..Subject::user(&user.id) };
    record(conn, Event::IdentityUnlinked, subject, now)?;
    Ok(Unlinked::Done)
}

/// Whether the person can sign in without anybody else.
fn has_own_way(conn: &mut DbConnection, user: &User, on: &WaysOn) -> Result<bool, StorageError> {
    // Read again: the session may have been there before the password went.
    let found = users::find(conn, &user.id)?;
    let password = on.password && found.is_some_and(|user| user.password_hash.is_some());
    Ok(password || (on.passkeys && passkeys::count_of_user(conn, &user.id)? > 0))
}

fn row(user: &User, account: &Account, now: UnixTime) -> Identity {
    Identity {
        provider: account.authority.clone(),
        subject: account.subject.clone(),
        user_id: user.id.clone(),
        label: account.label.clone(),
        created_at: now,
        last_used_at: None,
    }
}
