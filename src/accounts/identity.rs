//! Accounts elsewhere that sign somebody in here: who of them may come in, whose they are, and how
//! they become somebody's.
//!
//! An account here is never given to whoever has its name or its mail address elsewhere: only its
//! own person, who is signed in, links another one to it.

use super::newcomer;
use super::providers::Account;
use super::session::{self, Browser, Recently};
use super::sign_in::{self, Passed, Terms};
use super::ways::WaysOn;
use crate::clock::UnixTime;
use crate::config::{Allowed, Provider};
use crate::error::Error;
use crate::oauth::TokenSecret;
use crate::storage::events::{Event, Subject, record};
use crate::storage::identities::{self, Identity};
use crate::storage::sign_ins::Goal;
use crate::storage::users::{self, User};
use crate::storage::{DbConnection, Method, sign_ins};

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

/// Why an account is not linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotLinked {
    /// It signs this person in already.
    Before,
    /// It is somebody else's here.
    SomebodyElses,
    /// The operator does not let it in.
    Stranger(Stranger),
}

/// Lets this account sign in whoever is signed in. The cookie from now on, or why not.
///
/// # Errors
/// `access_denied` when the browser was signed out meanwhile, which a provider's answer may take long
/// enough for; the database's.
pub fn link(
    conn: &mut DbConnection,
    recently: &Recently,
    (provider, account): (&Provider, &Account),
    now: UnixTime,
) -> Result<Result<TokenSecret, NotLinked>, Error> {
    if let Err(stranger) = admit(&provider.allow, account) {
        return Ok(Err(NotLinked::Stranger(stranger)));
    }
    let user = recently.signed_in().user();
    match identities::find(conn, &account.authority, &account.subject)? {
        Some(identity) if identity.user_id == user.id => return Ok(Err(NotLinked::Before)),
        Some(_) => return Ok(Err(NotLinked::SomebodyElses)),
        None => {}
    }
    let cookie = session::renew_for(conn, recently)?;
    identities::insert(conn, &row(user, account, now))?;
    let subject = Subject { detail: Some(provider.name.clone()), ..Subject::user(&user.id) };
    record(conn, Event::IdentityLinked, subject, now)?;
    Ok(Ok(cookie))
}

/// Why an account stays linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotUnlinked {
    /// This person has no such one.
    NoSuch,
    /// The person could not sign in any more.
    LastWay,
}

/// Takes this account away from whoever is signed in, also from sign-ins that it has begun. The
/// cookie from now on, or why not.
///
/// # Errors
/// `access_denied` when the browser was signed out meanwhile; the database's.
pub fn unlink(
    conn: &mut DbConnection,
    recently: &Recently,
    key: (&str, &str),
    on: &WaysOn,
    now: UnixTime,
) -> Result<Result<TokenSecret, NotUnlinked>, Error> {
    let signed_in = recently.signed_in();
    let user = signed_in.user();
    let theirs = identities::list_of_user(conn, &user.id)?;
    let is_it = |one: &Identity| (one.provider.as_str(), one.subject.as_str()) == key;
    let Some(identity) = theirs.into_iter().find(|one| is_it(one)) else {
        return Ok(Err(NotUnlinked::NoSuch));
    };
    if !identities::remove(conn, &user.id, key)? {
        return Ok(Err(NotUnlinked::NoSuch));
    }
    let by_proxy = on.proxy && signed_in.session().arrival.method == Method::ProxyHeader;
    // One of a provider that is gone signs nobody in as it is.
    let worked = on.authorities.contains(&identity.provider);
    if worked && !by_proxy && !on.are_left(conn, user)? {
        identities::insert(conn, &identity)?;
        return Ok(Err(NotUnlinked::LastWay));
    }
    let cookie = session::renew_for(conn, recently)?;
    sign_ins::remove_of_user(conn, &user.id)?;
    let subject = Subject { detail: Some(key.0.to_owned()), ..Subject::user(&user.id) };
    record(conn, Event::IdentityUnlinked, subject, now)?;
    Ok(Ok(cookie))
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
