//! `restore`: what comes back, what does not, and when nothing is touched.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use crate::backup::ask;
use crate::support::{Place, Said};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// People, clients and MCP servers with two or three of everything, so that one of each can change.
const FIXTURE: &str = r#"
    INSERT INTO users (id, username, password_hash, role, created_at, passkey_required)
        VALUES ('uA', 'ada', 'old', 'owner', 1, FALSE), ('uB', 'bob', 'old', 'owner', 1, FALSE),
               ('uC', 'cyd', 'old', 'member', 1, FALSE);
    INSERT INTO resources (id, uri, canonical, created_at, position, audience, secret_hash) VALUES
        ('wiki', 'https://w.example/', 'https://w.example/', 1, 1, 'everybody', zeroblob(32)),
        ('docs', 'https://d.example/', 'https://d.example/', 1, 2, 'everybody', zeroblob(32));
    INSERT INTO oauth_clients (client_id, client_json, created_at, origin, authorized_at, name) VALUES
        ('c1', '{"a":1}', 1, 'registered', 1, ''), ('c2', '{}', 1, 'registered', 1, ''),
        ('c3', '{}', 1, 'registered', NULL, '');
    INSERT INTO oauth_grants (id, client_id, user_id, scope, resource, created_at, last_used_at,
        expires_at, tokens_until) SELECT column1, 'c1', 'uA', 'mcp', 'https://w.example/', 1, 1,
        4000000000, 4000000000 FROM (VALUES (1), (2), (3), (4));
    INSERT INTO oauth_refresh_tokens (id, hash, grant_id, expires_at, used_at, salt, successor_id)
        VALUES (10, zeroblob(32), 1, 4000000000, NULL, NULL, NULL),
               (20, zeroblob(32), 2, 4000000000, NULL, NULL, NULL),
               (30, zeroblob(32), 3, 4000000000, NULL, NULL, NULL),
               (39, zeroblob(32), 4, 4000000000, 5, randomblob(32), 40),
               (40, zeroblob(32), 4, 4000000000, NULL, NULL, NULL);
    INSERT INTO oauth_codes (id, hash, client_id, user_id, redirect_uri, code_challenge, scope,
        resource, expires_at, redeemed_at) SELECT column1, zeroblob(32), 'c1', 'uA', 'x', 'x', 'mcp',
        'https://w.example/', 4000000000, column2 FROM (VALUES (1, NULL), (2, 7));
    INSERT INTO sessions (id, hash, user_id, created_at, last_seen_at, expires_at, method)
        VALUES (1, zeroblob(32), 'uA', 1, 1, 4000000000, 'password'),
               (2, zeroblob(32), 'uA', 1, 1, 4000000000, 'password');
    INSERT INTO one_time_links (id, hash, purpose, created_at, user_id, expires_at) VALUES
        (1, zeroblob(32), 'reset', 1, 'uA', 4000000000), (2, zeroblob(32), 'reset', 1, 'uC', 4000000000);
    INSERT INTO recovery_codes (user_id, hash) VALUES ('uA', x'01'), ('uA', x'02');
    INSERT INTO totp_secrets (user_id, secret, created_at, last_step) VALUES ('uA', x'00', 1, 5);
    INSERT INTO passkeys (credential_id, user_id, name, passkey, created_at)
        VALUES ('k1', 'uA', 'stolen', '{}', 1), ('k2', 'uA', 'kept', '{}', 1);
    INSERT INTO registration_tokens (id, hash, name, created_at, uses_left)
        VALUES (1, zeroblob(32), 'one', 1, 2), (2, zeroblob(32), 'two', 1, 2);
    INSERT INTO resource_people (resource, user_id) VALUES ('https://w.example/', 'uB');
    INSERT INTO serving_processes (id, beats) VALUES (1, 1);"#;

