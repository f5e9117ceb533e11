//! What is asked for after a password, an account elsewhere or a proxy's header. A passkey is both
//! factors: it is a thing that somebody has, and verifies who uses it.

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
        totp: totp_secrets::is_confirmed(conn, &user.id)?,
        passkey: passkeys::count_of_user(conn, &user.id)? > 0,
    })
}
