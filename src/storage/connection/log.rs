//! The write-ahead log: where it has become too long for the disk, and where it is not to be trusted.

use diesel::connection::SimpleConnection as _;

use super::{DbConnection, PATIENCE};

/// Moves what is in the log into the file and makes the log empty, if nobody reads or writes: nobody is
/// waited for. A disk that the log has filled behind somebody who read is not full any more by that.
pub(in crate::storage) fn shorten_log(conn: &mut DbConnection) {
    let _best_effort =
        conn.batch_execute("PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE);");
    // By itself: nothing is run of what stands behind a statement that has failed.
    let _cannot_fail = conn.batch_execute(PATIENCE);
}

/// Two connections that checkpoint at once could lose commits before 3.51.3.
pub(super) fn has_no_wal_reset_bug(version: &str) -> bool {
    let parts: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    parts >= vec![3, 51, 3]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::connection::{establish, number, uri};

    #[test]
    fn a_log_that_cannot_be_shortened_leaves_the_patience_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let mut conn = establish(&uri(&dir.path().join("x.db"), "rwc")).unwrap();
        let begun =
            "PRAGMA journal_mode = WAL; CREATE TABLE t (x); BEGIN; INSERT INTO t VALUES (1)";
        conn.batch_execute(begun).unwrap();
        // No checkpoint in a transaction.
        assert!(conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").is_err());
        let mut conn = DbConnection::Sqlite(conn);
        shorten_log(&mut conn);
        let DbConnection::Sqlite(mut conn) = conn;
        assert_eq!(number(&mut conn, "SELECT timeout FROM pragma_busy_timeout").unwrap(), 5000);
    }

    #[test]
    fn a_sqlite_that_loses_commits_is_known() {
        for (version, safe) in
            [("3.51.2", false), ("3.51.3", true), ("3.53.2", true), ("4.0.0", true)]
        {
            assert_eq!(has_no_wal_reset_bug(version), safe, "{version}");
        }
    }
}