/// What has happened after the backup.
const SINCE: &str = r#"
    UPDATE oauth_grants SET revoked_at = 9, revoked_because = 'person' WHERE id = 1;
    UPDATE oauth_refresh_tokens SET used_at = 9, successor_id = 21 WHERE id = 20;
    INSERT INTO oauth_refresh_tokens (id, hash, grant_id, expires_at)
        VALUES (21, zeroblob(32), 2, 4000000000);
    UPDATE oauth_refresh_tokens SET confirmed_at = 9 WHERE id = 40;
    UPDATE oauth_refresh_tokens SET salt = NULL WHERE id = 39;
    INSERT INTO oauth_grants (id, client_id, user_id, scope, resource, created_at, last_used_at,
        expires_at, tokens_until)
        VALUES (5, 'c1', 'uA', 'mcp', 'https://w.example/', 1, 1, 4000000000, 4000000000);
    UPDATE oauth_codes SET redeemed_at = 9, grant_id = 5 WHERE id = 1;
    DELETE FROM sessions WHERE id = 2;
    UPDATE users SET password_hash = 'new', role = 'member' WHERE id = 'uA';
    UPDATE users SET disabled_at = 9 WHERE id = 'uB';
    DELETE FROM users WHERE id = 'uC';
    UPDATE one_time_links SET used_at = 9 WHERE id = 1;
    UPDATE recovery_codes SET used_at = 9 WHERE hash = x'01';
    UPDATE totp_secrets SET last_step = 99;
    DELETE FROM passkeys WHERE credential_id = 'k1';
    UPDATE oauth_clients SET client_json = '{"a":2}' WHERE client_id = 'c1';
    DELETE FROM oauth_clients WHERE client_id IN ('c2', 'c3');
    UPDATE resources SET secret_hash = x'ff', ended_up_to = 3 WHERE id = 'wiki';
    DELETE FROM resources WHERE id = 'docs';
    DELETE FROM resource_people;
    UPDATE registration_tokens SET uses_left = 1 WHERE id = 1;
    DELETE FROM registration_tokens WHERE id = 2;
    INSERT INTO events (at, kind, detail) VALUES (77, 'user.removed', 'since');"#;

fn sql(path: &Path, statements: &str) {
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute(statements).unwrap();
}

/// A database with a backup of it, and a life after that.
fn lived() -> Place {
    let place = Place::new();
    // Whoever opens a new one makes its tables.
    assert_eq!(place.run(&["resource", "add", "https://x.example/"]).code, 0);
    assert_eq!(place.run(&["resource", "remove", "https://x.example/"]).code, 0);
    sql(&place.path("mcp_oauth.db"), FIXTURE);
    assert_eq!(place.run(&["backup", "copy.db"]).code, 0);
    sql(&place.path("mcp_oauth.db"), SINCE);
    place
}

fn value(place: &Place, query: &str) -> String {
    ask(&place.path("mcp_oauth.db"), query)
}

/// All rows of a query, in one line.
fn all(place: &Place, of: &str, rows: &str) -> String {
    value(place, &format!("SELECT group_concat({of}, ' ') FROM (SELECT * FROM {rows})"))
}

fn refused(said: &Said, code: i32, why: &str) {
    assert_eq!((said.code, said.err.lines().count()), (code, 1), "{said:?}");
    assert!(said.err.contains(why), "{said:?}");
}

fn replaced(place: &Place) -> Vec<String> {
    let files = fs::read_dir(place.folder()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains("replaced")).collect()
}

