//! Ending everything at once: of a client, of a person, of a resource, or all there is.
//!
//! What a client or a person has is found by an index and ended row by row, in one transaction. A
//! resource, or the whole service, may have a million grants. To write a million rows in one
//! transaction took 0.9 s and 150 MB of log on a quick disk; on a slow one it would hold every other
//! write up for longer than they wait. So the rows of the resources, which are read at each request
//! anyway, say first up to which grant all is over: one short transaction, and nothing is good at the
//! next request, in whatever process. [`settle`] then writes it into the grants, in short batches.

use super::RevokedBecause;
use crate::authorization::admission;
use crate::clock::UnixTime;
use crate::oauth::{ClientId, GrantId, UserId};
use crate::storage::events::{Event, Subject, record};
use crate::storage::grants::{self, Grant};
use crate::storage::resources::{self, Resource};
use crate::storage::{DbConnection, Storage, StorageError, codes, sessions, sign_ins};

/// The most rows of one transaction.
const BATCH: i64 = 500;

/// Ends every grant of a client, and every code on its way; how many grants that were. The client
/// itself may go on asking.
///
/// # Errors
/// The database's.
pub fn of_client(
    conn: &mut DbConnection,
    id: &ClientId,
    now: UnixTime,
) -> Result<usize, StorageError> {
    codes::end_open(conn, now, |code| code.client_id == *id)?;
    record(conn, Event::GrantsEnded, Subject::client(id), now)?;
    grants::revoke_of_client(conn, id, RevokedBecause::Operator, now)
}

/// Ends every grant of a person, every code on its way, and signs the person out everywhere; how
/// many grants that were. The person may sign in again.
///
/// # Errors
/// The database's.
pub fn of_user(conn: &mut DbConnection, id: &UserId, now: UnixTime) -> Result<usize, StorageError> {
    codes::end_open(conn, now, |code| code.user_id == *id)?;
    sessions::remove_of_user(conn, id)?;
    sign_ins::remove_of_user(conn, id)?;
    record(conn, Event::GrantsEnded, Subject::user(id), now)?;
    grants::revoke_of_user(conn, id, RevokedBecause::Operator, now)
}

/// Ends every grant for one resource, or for every one, and every code on its way. To be followed
/// by [`settle`].
///
/// # Errors
/// The database's.
pub fn of_resource(
    conn: &mut DbConnection,
    one: Option<&Resource>,
    now: UnixTime,
) -> Result<(), StorageError> {
    let which = match one {
        Some(one) => vec![one.clone()],
        None => resources::list(conn)?,
    };
    let last = grants::last(conn)?;
    for resource in which {
        codes::end_open(conn, now, |code| code.resource.canonical() == resource.canonical)?;
        resources::end_up_to(conn, &resource, last)?;
        record(conn, Event::GrantsEnded, Subject::resource(&resource.uri), now)?;
    }
    Ok(())
}

/// Writes into the rows of the grants what the rows of the resources say of them; how many grants
/// that ended. Whoever ends something calls it. If that process is killed, the sweeper goes on.
///
/// # Errors
/// The database's. What was written before stays written, and what was not is dead all the same.
pub async fn settle(storage: &Storage, now: UnixTime) -> Result<usize, StorageError> {
    let open = storage.read(unsettled).await?;
    let Some(last) = open.iter().filter_map(last_of).max() else { return Ok(0) };
    let (mut ended, mut after) = (0, GrantId(i64::MIN));
    loop {
        let resources = open.clone();
        let batch = move |conn: &mut _| settle_batch(conn, &resources, (after, last), now);
        let (rows, next) = storage.write(batch).await?;
        ended += rows;
        let Some(next) = next else { break };
        after = next;
        // Whoever waits in the queue goes first.
        tokio::task::yield_now().await;
    }
    let settle = move |conn: &mut _| open.iter().try_for_each(|one| resources::settle(conn, one));
    storage.write(settle).await?;
    Ok(ended)
}

/// The resources whose rows say what those of their grants do not say yet.
fn unsettled(conn: &mut DbConnection) -> Result<Vec<Resource>, StorageError> {
    let all = resources::list(conn)?;
    Ok(all.into_iter().filter(|resource| last_of(resource).is_some()).collect())
}

fn last_of(resource: &Resource) -> Option<GrantId> {
    resource.ended_up_to.max(resource.narrowed_up_to)
}

/// The grants of one batch: how many have ended, and where the next one begins.
fn settle_batch(
    conn: &mut DbConnection,
    open: &[Resource],
    (after, last): (GrantId, GrantId),
    now: UnixTime,
) -> Result<(usize, Option<GrantId>), StorageError> {
    let page = grants::walk(conn, after, last, BATCH)?;
    let mut ended = [(RevokedBecause::Operator, vec![]), (RevokedBecause::NotAdmitted, vec![])];
    for grant in page.iter().filter(|grant| grant.is_live(now)) {
        let its = |known: &&Resource| known.canonical == grant.resource.canonical();
        let Some(resource) = open.iter().find(its) else { continue };
        if let Some(because) = why_ended(conn, resource, grant)? {
            ended.iter_mut().filter(|(why, _)| *why == because).for_each(|(_, ids)| {
                ids.push(grant.id);
            });
        }
    }
    let mut rows = 0;
    for (because, ids) in ended {
        rows += grants::revoke_all(conn, &ids, because, now)?;
    }
    Ok((rows, page.last().map(|grant| grant.id)))
}

fn why_ended(
    conn: &mut DbConnection,
    resource: &Resource,
    grant: &Grant,
) -> Result<Option<RevokedBecause>, StorageError> {
    if resource.ended_up_to.is_some_and(|last| grant.id <= last) {
        return Ok(Some(RevokedBecause::Operator));
    }
    // Asked of the row as it is now: who was let in again meanwhile stays.
    let Some(resource) = resources::find_by_uri(conn, &resource.uri)? else { return Ok(None) };
    let stands = admission::stands(conn, &resource, grant)?;
    Ok((!stands).then_some(RevokedBecause::NotAdmitted))
}
