//! An account is locked out: what every form does that counts attempts.

use tracing::warn;

use super::visit::Visit;
use crate::accounts::lock_out;
use crate::storage::{DbConnection, StorageError};

/// Records that an account is locked out, if that is news. Beside the answer, which must take as long
/// for a name that nobody has.
pub(crate) fn note(visit: &Visit, username: &str) {
    let (app, address) = (visit.app.clone(), visit.client_ip.0);
    let now = app.clock.ticks();
    if !app.limits.sign_ins.is_newly_locked_out(username, address, now) {
        return;
    }
    let (username, now) = (username.to_owned(), app.clock.now());
    tokio::spawn(async move {
        let note = move |conn: &mut DbConnection| lock_out::note(conn, &username, address, now);
        if let Err(error) = app.storage.write::<(), StorageError>(note).await {
            warn!(%error, "a lock-out could not be recorded");
        }
    });
}