#[test]
fn what_was_ended_used_or_changed_since_stays_so() {
    let place = lived();
    let backup = fs::read(place.path("copy.db")).unwrap();
    sql(&place.path("mcp_oauth.db"), "UPDATE clock SET seen_at = 3000000000");
    let said = place.run(&["restore", "copy.db", "--json"]).json();
    assert_eq!(said["not_known_because"], serde_json::Value::Null);
    let counts = [
        ("grants_ended_since", 1),
        ("grants_used_since", 1),
        ("grants_ended_now", 0),
        ("sessions_ended", 1),
        ("people_disabled", 1),
        ("clients_disabled", 1),
        ("resources_paused", 1),
    ];
    for (name, number) in counts {
        assert_eq!(said[name], number, "{name}: {said}");
    }
    assert!(said["taken_at"].as_i64().unwrap() > 1_700_000_000);
    // The first was revoked, the second rotated; the fifth is younger than the backup.
    let grants =
        all(&place, "id || ':' || coalesce(revoked_because, 'live')", "oauth_grants ORDER BY id");
    assert_eq!(grants, "1:person 2:operator 3:live 4:live");
    assert_eq!(
        all(&place, "id", "oauth_refresh_tokens WHERE used_at IS NULL ORDER BY id"),
        "10 20 30 40"
    );
    assert_eq!(value(&place, "SELECT confirmed_at FROM oauth_refresh_tokens WHERE id = 40"), "9");
    assert_eq!(value(&place, "SELECT salt IS NULL FROM oauth_refresh_tokens WHERE id = 39"), "1");
    assert_eq!(all(&place, "id", "oauth_codes"), "2");
    assert_eq!(all(&place, "id", "sessions"), "1");
    let people = "id || ':' || password_hash || ':' || role || ':' || (disabled_at IS NOT NULL)";
    let people = all(&place, people, "users ORDER BY id");
    assert_eq!(people, "uA:new:member:0 uB:old:owner:1 uC:old:member:1");
    assert_eq!(all(&place, "id || ':' || used_at", "one_time_links"), "1:9");
    assert_eq!(all(&place, "hex(hash)", "recovery_codes WHERE used_at IS NULL"), "02");
    assert_eq!(all(&place, "last_step", "totp_secrets"), "99");
    assert_eq!(all(&place, "credential_id", "passkeys"), "k2");
    let clients = "client_id || ':' || client_json || ':' || (disabled_at IS NOT NULL)";
    assert_eq!(all(&place, clients, "oauth_clients ORDER BY 1"), r#"c1:{"a":2}:0 c2:{}:1"#);
    let resources =
        "id || ':' || iif(secret_hash IS NULL, 'none', hex(secret_hash)) || ':' || (paused_at IS NOT NULL)
        || ':' || coalesce(ended_up_to, 0)";
    assert_eq!(all(&place, resources, "resources ORDER BY id DESC"), "wiki:FF:0:3 docs:none:1:0");
    assert_eq!(value(&place, "SELECT count(*) FROM resource_people"), "0");
    assert_eq!(all(&place, "id || ':' || uses_left", "registration_tokens"), "1:1");
    assert_eq!(value(&place, "SELECT count(*) FROM serving_processes"), "0");
    assert_eq!(value(&place, "SELECT seen_at FROM clock"), "3000000000");
    // The record goes on, with what was done here at its end.
    assert_eq!(value(&place, "SELECT count(*) FROM events WHERE at = 77"), "1");
    let last = value(&place, "SELECT kind || ': ' || detail FROM events ORDER BY id DESC LIMIT 1");
    assert!(last.starts_with("database.restored: to 20"), "{last}");
    assert!(last.ends_with("; 2 grants and 1 sessions ended"), "{last}");

    assert_eq!(fs::read(place.path("copy.db")).unwrap(), backup, "the backup is as it was");
    let mode = fs::metadata(place.path("mcp_oauth.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let kept = replaced(&place);
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(said["replaced"].as_str().unwrap().rsplit('/').next().unwrap(), kept[0]);
    assert_eq!(ask(&place.path(&kept[0]), "SELECT count(*) FROM oauth_grants"), "5");
    // And it is a database in use again: marked as a copy, it would be refused.
    assert_eq!(place.run(&["user", "list"]).code, 0);
}

#[test]
fn everything_can_be_ended_and_everybody_stays() {
    let place = lived();
    let said = place.run(&["restore", "copy.db", "--revoke-all"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("2 grants are ended, as all were to be"), "{said:?}");
    assert_eq!(value(&place, "SELECT count(*) FROM oauth_grants WHERE revoked_at IS NULL"), "0");
    assert_eq!(value(&place, "SELECT count(*) FROM sessions"), "0");
    assert_eq!(all(&place, "id", "users WHERE disabled_at IS NULL"), "uA");
    assert_eq!(value(&place, "SELECT password_hash FROM users WHERE id = 'uA'"), "new");
}

#[test]
fn where_nobody_knows_what_was_revoked_the_operator_says_what_is_to_be() {
    let missing: fn(&Place) = |place| fs::remove_file(place.path("mcp_oauth.db")).unwrap();
    let damaged: fn(&Place) =
        |place| fs::write(place.path("mcp_oauth.db"), "x".repeat(9000)).unwrap();
    let hurt: fn(&Place) = |place| {
        let mut bytes = fs::read(place.path("mcp_oauth.db")).unwrap();
        bytes[4096..].fill(0xa5);
        fs::write(place.path("mcp_oauth.db"), bytes).unwrap();
    };
    let fresh: fn(&Place) = |place| {
        fs::remove_file(place.path("mcp_oauth.db")).unwrap();
        let added = place.run_with(&["user", "add", "ada", "--password-stdin"], "correct horse\n");
        assert_eq!(added.code, 0);
    };
    let by_hand: fn(&Place) = |place| {
        fs::copy(place.path("copy.db"), place.path("mcp_oauth.db")).unwrap();
        let serving = place.run(&["serve"]);
        refused(&serving, 78, "mcp-oauthd restore");
    };
    let newer: fn(&Place) = |place| {
        sql(
            &place.path("mcp_oauth.db"),
            "UPDATE schema_version SET version = 99, oldest_allowed = 99",
        );
    };
    for (number, spoil) in [missing, damaged, hurt, fresh, by_hand, newer].into_iter().enumerate() {
        let place = lived();
        spoil(&place);
        let before = fs::read(place.path("mcp_oauth.db")).ok();
        refused(&place.run(&["restore", "copy.db"]), 1, "--revoke-all");
        assert_eq!(fs::read(place.path("mcp_oauth.db")).ok(), before, "{number}");
        assert!(!place.path("mcp_oauth.db.partial").exists());

        let said = place.run(&["restore", "copy.db", "--trust-backup", "--json"]).json();
        assert!(said["not_known_because"].is_string(), "{number}: {said}");
        assert_eq!(
            value(&place, "SELECT count(*) FROM oauth_grants WHERE revoked_at IS NULL"),
            "4"
        );
        // What works once may have been used.
        assert_eq!(value(&place, "SELECT count(*) FROM one_time_links"), "0");
        assert_eq!(value(&place, "SELECT count(*) FROM recovery_codes WHERE used_at IS NULL"), "0");
        assert_eq!(
            value(&place, "SELECT count(*) FROM oauth_codes WHERE redeemed_at IS NULL"),
            "0"
        );
        assert_eq!(value(&place, "SELECT last_step > 50000000 FROM totp_secrets"), "1");
        assert_eq!(all(&place, "uses_left", "registration_tokens"), "0 0");
        let kept = replaced(&place);
        assert_eq!(kept.len(), usize::from(before.is_some()), "{kept:?}");
        if let (Some(name), Some(before)) = (kept.first(), &before) {
            assert_eq!(fs::read(place.path(name)).unwrap().len(), before.len());
        }
    }
    let place = lived();
    missing(&place);
    assert_eq!(place.run(&["restore", "copy.db", "--revoke-all"]).code, 0);
    assert_eq!(value(&place, "SELECT count(*) FROM oauth_grants WHERE revoked_at IS NULL"), "0");
    assert_eq!(place.run(&["restore", "copy.db", "--revoke-all", "--trust-backup"]).code, 2);
}

#[test]
fn what_is_no_backup_or_somebody_elses_database_changes_nothing() {
    let place = lived();
    let before = fs::read(place.path("mcp_oauth.db")).unwrap();
    place.file("text", "not a database at all", 0o600);
    place.file("empty", "", 0o600);
    sql(&place.path("foreign.db"), "CREATE TABLE t (x)");
    sql(&place.path("newer.db"), "VACUUM");
    fs::copy(place.path("copy.db"), place.path("newer.db")).unwrap();
    sql(&place.path("newer.db"), "UPDATE schema_version SET version = 99, oldest_allowed = 99");
    fs::copy(place.path("copy.db"), place.path("hurt.db")).unwrap();
    sql(
        &place.path("hurt.db"),
        "PRAGMA writable_schema = ON; UPDATE sqlite_master
         SET sql = replace(sql, '(user_id)', '(id)') WHERE name = 'sessions_of_user';",
    );
    for (name, why) in [
        ("nowhere", "No such file"),
        ("text", "not a database"),
        ("empty", "not a database of mcp-oauthd"),
        ("foreign.db", "not a database of mcp-oauthd"),
        ("newer.db", "needs schema 99"),
        ("hurt.db", "cannot be restored"),
        (".", "not a file"),
        ("mcp_oauth.db", "belongs to the database itself"),
    ] {
        refused(&place.run(&["restore", name, "--revoke-all"]), 1, why);
        assert_eq!(fs::read(place.path("mcp_oauth.db")).unwrap(), before, "{name}");
    }
    sql(&place.path("theirs.db"), "CREATE TABLE t (x)");
    let theirs = fs::read(place.path("theirs.db")).unwrap();
    let said = place.run(&["restore", "copy.db", "--revoke-all", "--db", "theirs.db"]);
    refused(&said, 69, "is not a database of mcp-oauthd");
    assert_eq!(fs::read(place.path("theirs.db")).unwrap(), theirs);
    assert_eq!(place.run(&["restore", "copy.db", "--db", ":memory:"]).code, 78);
    assert!(replaced(&place).is_empty());
}

#[test]
fn a_database_of_an_older_schema_is_asked_and_kept_as_it_is() {
    let place = Place::new();
    let path = place.path("mcp_oauth.db");
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    for _ in 0..9 {
        conn.run_next_migration(MIGRATIONS).unwrap();
    }
    conn.batch_execute("PRAGMA application_id = 1835233391").unwrap();
    conn.batch_execute(FIXTURE).unwrap();
    drop(conn);
    assert_eq!(place.run(&["backup", "copy.db"]).code, 0);
    assert_eq!(ask(&path, "SELECT version FROM schema_version"), "9", "to copy is not to update");
    sql(&path, SINCE);
    assert_eq!(place.run(&["restore", "copy.db"]).code, 0);
    let live = all(&place, "id", "oauth_grants WHERE revoked_at IS NULL ORDER BY id");
    assert_eq!(live, "3 4");
    assert_ne!(value(&place, "SELECT version FROM schema_version"), "9");
    assert_eq!(value(&place, "SELECT count(*) FROM events WHERE at = 77"), "1");
    let kept = replaced(&place).pop().unwrap();
    assert_eq!(ask(&place.path(&kept), "SELECT version FROM schema_version"), "9");
    assert!(!place.path("mcp_oauth.db.before.partial").exists());
}

#[test]
fn a_database_that_is_older_than_the_backup_does_not_know_what_came_after() {
    let place = Place::new();
    for name in ["ada", "eve"] {
        let added = place.run_with(&["user", "add", name, "--password-stdin"], "correct horse\n");
        assert_eq!(added.code, 0, "{added:?}");
    }
    let done = |arguments: &[&str]| {
        let said = place.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {said:?}");
    };
    let is_disabled = "SELECT disabled_at IS NOT NULL FROM users WHERE username = 'eve'";
    done(&["backup", "early.db"]);
    done(&["resource", "add", "https://x.example/"]);
    done(&["user", "disable", "eve"]);
    done(&["backup", "late.db"]);
    fs::remove_file(place.path("mcp_oauth.db")).unwrap();
    done(&["restore", "early.db", "--revoke-all"]);
    assert_eq!(value(&place, is_disabled), "0");
    let last = ask(&place.path("late.db"), "SELECT max(id) FROM events");
    // It has fewer events, and then more, but others.
    for _ in 0..3 {
        refused(&place.run(&["restore", "late.db"]), 1, "is older than the backup");
        assert_eq!(value(&place, is_disabled), "0");
        done(&["resource", "add", "https://y.example/"]);
        done(&["resource", "remove", "https://y.example/"]);
    }
    assert_eq!(value(&place, &format!("SELECT max(id) > {last} FROM events")), "1");
    // Of which a registration may be forgotten, and be the last one of the backup.
    sql(&place.path("mcp_oauth.db"), &format!("DELETE FROM events WHERE id = {last}"));
    refused(&place.run(&["restore", "late.db"]), 1, "is older than the backup");

    done(&["restore", "late.db", "--revoke-all"]);
    assert_eq!(value(&place, is_disabled), "1");
    let known = || {
        let said = place.run(&["restore", "late.db", "--json"]).json();
        assert_eq!(said["not_known_because"], serde_json::Value::Null, "{said}");
    };
    known();
    sql(&place.path("mcp_oauth.db"), &format!("DELETE FROM events WHERE id = {last}"));
    known();
    sql(&place.path("mcp_oauth.db"), &format!("DELETE FROM events WHERE id <= {last}"));
    known();
}

#[test]
fn a_log_that_lies_beside_a_backup_of_ours_is_not_its_own() {
    let place = lived();
    let kept = SqliteConnection::establish(place.path("mcp_oauth.db").to_str().unwrap());
    let mut kept = kept.unwrap();
    kept.batch_execute("PRAGMA journal_mode = WAL; UPDATE users SET password_hash = 'in the log'")
        .unwrap();
    fs::copy(place.path("mcp_oauth.db-wal"), place.path("copy.db-wal")).unwrap();
    drop(kept);
    fs::remove_file(place.path("mcp_oauth.db")).unwrap();
    let said = place.run(&["restore", "copy.db", "--trust-backup", "--json"]).json();
    assert!(said["taken_at"].is_number(), "{said}");
    assert_eq!(value(&place, "SELECT password_hash FROM users WHERE id = 'uA'"), "old");
    assert_eq!(value(&place, "SELECT integrity_check FROM pragma_integrity_check"), "ok");
}

#[test]
fn a_database_that_was_copied_with_its_log_is_a_backup_too() {
    let place = lived();
    let kept = SqliteConnection::establish(place.path("mcp_oauth.db").to_str().unwrap());
    let mut kept = kept.unwrap();
    kept.batch_execute("PRAGMA journal_mode = WAL; UPDATE users SET password_hash = 'in the log'")
        .unwrap();
    for suffix in ["", "-wal"] {
        let (from, to) = (format!("mcp_oauth.db{suffix}"), format!("cp.db{suffix}"));
        fs::copy(place.path(&from), place.path(&to)).unwrap();
    }
    drop(kept);
    let log = fs::read(place.path("cp.db-wal")).unwrap();
    assert!(log.len() > 4096);
    fs::remove_file(place.path("mcp_oauth.db")).unwrap();
    let said = place.run(&["restore", "cp.db", "--trust-backup", "--json"]).json();
    assert_eq!(said["taken_at"], serde_json::Value::Null);
    assert_eq!(said["last_recorded_at"], 77);
    assert_eq!(value(&place, "SELECT password_hash FROM users WHERE id = 'uA'"), "in the log");
    assert_eq!(fs::read(place.path("cp.db-wal")).unwrap(), log, "the backup is as it was");
}

#[test]
fn nothing_is_restored_while_anybody_has_the_database_open() {
    let place = lived();
    let before = fs::read(place.path("mcp_oauth.db")).unwrap();
    let mut reader =
        SqliteConnection::establish(place.path("mcp_oauth.db").to_str().unwrap()).unwrap();
    reader.batch_execute("PRAGMA journal_mode = WAL; BEGIN; SELECT count(*) FROM users").unwrap();
    refused(&place.run(&["restore", "copy.db", "--revoke-all"]), 69, "in use");
    // Nor if it is damaged, so that SQLite itself could not say who has it open. Written by another
    // process: closing the file in this one would lose the reader's lock.
    let damage = "dd if=/dev/zero of=mcp_oauth.db bs=4096 count=2 conv=notrunc 2>/dev/null";
    let damaged = Command::new("sh").args(["-c", damage]).current_dir(place.folder()).status();
    assert!(damaged.unwrap().success());
    refused(&place.run(&["restore", "copy.db", "--revoke-all"]), 69, "in use");
    drop(reader);
    fs::write(place.path("mcp_oauth.db"), &before).unwrap();
    for suffix in ["-wal", "-shm"] {
        let _there_may_be_none = fs::remove_file(place.path(&format!("mcp_oauth.db{suffix}")));
    }
    // Somebody who takes his time to open it.
    let folder = fs::File::open(place.folder()).unwrap();
    rustix::fs::flock(&folder, rustix::fs::FlockOperation::LockShared).unwrap();
    refused(&place.run(&["restore", "copy.db", "--revoke-all"]), 69, "in use");
    // And while it is being replaced, nobody opens it.
    rustix::fs::flock(&folder, rustix::fs::FlockOperation::LockExclusive).unwrap();
    refused(&place.run(&["gc"]), 69, "being put into its place");
    drop(folder);
    assert_eq!(ask(&place.path("mcp_oauth.db"), "SELECT count(*) FROM oauth_grants"), "5");
    assert!(before.len() > 4096 && replaced(&place).is_empty());
    assert_eq!(place.run(&["restore", "copy.db"]).code, 0);
}
