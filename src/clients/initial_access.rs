//! Initial access tokens (RFC 7591 section 3): the operator gives them out to those who may register.

use crate::clock::UnixTime;
use crate::error::Error;
use crate::oauth::{ErrorCode, OAuthError, TokenKind, TokenSecret};
use crate::storage::events::{Event, Subject, record};
use crate::storage::registration_tokens::{self, RegistrationToken};
use crate::storage::{DbConnection, StorageError};

/// The longest name of a token, in bytes.
const LONGEST_NAME: usize = 100;

/// Makes a token, that works so often and until then. The secret is shown once.
///
/// # Errors
/// `invalid_request` for a name that is taken, empty, or too long; the database's.
pub fn add(
    conn: &mut DbConnection,
    name: &str,
    limits: (Option<i64>, Option<UnixTime>),
    now: UnixTime,
) -> Result<TokenSecret, Error> {
    if name.trim().is_empty() || name.len() > LONGEST_NAME || name.contains(char::is_control) {
        let why = "the name of a token is 1 to 100 characters that can be seen";
        return Err(ErrorCode::InvalidRequest.because(why).into());
    }
    let secret = match registration_tokens::insert(conn, name, limits, now) {
        Err(StorageError::AlreadyExists) => {
            return Err(ErrorCode::InvalidRequest.because("a token has this name already").into());
        }
        made => made?,
    };
    record(conn, Event::RegistrationTokenAdded, named(name), now)?;
    Ok(secret)
}

/// Nobody registers with the token of this name any more. False if there is none.
///
/// # Errors
/// The database's.
pub fn remove(conn: &mut DbConnection, name: &str, now: UnixTime) -> Result<bool, StorageError> {
    let removed = registration_tokens::remove(conn, name)?;
    if removed {
        record(conn, Event::RegistrationTokenRemoved, named(name), now)?;
    }
    Ok(removed)
}

/// The token that this is.
///
/// # Errors
/// `invalid_token` if it is none, or does not work any more; the database's.
pub fn find(
    conn: &mut DbConnection,
    text: &str,
    now: UnixTime,
) -> Result<RegistrationToken, Error> {
    let secret = TokenSecret::parse(TokenKind::InitialAccess, text).ok_or_else(refused)?;
    let token = registration_tokens::find(conn, secret.id())?
        .filter(|token| token.hash == secret.hash() && token.works(now));
    Ok(token.ok_or_else(refused)?)
}

/// Uses the token once; its name.
///
/// # Errors
/// As [`find`], also when somebody else had the last use.
pub fn consume(conn: &mut DbConnection, text: &str, now: UnixTime) -> Result<String, Error> {
    let token = find(conn, text, now)?;
    if registration_tokens::consume(conn, token.id, now)? {
        Ok(token.name)
    } else {
        Err(refused().into())
    }
}

fn named(name: &str) -> Subject {
    Subject { detail: Some(name.to_owned()), ..Subject::default() }
}

fn refused() -> OAuthError {
    ErrorCode::InvalidToken.because("registration needs a token that is valid here")
}
