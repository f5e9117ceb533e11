//! `backup`: what it writes, and over what it does not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel::{Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection};

use crate::support::Place;

fn with_a_user() -> Place {
    let place = Place::new();
    let said = place.run_with(&["user", "add", "ada", "--password-stdin"], "correct horse\n");
    assert_eq!(said.code, 0, "{said:?}");
    place
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    text: String,
}

/// The one value that a query finds in a file.
pub fn ask(path: &Path, query: &str) -> String {
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let query = format!("SELECT CAST(({query}) AS TEXT) AS text");
    diesel::sql_query(query).get_result::<Row>(&mut conn).unwrap().text
}

fn names(place: &Place) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(place.folder())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_copy_is_one_file_for_its_owner_and_says_when_it_was_taken() {
    let place = with_a_user();
    let said = place.run(&["backup", "copy.db", "--json"]).json();
    assert_eq!(names(&place), ["copy.db", "mcp_oauth.db"]);
    let copy = place.path("copy.db");
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(said["bytes"], fs::metadata(&copy).unwrap().len());
    assert_eq!(said["schema"].to_string(), ask(&copy, "SELECT version FROM schema_version"));
    assert_eq!(said["taken_at"].to_string(), ask(&copy, "SELECT at FROM copy_taken"));
    assert_eq!(ask(&copy, "SELECT username FROM users"), "ada");
    assert_eq!(ask(&copy, "SELECT application_id FROM pragma_application_id"), "1835233391");
    let marked = "SELECT count(*) FROM sqlite_master WHERE name = 'copy_taken'";
    assert_eq!(ask(&place.path("mcp_oauth.db"), marked), "0");
}

#[test]
fn a_file_that_is_there_is_replaced_only_by_force() {
    let place = with_a_user();
    place.file("copy.db", "precious", 0o644);
    let said = place.run(&["backup", "copy.db"]);
    assert_eq!((said.code, said.err.lines().count()), (1, 1), "{said:?}");
    assert!(said.err.contains("--force"), "{said:?}");
    assert_eq!(fs::read(place.path("copy.db")).unwrap(), b"precious");
    let said = place.run(&["backup", "copy.db", "--force"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("salts") && said.err.contains("passwords"), "{said:?}");
    assert_eq!(ask(&place.path("copy.db"), "SELECT username FROM users"), "ada");
    let mode = fs::metadata(place.path("copy.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_lies_beside_the_place_of_a_copy_goes_by_force_alone() {
    let place = with_a_user();
    for name in ["copy.db-wal", "copy.db-shm", "copy.db-journal"] {
        place.file(name, "of another", 0o600);
        let said = place.run(&["backup", "copy.db"]);
        assert_eq!((said.code, said.err.lines().count()), (1, 1), "{said:?}");
        assert!(said.err.contains(&format!("{name} is there already")), "{said:?}");
        assert_eq!(names(&place), [name, "mcp_oauth.db"]);
        assert_eq!(place.run(&["backup", "copy.db", "--force"]).code, 0);
        assert_eq!(names(&place), ["copy.db", "mcp_oauth.db"]);
        fs::remove_file(place.path("copy.db")).unwrap();
    }
    // The database itself would be what lies beside.
    fs::rename(place.path("mcp_oauth.db"), place.path("x-wal")).unwrap();
    let said = place.run(&["backup", "x", "--force", "--db", "x-wal"]);
    assert!(said.err.contains("belongs to the database itself"), "{said:?}");
    assert_eq!(names(&place), ["x-wal"]);
}

#[test]
fn the_database_is_not_written_over_by_any_name() {
    let place = with_a_user();
    let before = fs::read(place.path("mcp_oauth.db")).unwrap();
    fs::hard_link(place.path("mcp_oauth.db"), place.path("hard")).unwrap();
    std::os::unix::fs::symlink("mcp_oauth.db", place.path("soft")).unwrap();
    fs::create_dir(place.path("below")).unwrap();
    for name in [
        "mcp_oauth.db",
        "./below/../mcp_oauth.db",
        "hard",
        "soft",
        "mcp_oauth.db-wal",
        "mcp_oauth.db-shm",
        "mcp_oauth.db-journal",
    ] {
        let said = place.run(&["backup", name, "--force"]);
        assert_eq!((said.code, said.err.lines().count()), (1, 1), "{name}: {said:?}");
        assert!(said.err.contains("belongs to the database itself"), "{said:?}");
    }
    assert_eq!(fs::read(place.path("mcp_oauth.db")).unwrap(), before);
    assert_eq!(names(&place), ["below", "hard", "mcp_oauth.db", "soft"]);
}

#[test]
fn what_cannot_be_copied_or_written_leaves_no_file() {
    let place = Place::new();
    let said = place.run(&["backup", "copy.db"]);
    assert_eq!((said.code, said.err.lines().count()), (69, 1), "{said:?}");
    let place = with_a_user();
    let said = place.run(&["backup", "nowhere/copy.db"]);
    assert_eq!((said.code, said.err.lines().count()), (1, 1), "{said:?}");
    assert_eq!(place.run(&["backup", "x", "--db", ":memory:"]).code, 78);

    let path = place.path("mcp_oauth.db");
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    // An index that does not say what its table says: only a look at every row finds it.
    conn.batch_execute(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_master SET sql = replace(sql, '(user_id)', '(id)') WHERE name = 'sessions_of_user';
         INSERT INTO sessions (id, hash, user_id, created_at, last_seen_at, expires_at)
             VALUES (7, zeroblob(32), 'x', 1, 1, 1);",
    )
    .unwrap();
    drop(conn);
    let said = place.run(&["backup", "copy.db"]);
    assert_eq!((said.code, said.err.lines().count()), (69, 1), "{said:?}");
    assert!(said.err.contains("is damaged"), "{said:?}");
    assert_eq!(names(&place), ["mcp_oauth.db"]);
}
