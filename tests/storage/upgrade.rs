//! A file of an older version, with people and their logins in it, opened by this one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use mcp_oauthd::clock::{Clock, UnixTime};
use mcp_oauthd::config::Database;
use mcp_oauthd::oauth::{GrantId, TokenId};
use mcp_oauthd::storage::{
    Audience, Event, Limits, Method, Missing, OpenError, Storage, StorageError, clients, events,
    grants, resources, sessions, users,
};
use tempfile::TempDir;

use crate::engines::{open_file, path_in};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// As the third version left it.
const OLD: &str = r#"
    PRAGMA application_id = 1835233391;
    INSERT INTO users VALUES ('usrA', 'ada', '$argon2id$hash', 'owner', 10, 20, NULL);
    INSERT INTO users VALUES ('usrB', 'bob', '$argon2id$hash', 'member', 11, NULL, 30);
    INSERT INTO sessions VALUES (7, zeroblob(32), 'usrA', 40, 50, 9000);
    INSERT INTO resources VALUES
        ('wiki', 'https://w.example/mcp', 'https://w.example/mcp', 'Wiki', NULL, NULL, NULL, 10, 1);
    INSERT INTO oauth_clients SELECT
        id, '{' || name || '"redirect_uris": ["https://c.example/cb"], "token_endpoint_auth_method":
        "none", "grant_types": ["refresh_token"], "response_types": ["code"]}', 10, NULL, origin, NULL, NULL, NULL
        FROM (SELECT 'mcpc1' AS id, '"client_name": "Claude \"x\"", ' AS name, 'registered' AS origin
              UNION SELECT 'mcpc2', '', 'configured');
    INSERT INTO oauth_grants VALUES
        (5, 'mcpc1', 'usrA', 'mcp', 'https://w.example/mcp', 60, 70, 9000, 8000, NULL, NULL);"#;

fn old_file(versions: usize) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut conn = SqliteConnection::establish(path_in(&dir).to_str().unwrap()).unwrap();
    for _ in 0..versions {
        conn.run_next_migration(MIGRATIONS).unwrap();
    }
    conn.batch_execute(OLD).unwrap();
    dir
}

