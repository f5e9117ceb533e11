//! What other tables know of an attempt, when somebody looks at it: nothing is kept twice.

use crate::clock::UnixTime;
use crate::oauth::TokenId;
use crate::storage::attempts::Attempt;
use crate::storage::clients::{self, Client};
use crate::storage::grants::{self, Grant};
use crate::storage::{DbConnection, StorageError, refresh_tokens};

/// How far the pairs of a login are followed: whoever refreshes without ever using a token is rare.
const MOST_HOPS: usize = 8;

/// What is known of an attempt besides its story.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The client, as it is now; none if it is unknown or gone.
    pub client: Option<Client>,
    /// The grant, as long as it is kept.
    pub grant: Option<Grant>,
    /// Whether a token of it was ever seen at work.
    pub seen: Seen,
}

/// Whether an access token was seen at work, at introspection or at the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Seen {
    /// Nobody can say: there is no refresh token to which it could have been noted.
    #[default]
    Unknown,
    /// Never.
    Never,
    /// Since then.
    Since(UnixTime),
}

/// Looks it up.
///
/// # Errors
/// The database's.
pub fn find(conn: &mut DbConnection, attempt: &Attempt) -> Result<Facts, StorageError> {
    let client = match &attempt.client_id {
        Some(id) => clients::find(conn, id)?,
        None => None,
    };
    let grant = match attempt.grant_id {
        Some(id) => grants::find(conn, id)?,
        None => None,
    };
    let seen = seen(conn, attempt.refresh_id)?;
    // Whoever asked for tokens again, much later, had some that worked.
    let lived_on = grant.as_ref().filter(|grant| grant.last_used_at > grant.created_at);
    let seen = match (seen, lived_on) {
        (Seen::Unknown, Some(grant)) => Seen::Since(grant.last_used_at),
        (seen, _) => seen,
    };
    Ok(Facts { client, grant, seen })
}

/// By what the first pair says, or those that followed from it.
fn seen(conn: &mut DbConnection, first: Option<TokenId>) -> Result<Seen, StorageError> {
    let mut next = first;
    let mut seen = Seen::Unknown;
    for _ in 0..MOST_HOPS {
        let Some(id) = next else { break };
        let Some(row) = refresh_tokens::find(conn, id)? else { break };
        if let Some(at) = row.confirmed_at {
            return Ok(Seen::Since(at));
        }
        (seen, next) = (Seen::Never, row.successor_id);
    }
    Ok(seen)
}
