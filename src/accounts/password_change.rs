//! A person sets a password of her own, and the right password keeps up with what hashing costs.

use secrecy::SecretString;

use super::password::{Hashed, Passwords, is_outgrown};
use super::session::{self, Recently};
use crate::clock::UnixTime;
use crate::error::Error;
use crate::oauth::{ErrorCode, TokenSecret};
use crate::revocation;
use crate::storage::events::{Event, Subject, record};
use crate::storage::users::{self, User};
use crate::storage::{DbConnection, Storage, StorageError, sessions, sign_ins};
use crate::words;

/// Sets it in the place of the one that the person has proved to know, or of none. Every other
/// browser is signed out; the cookie of this one from now on.
///
/// # Errors
/// `access_denied` when the browser was signed out or the password changed meanwhile, and the
/// database's.
pub fn change_own(
    conn: &mut DbConnection,
    recently: &Recently,
    password: &Hashed,
    disconnect_apps: bool,
    now: UnixTime,
) -> Result<TokenSecret, Error> {
    let user = recently.signed_in().user();
    let before = user.password_hash.as_deref();
    let cookie = session::renew_for(conn, recently)?;
    if !users::replace_password(conn, &user.id, before, password.as_str())? {
        let why = words!("Your password was changed meanwhile. Nothing was changed here");
        return Err(ErrorCode::AccessDenied.because(why).into());
    }
    record(conn, Event::PasswordChanged, Subject::user(&user.id), now)?;
    sessions::remove_others_of_user(conn, &user.id, cookie.id())?;
    sign_ins::remove_of_user(conn, &user.id)?;
    if disconnect_apps {
        revocation::disconnect_all(conn, recently.signed_in(), now)?;
    }
    Ok(cookie)
}

/// Hashes the right password anew if its hash costs less to try than one that is made now. The
/// password stays the same: nobody is signed out, and it is no event.
///
/// # Errors
/// When the password cannot be hashed now, and the database's. The person can be signed in all the
/// same.
pub async fn keep_up(
    passwords: &Passwords,
    storage: &Storage,
    user: &User,
    password: SecretString,
) -> Result<(), Error> {
    let Some(before) = user.password_hash.clone().filter(|hash| is_outgrown(hash)) else {
        return Ok(());
    };
    let (id, hashed) = (user.id.clone(), passwords.hash_anew(password).await?);
    let replace = move |conn: &mut _| {
        users::replace_password(conn, &id, Some(&before), hashed.as_str()).map(|_| ())
    };
    Ok(storage.write::<(), StorageError>(replace).await?)
}
