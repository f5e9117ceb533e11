//! Moving in from the in-process provider that this service replaces: its clients, its unexpired codes
//! and its live tokens, so that whoever is connected stays connected, with what it holds.
//!
//! Nobody was asked when that provider issued them. So what is taken belongs to the person whom the
//! operator names, is marked, and is not more than that person may have.

mod reading;
mod report;
mod taking;
mod welcome;

use crate::clients::registration::Bounds;
use crate::clock::UnixTime;
use crate::config::Lifetimes;
use crate::error::Error;
use crate::oauth::{ResourceUri, UserId};
use crate::storage::replaced_provider::Found;
use crate::storage::{DbConnection, Storage};
use reading::Readable;
pub use report::{Counts, Left, Report};
use taking::{Batch, Clients, Codes, Connections, Usable};

/// How it is taken.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Whose it all is from now on.
    pub user_id: UserId,
    /// What tokens are for that name no MCP server, or have forgotten it.
    pub resource: Option<ResourceUri>,
    /// What can be read of a client.
    pub bounds: Bounds,
    /// How long things live here at the most.
    pub lifetimes: Lifetimes,
    /// When it is taken.
    pub now: UnixTime,
    /// Only looks, and says what would be taken.
    pub dry: bool,
}

/// Takes what is worth taking, in batches of which each is one transaction. What was taken before is not
/// taken again, and what was ended since stays ended; so whoever is interrupted runs it once more.
///
/// # Errors
/// The database's, and a person who is gone or disabled. What was taken before that stays.
pub async fn take(storage: &Storage, found: Found, terms: &Terms) -> Result<Report, Error> {
    let Readable { clients, codes, connections, mut report } = reading::read(found, terms);
    let batch = |clients| Clients { clients };
    let usable = in_batches(storage, terms, &mut report, clients, batch).await?;
    let batch = |codes| Codes { codes, usable: usable.clone() };
    in_batches(storage, terms, &mut report, codes, batch).await?;
    let batch = |connections| Connections { connections, usable: usable.clone() };
    in_batches(storage, terms, &mut report, connections, batch).await?;
    Ok(report)
}

/// Runs them one after the other, and puts what they answer together.
async fn in_batches<T, B: Batch>(
    storage: &Storage,
    terms: &Terms,
    report: &mut Report,
    mut rest: Vec<T>,
    batch: impl Fn(Vec<T>) -> B,
) -> Result<Usable, Error> {
    let mut usable = Usable::new();
    while !rest.is_empty() {
        let later = rest.split_off(rest.len().min(B::MOST));
        let (batch, terms) = (batch(rest), terms.clone());
        let (done, more) = if terms.dry {
            storage.read(|conn| batch.run(conn, &terms)).await?
        } else {
            storage.write(move |conn: &mut DbConnection| batch.run(conn, &terms)).await?
        };
        report.add(done);
        usable.extend(more);
        rest = later;
        // Whoever waits in the queue goes first.
        tokio::task::yield_now().await;
    }
    Ok(usable)
}
