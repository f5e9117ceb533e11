//! The ways to sign in that are left to somebody: the last one is not taken away but by the owner.

use super::passkeys::offered_at;
use super::second_factor_change::forget_passkeys;
use crate::clock::UnixTime;
use crate::config::Config;
use crate::oauth::UserId;
use crate::storage::events::{Event, Subject, record};
use crate::storage::passkeys::{self, Passkey};
use crate::storage::users::{self, User};
use crate::storage::{DbConnection, StorageError, identities, sessions, sign_ins};

/// The ways to sign in that are on.
#[derive(Debug, Clone)]
pub struct WaysOn {
    /// By password.
    pub password: bool,
    /// By passkeys of this host.
    pub passkeys: Option<String>,
    /// At these providers: whose accounts they are.
    pub authorities: Vec<String>,
    /// By a proxy's header.
    pub proxy: bool,
}

impl WaysOn {
    /// What the settings say.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let ways = &config.sign_in;
        Self {
            password: ways.password,
            passkeys: offered_at(config, &config.issuer),
            authorities: ways.providers.iter().map(|one| one.authority.to_string()).collect(),
            proxy: ways.proxy_header.is_some(),
        }
    }

    /// Whether the person can sign in by what is stored now.
    ///
    /// # Errors
    /// The database's.
    pub fn are_left(&self, conn: &mut DbConnection, user: &User) -> Result<bool, StorageError> {
        // Read again: the session may have been there before the password went.
        let found = users::find(conn, &user.id)?;
        if self.password && found.is_some_and(|user| user.password_hash.is_some()) {
            return Ok(true);
        }
        if self.passkey_is_left(conn, &user.id)? {
            return Ok(true);
        }
        // One of a provider that is gone signs nobody in.
        let theirs = identities::list_of_user(conn, &user.id)?;
        Ok(theirs.iter().any(|one| self.authorities.contains(&one.provider)))
    }

    /// Whether the passkey signs in here. One that was made for the host of a former issuer does not.
    #[must_use]
    pub fn has_use_for(&self, passkey: &Passkey) -> bool {
        self.passkeys.as_deref().is_some_and(|host| passkey.is_for(host))
    }

    /// Whether the person has a passkey that signs in here.
    ///
    /// # Errors
    /// The database's.
    pub fn passkey_is_left(
        &self,
        conn: &mut DbConnection,
        user_id: &UserId,
    ) -> Result<bool, StorageError> {
        let theirs = passkeys::list_of_user(conn, user_id)?;
        Ok(theirs.iter().any(|passkey| self.has_use_for(passkey)))
    }
}

/// Passkeys and accounts elsewhere may be in other hands: they sign in no more, and whoever is signed
/// in has to sign in again. The password stays, or a link gives a new start.
///
/// # Errors
/// The database's.
pub fn forget_all_but_password(
    conn: &mut DbConnection,
    user_id: &UserId,
    now: UnixTime,
) -> Result<(), StorageError> {
    forget_passkeys(conn, user_id, now)?;
    users::unrequire_passkey(conn, user_id)?;
    let linked = identities::count_of_user(conn, user_id)?;
    if linked > 0 {
        identities::remove_of_user(conn, user_id)?;
        let subject = Subject { detail: Some(format!("all {linked}")), ..Subject::user(user_id) };
        record(conn, Event::IdentityUnlinked, subject, now)?;
    }
    sessions::remove_of_user(conn, user_id)?;
    sign_ins::remove_of_user(conn, user_id)
}
