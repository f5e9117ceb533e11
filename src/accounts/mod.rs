//! People: their accounts, their passwords, the browsers they are signed in with.

mod argon2id;
mod commonest;
pub mod declared;
pub mod identity;
pub mod invitation;
pub mod lock_out;
pub mod newcomer;
pub mod passkeys;
pub mod password;
pub mod password_change;
pub mod providers;
pub mod recovery;
pub mod roles;
pub mod second_factor;
pub mod second_factor_change;
pub mod session;
pub mod setup;
pub mod sign_in;
pub mod totp;
pub mod ways;

use std::fmt;

use crate::clock::UnixTime;
use crate::oauth::{ErrorCode, OAuthError, UserId};
use crate::storage::events::{Event, Subject, record};
use crate::storage::users::{self, User};
use crate::storage::{DbConnection, Role, StorageError, one_time_links, sessions, sign_ins};

/// A user name in its one spelling, so that two spellings never are two people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// In lower case, without space around it.
    ///
    /// # Errors
    /// `invalid_request` for anything but 1 to 64 ASCII letters, digits and `.`, `_`, `-`, `@`, `+`.
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        let text = text.trim().to_ascii_lowercase();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@+".contains(&byte);
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text))
        } else {
            Err(ErrorCode::InvalidRequest
                .because("A user name has 1 to 64 letters, digits or . _ - @ +"))
        }
    }

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes an account. The first one is the owner's, whatever was asked for.
///
/// # Errors
/// [`StorageError::AlreadyExists`] when the name is taken.
pub fn add_user(
    conn: &mut DbConnection,
    username: &Username,
    password: &password::Hashed,
    role: Option<Role>,
    now: UnixTime,
) -> Result<User, StorageError> {
    add_account(conn, username, Some(password), role, now)
}

/// As [`add_user`]; without a password nobody can sign in to it yet.
fn add_account(
    conn: &mut DbConnection,
    username: &Username,
    password: Option<&password::Hashed>,
    role: Option<Role>,
    now: UnixTime,
) -> Result<User, StorageError> {
    let first = users::count(conn)? == 0;
    let role = if first { Role::Owner } else { role.unwrap_or(Role::Member) };
    let user = User {
        password_hash: password.map(|password| password.as_str().to_owned()),
        ..User::new(UserId::generate(), username.0.clone(), role, now)
    };
    users::insert(conn, &user)?;
    record(conn, Event::UserAdded, Subject::user(&user.id), now)?;
    Ok(user)
}

/// Sets a new password and signs the person out everywhere; in how many browsers that was.
///
/// # Errors
/// The database's.
pub fn change_password(
    conn: &mut DbConnection,
    id: &UserId,
    password: &password::Hashed,
    now: UnixTime,
) -> Result<usize, StorageError> {
    users::set_password(conn, id, password.as_str())?;
    record(conn, Event::PasswordChanged, Subject::user(id), now)?;
    sign_ins::remove_of_user(conn, id)?;
    one_time_links::remove_of_user(conn, id)?;
    sessions::remove_of_user(conn, id)
}

/// Lets a disabled person sign in again; what was ended stays ended. False if it was not disabled.
///
/// # Errors
/// The database's.
pub fn enable_user(
    conn: &mut DbConnection,
    id: &UserId,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let enabled = users::enable(conn, id)?;
    if enabled {
        record(conn, Event::UserEnabled, Subject::user(id), now)?;
    }
    Ok(enabled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling() {
        assert_eq!(Username::parse(" Ada@Example.org ").unwrap().as_str(), "ada@example.org");
        for text in ["", " ", "a b", "a\nb", "\u{430}da", &"a".repeat(65)] {
            assert!(Username::parse(text).is_err(), "{text:?}");
        }
    }
}
