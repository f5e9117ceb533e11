//! How SQLite tells which rows a transaction changes: by triggers of the writer's own connection, which
//! no statement can forget to tell, and which are not in the file.

use std::sync::Arc;

use diesel::connection::SimpleConnection as _;

use super::{DbConnection, number, texts};
use crate::storage::StorageError;
use crate::storage::changes::{Changes, Place, Watched};

/// The tables, and the column by which their rows are told apart, if they are.
const TABLES: [(Watched, &str, Option<&str>); 5] = [
    (Watched::Grants, "oauth_grants", Some("id")),
    (Watched::Users, "users", Some("id")),
    (Watched::Clients, "oauth_clients", Some("client_id")),
    (Watched::Resources, "resources", None),
    (Watched::Resources, "resource_rules", None),
];

#[diesel::declare_sql_function]
extern "SQL" {
    /// Notes that a row has changed.
    fn note_change(table: diesel::sql_types::Integer, key: diesel::sql_types::Text) -> Bool;
}

/// Has every change of a watched row noted.
pub(in crate::storage) fn watch(
    conn: &mut DbConnection,
    changes: &Arc<Changes>,
) -> Result<(), StorageError> {
    let DbConnection::Sqlite(conn) = conn;
    let changes = changes.clone();
    note_change_utils::register_nondeterministic_impl(conn, move |table: i32, key: String| {
        if let Some((watched, ..)) = usize::try_from(table).ok().and_then(|n| TABLES.get(n)) {
            changes.note(Place::of(*watched, &key));
        }
        true
    })?;
    for (number, (_, table, key)) in TABLES.iter().enumerate() {
        let columns =
            texts(conn, &format!("SELECT name AS text FROM pragma_table_info('{table}')"))?;
        // Many an update only holds a row.
        let differs = columns.iter().map(|column| format!("OLD.{column} IS NOT NEW.{column}"));
        let differs = differs.collect::<Vec<_>>().join(" OR ");
        let key = |row| key.map_or_else(|| "''".to_owned(), |key| format!("{row}.{key}"));
        let note = |row| format!("SELECT note_change({number}, CAST({} AS TEXT))", key(row));
        let (old, new) = (note("OLD"), note("NEW"));
        conn.batch_execute(&format!(
            "CREATE TEMP TRIGGER {table}_added AFTER INSERT ON main.{table} BEGIN {new}; END;
             CREATE TEMP TRIGGER {table}_gone AFTER DELETE ON main.{table} BEGIN {old}; END;
             CREATE TEMP TRIGGER {table}_changed AFTER UPDATE ON main.{table} WHEN {differs}
             BEGIN {old}; {new}; END;"
        ))?;
    }
    Ok(())
}

/// Another number than before, if another process has committed since: of this connection alone.
pub(in crate::storage) fn data_version(conn: &mut DbConnection) -> Result<i64, StorageError> {
    let DbConnection::Sqlite(conn) = conn;
    number(conn, "SELECT data_version FROM pragma_data_version")
}
