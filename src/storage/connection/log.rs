//! The write-ahead log, where it has become too long for the disk.

use diesel::connection::SimpleConnection as _;

use super::DbConnection;

/// Moves what is in the log into the file and makes the log empty, if nobody reads or writes: nobody is
/// waited for. A disk that the log has filled behind somebody who read is not full any more by that.
pub(in crate::storage) fn shorten_log(conn: &mut DbConnection) {
    let _best_effort = conn.batch_execute(
        "PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA busy_timeout = 5000;",
    );
}
