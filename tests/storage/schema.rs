//! The migrations, and `src/storage/schema.rs`, which is generated from them, say the same.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};
use mcp_oauthd::storage::Missing;

use crate::engines::{open_file, path_in};

/// Table, then column, then type; a type that may be NULL ends in `?`.
type Columns = BTreeMap<String, BTreeMap<String, String>>;

#[test]
fn a_migrated_database_has_the_columns_of_the_schema_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = path_in(&dir);
    open_file(&path, Missing::Create).unwrap();
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let declared = declared(include_str!("../../src/storage/schema.rs"));
    assert!(declared.len() > 10 && declared["users"].contains_key("password_hash"));
    assert_eq!(migrated(&mut conn), declared);
}

#[test]
fn opening_a_migrated_database_again_changes_no_column() {
    let dir = tempfile::tempdir().unwrap();
    let path = path_in(&dir);
    open_file(&path, Missing::Create).unwrap();
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let before = migrated(&mut conn);
    open_file(&path, Missing::Refuse).unwrap();
    assert_eq!(migrated(&mut conn), before);
}

/// Reads the generated file: `table (key) {` and then `column -> Type,`.
fn declared(schema: &str) -> Columns {
    let mut columns = Columns::new();
    let mut table = String::new();
    for line in schema.lines().map(str::trim) {
        if let Some((column, sql_type)) = line.split_once(" -> ") {
            let sql_type = sql_type.trim_end_matches(',');
            let nullable = sql_type.strip_prefix("Nullable<").and_then(|t| t.strip_suffix('>'));
            let text = nullable.map_or(sql_type.to_owned(), |sql_type| format!("{sql_type}?"));
            columns.entry(table.clone()).or_default().insert(column.to_owned(), text);
        } else if let Some((name, _)) = line.split_once(" (").filter(|_| line.ends_with(") {")) {
            name.clone_into(&mut table);
        }
    }
    columns
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    sql_type: String,
    #[diesel(sql_type = Integer)]
    required: i32,
}

fn migrated(conn: &mut SqliteConnection) -> Columns {
    let query =
        "SELECT m.name AS \"table\", c.name AS name, c.type AS sql_type, c.\"notnull\" AS required
                 FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c
                 WHERE m.type = 'table' AND m.name <> '__diesel_schema_migrations'
                 AND m.name <> 'sqlite_sequence'";
    let mut columns = Columns::new();
    for column in diesel::sql_query(query).load::<Column>(conn).unwrap() {
        let sql_type = match column.sql_type.as_str() {
            "INTEGER" | "BIGINT" => "BigInt",
            "TEXT" => "Text",
            "BLOB" => "Binary",
            "BOOLEAN" => "Bool",
            other => panic!("{}.{} is {other}", column.table, column.name),
        };
        let text = format!("{sql_type}{}", if column.required == 1 { "" } else { "?" });
        columns.entry(column.table).or_default().insert(column.name, text);
    }
    columns
}