#[tokio::test]
async fn nobody_and_nothing_is_lost_by_an_upgrade() {
    let dir = old_file(3);
    let storage = open_file(&path_in(&dir), Missing::Refuse).unwrap();
    let known = storage.read(|conn| {
        let resource = resources::find(conn, &"wiki".parse().unwrap())?.unwrap();
        let session = sessions::find(conn, TokenId(7))?.unwrap();
        Ok::<_, StorageError>((
            users::list(conn, "", 9)?,
            resource,
            session,
            clients::list(conn, "", 9)?,
        ))
    });
    let (people, resource, session, clients) = known.await.unwrap();
    let names: Vec<_> = people.iter().map(|user| user.username.as_str()).collect();
    assert_eq!(names, ["ada", "bob"]);
    assert_eq!(people[0].password_hash.as_deref(), Some("$argon2id$hash"));
    assert_eq!(people[1].disabled_at, Some(UnixTime(30)));
    assert!(!people[0].passkey_required);
    assert_eq!((resource.audience, resource.paused_at), (Audience::Everybody, None));
    assert_eq!(session.arrival.method, Method::Password);
    let names: Vec<_> = clients.iter().map(|client| client.name.as_str()).collect();
    assert_eq!(names, ["Claude \"x\"", ""]);
    let narrowing = grants::Narrowing::default();
    let grants = storage.read(|conn| grants::list(conn, &narrowing, GrantId(i64::MAX), 9));
    assert_eq!(grants.await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_upgrade_is_recorded_once_and_a_new_file_has_none() {
    let dir = old_file(3);
    for updated_from in [Some(3), None] {
        let storage = open_file(&path_in(&dir), Missing::Refuse).unwrap();
        assert_eq!(storage.opened().updated_from, updated_from);
        let recorded = storage.read(|conn| events::list(conn, 9)).await;
        let recorded: Result<Vec<_>, StorageError> = recorded;
        let recorded = recorded.unwrap();
        assert_eq!(recorded.len(), 1);
        assert_eq!(recorded[0].kind, Event::SchemaUpdated);
        assert_eq!(recorded[0].subject.detail.as_deref(), Some("from 3 to 13"));
        assert!(recorded[0].at > UnixTime(1_700_000_000));
        storage.close().await;
    }
    let fresh = tempfile::tempdir().unwrap();
    let storage = open_file(&path_in(&fresh), Missing::Create).unwrap();
    assert_eq!(storage.opened().updated_from, None);
    let newest: Result<i64, StorageError> = storage.read(events::newest).await;
    assert_eq!(newest.unwrap(), 0);
}

/// The names beside the database that begin like it, but for SQLite's own.
fn beside(dir: &TempDir) -> Vec<String> {
    let files = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().file_name());
    let names = files.map(|name| name.into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("test.db.")).collect();
    names.sort();
    names
}

fn count(path: &Path, of: &str) -> i64 {
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let count = diesel::dsl::sql::<diesel::sql_types::BigInt>(of);
    diesel::select(count).get_result(&mut conn).unwrap()
}

#[test]
fn before_an_upgrade_there_is_a_whole_copy_of_what_was() {
    let dir = old_file(3);
    drop(open_file(&path_in(&dir), Missing::Refuse).unwrap());
    assert_eq!(beside(&dir), ["test.db.pre-13"]);
    let copy = dir.path().join("test.db.pre-13");
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(count(&copy, "(SELECT version FROM schema_version)"), 3);
    assert_eq!(count(&copy, "(SELECT count(*) FROM users)"), 2);
    assert_eq!(count(&copy, "(SELECT count(*) FROM oauth_grants)"), 1);
    // Nobody takes it for a database in use, by mistake or without a thought for what was revoked.
    let refused = open_file(&copy, Missing::Create);
    assert!(matches!(refused, Err(OpenError::Copy(named)) if named == copy));
    assert_eq!(count(&copy, "(SELECT version FROM schema_version)"), 3);
    // Nothing changes any more, so nothing is copied.
    fs::remove_file(&copy).unwrap();
    drop(open_file(&path_in(&dir), Missing::Refuse).unwrap());
    assert!(beside(&dir).is_empty());
}

#[test]
fn a_new_database_and_one_in_memory_are_not_copied() {
    let dir = tempfile::tempdir().unwrap();
    drop(open_file(&path_in(&dir), Missing::Create).unwrap());
    assert!(beside(&dir).is_empty());
    Storage::open(&Database::Memory, Missing::Create, Limits::default(), Clock::System).unwrap();
}

#[test]
fn the_last_few_copies_are_kept() {
    let dir = old_file(3);
    for name in ["pre-2", "pre-3", "pre-8", "pre-10x", "pre-"] {
        fs::write(dir.path().join(format!("test.db.{name}")), "x").unwrap();
    }
    drop(open_file(&path_in(&dir), Missing::Refuse).unwrap());
    let kept = ["pre-", "pre-10x", "pre-13", "pre-3", "pre-8"];
    assert_eq!(beside(&dir), kept.map(|name| format!("test.db.{name}")));
}

#[test]
fn without_room_for_a_copy_the_schema_stays_as_it_is_unless_none_is_wanted() {
    let dir = old_file(3);
    // Where the copy would grow.
    let taken = dir.path().join("test.db.pre-13.partial");
    fs::create_dir(&taken).unwrap();
    let refused = open_file(&path_in(&dir), Missing::Refuse).err().unwrap();
    assert!(matches!(refused, OpenError::NoCopy { .. }));
    let said = refused.to_string();
    assert!(
        said.contains("MCP_OAUTH_LIMIT_UPDATE_COPIES=0") && said.lines().count() == 1,
        "{said}"
    );
    assert_eq!(count(&path_in(&dir), "(SELECT version FROM schema_version)"), 3);
    let limits = Limits { update_copies: 0, ..Limits::default() };
    let database = Database::File(path_in(&dir));
    let storage = Storage::open(&database, Missing::Refuse, limits, Clock::System).unwrap();
    assert_eq!(storage.opened().updated_from, Some(3));
    assert_eq!(beside(&dir), ["test.db.pre-13.partial"]);
}

#[test]
fn many_that_start_on_an_old_file_leave_one_copy_of_the_old_schema() {
    let dir = old_file(3);
    let start = Barrier::new(6);
    thread::scope(|scope| {
        let open = || {
            start.wait();
            open_file(&path_in(&dir), Missing::Refuse).map(|storage| storage.opened().updated_from)
        };
        let starting: Vec<_> = (0..6).map(|_| scope.spawn(open)).collect();
        let from = starting.into_iter().filter_map(|one| one.join().unwrap().unwrap());
        assert_eq!(from.collect::<Vec<_>>(), [3]);
    });
    assert_eq!(beside(&dir), ["test.db.pre-13"]);
    let version = "(SELECT version FROM schema_version)";
    assert_eq!(count(&dir.path().join("test.db.pre-13"), version), 3);
}
