//! Owners and members. There always is an owner who can sign in: the last one is neither made a
//! member nor disabled nor removed, by nobody.

use crate::clock::UnixTime;
use crate::error::Error;
use crate::oauth::{ErrorCode, UserId};
use crate::storage::events::{Event, Subject, record};
use crate::storage::{DbConnection, Role, sessions, sign_ins, users};

/// Gives a person another role, and signs the person out everywhere: what a session may do changes
/// only together with its id. False if the person has this role, or is gone.
///
/// # Errors
/// `access_denied` for the last owner, and the database's.
pub fn change(
    conn: &mut DbConnection,
    id: &UserId,
    role: Role,
    now: UnixTime,
) -> Result<bool, Error> {
    if role == Role::Member {
        spare_last_owner(conn, id)?;
    }
    if !users::set_role(conn, id, role)? {
        return Ok(false);
    }
    sessions::remove_of_user(conn, id)?;
    sign_ins::remove_of_user(conn, id)?;
    let subject = Subject { detail: Some(role.to_string()), ..Subject::user(id) };
    record(conn, Event::RoleChanged, subject, now)?;
    Ok(true)
}

/// Goes on only if somebody else remains who can run the service. Until the transaction ends nobody
/// else can take an owner away, so that two at once cannot leave none.
///
/// # Errors
/// `access_denied` if it is the last owner, and the database's.
pub fn spare_last_owner(conn: &mut DbConnection, id: &UserId) -> Result<(), Error> {
    let owners = users::hold_owners(conn)?;
    // An invitation may never be followed.
    let is_other = |(owner, has_come): &(UserId, bool)| *has_come && owner != id;
    let is_owner = |has_come: bool| owners.contains(&(id.clone(), has_come));
    let is_last = is_owner(true) && !owners.iter().any(is_other);
    let is_only = owners.len() == 1 && is_owner(false);
    if is_last || is_only {
        return Err(ErrorCode::AccessDenied
            .because("This is the last owner who can sign in. Make somebody else an owner first")
            .into());
    }
    Ok(())
}
