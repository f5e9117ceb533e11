//! A file of an older version, with people and their logins in it, opened by this one.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use mcp_oauthd::clock::UnixTime;
use mcp_oauthd::oauth::{GrantId, TokenId};
use mcp_oauthd::storage::{
    Audience, Event, Method, Missing, StorageError, clients, events, grants, resources, sessions,
    users,
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
        assert_eq!(recorded[0].subject.detail.as_deref(), Some("from 3 to 10"));
        assert!(recorded[0].at > UnixTime(1_700_000_000));
        storage.close().await;
    }
    let fresh = tempfile::tempdir().unwrap();
    let storage = open_file(&path_in(&fresh), Missing::Create).unwrap();
    assert_eq!(storage.opened().updated_from, None);
    let newest: Result<i64, StorageError> = storage.read(events::newest).await;
    assert_eq!(newest.unwrap(), 0);
}
