//! What goes with an account, in whatever table: its ways to sign in, and what it may use. Grants
//! are not among it, for they are ended and explain themselves for a while.

use diesel::prelude::*;

use super::schema::{
    identities, one_time_links, passkeys, recovery_codes, resource_people, seen_documents,
    sessions, sign_in_places, sign_ins, totp_secrets,
};
use super::{DbConnection, StorageError};
use crate::oauth::UserId;

/// Deletes all of it.
pub fn remove_of_user(conn: &mut DbConnection, id: &UserId) -> Result<(), StorageError> {
    macro_rules! delete_from {
        ($($table:ident),+) => {
            $(diesel::delete($table::table.filter($table::user_id.eq(id))).execute(conn)?;)+
        };
    }
    delete_from!(
        identities,
        one_time_links,
        passkeys,
        recovery_codes,
        resource_people,
        seen_documents,
        sessions,
        sign_in_places,
        sign_ins,
        totp_secrets
    );
    Ok(())
}
