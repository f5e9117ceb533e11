//! What starts, and what refuses to: one clear line, the right exit code, and nothing is changed.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};

use crate::support::Place;

fn sqlite(place: &Place, name: &str, statements: &str) {
    let path = place.path(name).display().to_string();
    SqliteConnection::establish(&path).unwrap().batch_execute(statements).unwrap();
}

/// Starts the service on a free port, and returns with the set-up link that it printed.
fn serve(place: &mut Place) -> (Child, String, String) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    place.set("LISTEN", &address).set("ISSUER", &format!("http://{address}"));
    let mut child = place.spawn(&["serve"]);
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (child, address, line)
}

fn signal(child: &Child, name: &str) {
    Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
}

/// `serve` on this database: exit code and what stderr said.
fn refusal(place: &Place, database: &str) -> (i32, String) {
    let said = place.run(&["serve", "--db", database]);
    assert_eq!(said.out, "");
    (said.code, said.err)
}

#[test]
fn without_settings_it_makes_a_database_and_prints_one_link() {
    let mut place = Place::new();
    let (mut child, address, link) = serve(&mut place);
    assert!(link.starts_with(&format!("http://{address}/setup?token=mln_")), "{link}");
    let ready = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        place.run(&["healthcheck"]).code == 0
    });
    assert!(ready);
    for name in ["mcp_oauth.db", "mcp_oauth.db-wal", "mcp_oauth.db-shm"] {
        let mode = std::fs::metadata(place.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let user = place.run_with(&["user", "add", "ada", "--password-stdin"], "correct horse\n");
    assert_eq!(user.code, 0, "commands work beside the service: {user:?}");
    signal(&child, "-TERM");
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{log}");
    assert!(!log.contains("mln_"), "the link is not logged");
    assert_eq!(place.run(&["healthcheck"]).code, 69);
}

#[test]
fn a_closed_terminal_does_not_end_the_service() {
    let mut place = Place::new();
    let (mut child, address, _) = serve(&mut place);
    signal(&child, "-HUP");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /livez HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 OK"), "{answer}");
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_link_that_nobody_can_read_is_no_success() {
    let mut place = Place::new();
    place.set("LISTEN", "127.0.0.1:0").set("ISSUER", "http://127.0.0.1:1");
    let mut child = place.spawn(&["serve"]);
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{said}");
    assert!(said.contains("the link cannot be printed"), "{said}");
}

#[test]
fn an_address_on_this_machine_needs_no_issuer_and_another_does() {
    let place = Place::new();
    let shown = place.run(&["config", "show", "--json", "--listen", "127.0.0.1:9000"]).json();
    let issuer = shown.as_array().unwrap().iter().find(|row| row["setting"] == "issuer").unwrap();
    assert_eq!(issuer["value"], "http://127.0.0.1:9000");
    assert_eq!(issuer["origin"], "default (from listen)");
    let said = place.run(&["serve", "--listen", "0.0.0.0:9000"]);
    assert_eq!((said.code, said.err.lines().count()), (78, 1), "{said:?}");
    for name in ["MCP_OAUTH_ISSUER", "MCP_OAUTH_LISTEN"] {
        assert!(said.err.contains(name), "{said:?}");
    }
}

#[test]
fn wrong_settings_are_78_and_named() {
    for (name, value) in [
        ("ISSUER", "http://h.example"),
        ("DB", "postgres://h/db"),
        ("LISTENN", "x"),
        ("OWNER", "ada"),
        ("LIMITS", "none"),
        ("OWNER_PAGES", "inside"),
        // There is no internal listener.
        ("OWNER_PAGES", "internal"),
        ("RESOURCE_FILE", "/does/not/exist"),
    ] {
        let mut place = Place::new();
        let said = place.set(name, value).run(&["serve"]);
        assert_eq!((said.code, said.err.lines().count()), (78, 1), "{said:?}");
        assert!(said.err.starts_with(&format!("error: MCP_OAUTH_{name} ")), "{said:?}");
        assert_eq!(std::fs::read_dir(place.folder()).unwrap().count(), 0);
    }
}

#[test]
fn secrets_that_others_can_write_and_settings_that_cannot_be_declared_are_78() {
    let mut place = Place::new();
    let secret = place.file("password", "correct horse battery\n", 0o666);
    place.set("OWNER", "ada").set("OWNER_PASSWORD_FILE", &secret);
    let said = place.run(&["serve"]);
    assert_eq!(said.code, 78);
    assert!(
        said.err.contains("MCP_OAUTH_OWNER_PASSWORD_FILE")
            && said.err.contains("written by others")
    );
    place.file("password", "password\n", 0o600);
    place.set("ISSUER", "http://127.0.0.1:1");
    let weak = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(weak.code, 78, "{weak:?}");
    assert!(weak.err.contains("MCP_OAUTH_OWNER_PASSWORD"), "{weak:?}");
}

#[test]
fn a_taken_address_is_69() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut place = Place::new();
    let said = place.set("LISTEN", &listener.local_addr().unwrap().to_string()).run(&["serve"]);
    assert_eq!((said.code, said.err.lines().count()), (69, 1), "{said:?}");
    assert!(said.err.contains("MCP_OAUTH_LISTEN") && said.err.contains("in use"), "{said:?}");
    assert!(!place.path("mcp_oauth.db").exists());
}

#[test]
fn the_replaced_providers_file_is_78_and_left_as_it_is() {
    let place = Place::new();
    sqlite(
        &place,
        "old.db",
        "PRAGMA journal_mode = WAL;
         CREATE TABLE oauth_clients (client_id TEXT PRIMARY KEY, client_json TEXT, created_at REAL);
         CREATE TABLE oauth_codes (code TEXT PRIMARY KEY, client_id TEXT);
         CREATE TABLE oauth_tokens (token TEXT PRIMARY KEY, client_id TEXT);
         INSERT INTO oauth_clients VALUES ('a', '{}', 1.5);",
    );
    let before = std::fs::read(place.path("old.db")).unwrap();
    let (code, said) = refusal(&place, "old.db");
    assert_eq!(code, 78);
    assert!(said.contains("mcp-oauthd import fastmcp-sqlite old.db"), "{said}");
    assert_eq!(std::fs::read(place.path("old.db")).unwrap(), before);
    let files: Vec<_> = std::fs::read_dir(place.folder()).unwrap().collect();
    assert_eq!(files.len(), 1, "not even files beside it: {files:?}");
}

#[test]
fn foreign_damaged_and_newer_databases_are_69_and_left_as_they_are() {
    let place = Place::new();
    sqlite(&place, "foreign.db", "CREATE TABLE x (a)");
    place.file("text.db", &"no database at all. ".repeat(200), 0o600);
    place.run(&["resource", "add", "https://wiki.example/mcp", "--db", "newer.db"]);
    std::fs::copy(place.path("newer.db"), place.path("cut.db")).unwrap();
    sqlite(&place, "newer.db", "UPDATE schema_version SET version = 99, oldest_allowed = 99");
    let cut = std::fs::File::options().write(true).open(place.path("cut.db")).unwrap();
    cut.set_len(6000).unwrap();
    for (name, words) in [
        ("foreign.db", "is not a database of mcp-oauthd"),
        ("text.db", "is damaged"),
        ("cut.db", "is damaged"),
        ("newer.db", "needs schema 99"),
        (".", "is not a file"),
        ("no/such/folder.db", "cannot be opened"),
    ] {
        let before = std::fs::read(place.path(name)).ok();
        let (code, said) = refusal(&place, name);
        assert_eq!((code, said.lines().count()), (69, 1), "{name}: {said}");
        assert!(said.contains(words) && said.contains(name), "{said}");
        assert_eq!(std::fs::read(place.path(name)).ok(), before, "{name}");
    }
}

#[test]
fn memory_is_for_the_service_only() {
    let mut place = Place::new();
    place.set("DB", ":memory:");
    assert_eq!(place.run(&["user", "list"]).code, 78);
    let (mut child, _, link) = serve(&mut place);
    assert!(link.contains("/setup?token="));
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(std::fs::read_dir(place.folder()).unwrap().count(), 0);
}
