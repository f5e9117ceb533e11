//! An account for somebody whom another service vouches for.

use super::Username;
use crate::clock::UnixTime;
use crate::error::Error;
use crate::oauth::UserId;
use crate::storage::events::{Event, Subject, record};
use crate::storage::users::{self, User};
use crate::storage::{DbConnection, Role, StorageError};

/// So many names are tried with a number behind, before one is made up.
const MOST_NUMBERS: u32 = 100;

/// A new account without a password, for a member; `by` says through what. None before there is an
/// owner: a stranger who comes first gets nothing.
///
/// # Errors
/// [`StorageError::AlreadyExists`] when the name is taken.
pub fn add(
    conn: &mut DbConnection,
    username: &Username,
    by: &str,
    now: UnixTime,
) -> Result<Option<User>, StorageError> {
    if users::count(conn)? == 0 {
        return Ok(None);
    }
    let user = User::new(UserId::generate(), username.to_string(), Role::Member, now);
    users::insert(conn, &user)?;
    let detail = Some(by.to_owned());
    record(conn, Event::UserAdded, Subject { detail, ..Subject::user(&user.id) }, now)?;
    Ok(Some(user))
}

/// A name that nobody has, as near to the wished one as can be. Whoever has the wished one keeps
/// it, and has nothing to do with the newcomer.
///
/// # Errors
/// The database's.
pub fn free_name(conn: &mut DbConnection, wished: &str) -> Result<Username, Error> {
    let wished = spelled(wished);
    let numbered = |number: u32| format!("{wished}{number}");
    let names = std::iter::once(wished.clone()).chain((2..=MOST_NUMBERS).map(numbered));
    for name in names {
        if users::find_by_name(conn, &name)?.is_none() {
            return Ok(Username::parse(&name)?);
        }
    }
    Ok(Username::parse(&format!("{wished}-{}", rand::random::<u32>()))?)
}

/// What may stand in a user name of the wished one, with room for a number behind.
fn spelled(wished: &str) -> String {
    const LONGEST: usize = 48;
    let mut name = String::new();
    for letter in wished.trim().chars() {
        match letter.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() || "._-@+".contains(c) => name.push(c),
            c if c.is_whitespace() => name.push('.'),
            _ => {}
        }
    }
    name.truncate(LONGEST);
    if name.bytes().any(|byte| byte.is_ascii_alphanumeric()) { name } else { "user".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wished_name_is_spelled_so_that_it_can_be_one() {
        for (wished, name) in [
            ("Ada", "ada"),
            (" Ada Lovelace ", "ada.lovelace"),
            ("ada@example.org", "ada@example.org"),
            ("a\u{430}\u{202e}b", "ab"),
            ("\u{430}\u{434}\u{430}", "user"),
            ("...", "user"),
            ("", "user"),
        ] {
            assert_eq!(spelled(wished), name);
        }
        assert_eq!(spelled(&"a".repeat(300)).len(), 48);
    }
}
