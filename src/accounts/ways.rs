//! The ways to sign in that are left to somebody: the last one is not taken away.

use super::passkeys::are_offered;
use crate::config::Config;
use crate::storage::users::{self, User};
use crate::storage::{DbConnection, StorageError, identities, passkeys};

/// The ways to sign in that are on.
#[derive(Debug, Clone)]
pub struct WaysOn {
    /// By password.
    pub password: bool,
    /// By passkey.
    pub passkeys: bool,
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
            passkeys: are_offered(config),
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
        if self.passkeys && passkeys::count_of_user(conn, &user.id)? > 0 {
            return Ok(true);
        }
        // One of a provider that is gone signs nobody in.
        let theirs = identities::list_of_user(conn, &user.id)?;
        Ok(theirs.iter().any(|one| self.authorities.contains(&one.provider)))
    }
}
