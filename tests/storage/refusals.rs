//! Files that are not opened, and stay as they are, byte for byte.

use std::fs;
use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use mcp_oauthd::clock::UnixTime;
use mcp_oauthd::oauth::UserId;
use mcp_oauthd::storage::Method;
use mcp_oauthd::storage::sessions::Arrival;
use mcp_oauthd::storage::{Missing, OpenError, StorageError, sessions};

use crate::engines::{log_of, open_file, path_in};

/// As its first release made them.
const REPLACED_PROVIDER: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE oauth_clients (client_id TEXT PRIMARY KEY, client_json TEXT NOT NULL, created_at REAL NOT NULL);
    CREATE TABLE oauth_codes (code TEXT PRIMARY KEY, client_id TEXT NOT NULL, redirect_uri TEXT NOT NULL,
        redirect_uri_provided_explicitly INTEGER NOT NULL DEFAULT 1, code_challenge TEXT NOT NULL,
        scopes TEXT NOT NULL, expires_at REAL NOT NULL, resource TEXT);
    CREATE TABLE oauth_tokens (token TEXT PRIMARY KEY, client_id TEXT NOT NULL, scopes TEXT NOT NULL,
        expires_at INTEGER, token_type TEXT NOT NULL, refresh_token TEXT, resource TEXT);
    INSERT INTO oauth_clients VALUES ('c', '{}', 1.5);
    INSERT INTO oauth_tokens VALUES ('access_x', 'c', '[]', 1, 'access', 'refresh_x', NULL);";

#[test]
fn the_replaced_providers_file_is_known_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = path_in(&dir);
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute(REPLACED_PROVIDER).unwrap();
    // Once while its process runs, with all of it in the log; once after that.
    let error = refused(&path);
    assert!(matches!(error, OpenError::ReplacedProvider(_)), "{error}");
    drop(conn);
    let error = refused(&path);
    assert!(matches!(error, OpenError::ReplacedProvider(_)), "{error}");
}

#[test]
fn another_programs_database_is_left_alone() {
    for set_up in [
        "CREATE TABLE notes (id INTEGER PRIMARY KEY)",
        "CREATE TABLE oauth_clients (id INTEGER PRIMARY KEY)",
        "PRAGMA application_id = 7; CREATE TABLE users (id INTEGER PRIMARY KEY)",
        "PRAGMA application_id = 7",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = path_in(&dir);
        execute(&path, set_up);
        let error = refused(&path);
        assert!(matches!(error, OpenError::Foreign(_)), "{set_up}: {error}");
    }
}

#[test]
fn what_is_no_database_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = path_in(&dir);
    for text in ["notes\n", &"a text of some length\n".repeat(1000)] {
        fs::write(&path, text).unwrap();
        let error = refused(&path);
        assert!(matches!(error, OpenError::Damaged(..)), "{error}");
    }
}

#[tokio::test]
async fn a_damaged_database_is_never_replaced_by_a_fresh_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = path_in(&dir);
    make_large(&path).await;
    let whole = fs::read(&path).unwrap();
    let page = 4096;
    assert!(whole.len() > 20 * page);

    let mut overwritten = whole.clone();
    overwritten[page..].fill(0xa5);
    let mut first_page = whole.clone();
    first_page[100..page].fill(0);
    for damaged in
        [&overwritten, &first_page, &whole[..whole.len() / 2], &whole[..page], &whole[..50]]
    {
        fs::write(&path, damaged).unwrap();
        let error = refused(&path);
        assert!(matches!(error, OpenError::Damaged(..)), "{} bytes: {error}", damaged.len());
    }
    fs::write(&path, &whole).unwrap();
    open_file(&path, Missing::Refuse).unwrap();
}

#[tokio::test]
async fn damage_that_opening_does_not_meet_is_found_by_the_check() {
    let dir = tempfile::tempdir().unwrap();
    let path = path_in(&dir);
    make_large(&path).await;
    let mut bytes = fs::read(&path).unwrap();
    let last_page = bytes.len() - 4096;
    bytes[last_page..].fill(0xa5);
    fs::write(&path, &bytes).unwrap();
    let storage = open_file(&path, Missing::Refuse).unwrap();
    assert!(matches!(storage.quick_check(), Err(StorageError::Corrupt(_))));
}

#[tokio::test]
async fn an_empty_file_beside_a_full_log_is_a_damaged_database() {
    let dir = tempfile::tempdir().unwrap();
    let path = path_in(&dir);
    let storage = open_file(&path, Missing::Create).unwrap();
    storage
        .write(|conn| {
            sessions::insert(conn, &UserId::generate(), &Arrival::by(Method::Password), NOW, NOW)
        })
        .await
        .unwrap();
    let left = dir.path().join("left.db");
    fs::write(&left, "").unwrap();
    fs::copy(log_of(&path), log_of(&left)).unwrap();
    let log = fs::read(log_of(&left)).unwrap();
    let error = refused(&left);
    assert!(matches!(error, OpenError::Damaged(..)), "{error}");
    assert_eq!(fs::read(log_of(&left)).unwrap(), log);
}

#[test]
fn an_empty_file_is_no_database_to_a_command_that_makes_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = path_in(&dir);
    fs::write(&path, "").unwrap();
    assert!(matches!(open_file(&path, Missing::Refuse), Err(OpenError::Missing(_))));
    assert_eq!(path.metadata().unwrap().len(), 0);
    open_file(&path, Missing::Create).unwrap();
}

#[test]
fn what_cannot_be_read_is_unreadable() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("no").join("such").join("directory.db");
    for path in [dir.path(), &nowhere] {
        let outcome = open_file(path, Missing::Create);
        assert!(matches!(outcome, Err(OpenError::Unreadable(..))), "{}", path.display());
    }
}

#[test]
fn a_schema_of_a_later_version_is_used_only_if_it_allows_that() {
    let dir = tempfile::tempdir().unwrap();
    let path = path_in(&dir);
    open_file(&path, Missing::Create).unwrap();
    execute(&path, "UPDATE schema_version SET version = 99");
    open_file(&path, Missing::Refuse).unwrap();
    execute(&path, "UPDATE schema_version SET oldest_allowed = 99");
    let outcome = open_file(&path, Missing::Create);
    assert!(matches!(outcome, Err(OpenError::TooNew { needed: 99, .. })));
}

const NOW: UnixTime = UnixTime(1_790_000_000);

/// Tries to open what must not be opened, and sees that it is as it was.
fn refused(path: &Path) -> OpenError {
    let before = fs::read(path).unwrap();
    let create = open_file(path, Missing::Create);
    let refuse = open_file(path, Missing::Refuse);
    assert!(fs::read(path).unwrap() == before, "the file was changed");
    assert!(refuse.is_err());
    create.err().unwrap()
}

fn execute(path: &Path, statements: &str) {
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    // The storage before it may not have let go of the file yet.
    conn.batch_execute("PRAGMA busy_timeout = 5000").unwrap();
    conn.batch_execute(statements).unwrap();
}

/// A database of many pages, with nothing in its log.
async fn make_large(path: &Path) {
    let storage = open_file(path, Missing::Create).unwrap();
    let insert = |conn: &mut _| {
        for _ in 0..1000 {
            sessions::insert(conn, &UserId::generate(), &Arrival::by(Method::Password), NOW, NOW)?;
        }
        Ok::<_, StorageError>(())
    };
    storage.write(insert).await.unwrap();
    storage.close().await;
}
