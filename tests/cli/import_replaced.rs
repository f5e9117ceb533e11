//! `import fastmcp-sqlite`: what is taken, what is left and why, and what is refused.

use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection};
use mcp_oauthd::clock::Clock;
use serde_json::{Value, json};

use crate::replaced::{Replaced, access_token, code, refresh_token};
use crate::support::{Place, Said};

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const WIKI: &str = "https://wiki.example/mcp";
const MONTH: i64 = 30 * 86_400;

fn now() -> i64 {
    Clock::System.now().0
}

/// With a person and an MCP server.
fn place() -> Place {
    let place = Place::new();
    place.run_with(&["user", "add", "ada", "--password-stdin"], "correct horse battery\n");
    assert_eq!(place.run(&["resource", "add", WIKI]).code, 0);
    place
}

fn old(place: &Place) -> Replaced {
    Replaced::at(&place.path("old.db"), now())
}

fn import(place: &Place, more: &[&str]) -> Said {
    let arguments = ["import", "fastmcp-sqlite", "old.db", "--user", "ada"];
    let issuer = ["--old-issuer", "https://wiki.example/"];
    place.run(&[&arguments[..], &issuer, more].concat())
}

fn counts(clients: i64, codes: i64, (grants, access, refresh): (i64, i64, i64)) -> Value {
    json!({ "clients": clients, "codes": codes, "grants": grants,
        "access_tokens": access, "refresh_tokens": refresh })
}

#[test]
fn what_lives_is_taken_once_and_what_does_not_is_counted() {
    let place = place();
    old(&place)
        .client("one")
        .client_with("two", "client_secret_post", "\"s3cret-of-two\"")
        .pair("one", '1', "NULL", (600, MONTH))
        .pair("two", '2', "'https://WIKI.example/mcp/'", (-5, MONTH))
        .pair("two", '3', "'https://wiki.example'", (600, -5))
        .pair("one", '4', "NULL", (-5, -5))
        .code("one", '5', CHALLENGE, 300)
        .code("one", '6', CHALLENGE, -1);
    let before = std::fs::read(place.path("old.db")).unwrap();
    let dry = import(&place, &["--dry-run", "--json"]).json();
    assert_eq!(dry["taken"], counts(2, 1, (3, 2, 2)), "{dry}");
    assert_eq!(dry["expired"], json!({ "codes": 1, "tokens": 4 }));
    assert_eq!(place.run(&["grant", "list", "--json"]).json(), json!([]), "nothing was written");
    let taken = import(&place, &["--json"]).json();
    assert_eq!((&taken["taken"], &taken["left"]), (&dry["taken"], &json!([])));
    let again = import(&place, &["--json"]).json();
    assert_eq!(
        (&again["taken"], &again["already_here"]),
        (&counts(0, 0, (0, 0, 0)), &dry["taken"])
    );
    let grants = place.run(&["grant", "list", "--json"]).json();
    assert_eq!(grants.as_array().unwrap().len(), 3);
    for grant in grants.as_array().unwrap() {
        assert_eq!((&grant["imported"], &grant["username"]), (&json!(true), &json!("ada")));
        assert_eq!((&grant["resource"], &grant["scope"]), (&json!(WIKI), &json!("mcp")));
    }
    assert!(place.run(&["grant", "list"]).out.contains("live, imported"));
    assert_eq!(std::fs::read(place.path("old.db")).unwrap(), before, "it is only read");
    let beside = |suffix| place.path(&format!("old.db{suffix}")).exists();
    assert!(!beside("-wal") && !beside("-shm"), "not even files beside it");
}

#[test]
fn nothing_is_kept_or_said_in_clear() {
    let place = place();
    old(&place)
        .client_with("two", "client_secret_basic", "\"s3cret-of-two\"")
        .pair("two", '2', "NULL", (600, MONTH))
        .code("two", '5', CHALLENGE, 300);
    let said = import(&place, &[]);
    assert_eq!(said.code, 0, "{said:?}");
    let mut everything = format!("{}{}", said.out, said.err).into_bytes();
    for name in ["mcp_oauth.db", "mcp_oauth.db-wal"] {
        everything.extend(std::fs::read(place.path(name)).unwrap_or_default());
    }
    let everything = String::from_utf8_lossy(&everything);
    for secret in [&access_token('2'), &refresh_token('2'), &code('5'), "s3cret-of-two"] {
        assert!(!everything.contains(secret), "{secret}");
    }
}

#[test]
fn what_cannot_be_used_is_left_with_its_cause() {
    let place = place();
    let mut old = old(&place);
    old.client("one").pair("one", '1', "'https://notes.example/mcp'", (600, MONTH));
    old.pair("gone", '2', "NULL", (600, MONTH)).code("one", '5', "short", 300);
    old.run(
        r#"INSERT INTO oauth_clients VALUES
            ('bad', '{"redirect_uris":["javascript:alert(1)"],"token_endpoint_auth_method":"none"}', 1),
            ('torn', '{"redirect_uris":', 1), ('a b', '{}', 1), ('https://c.example/c.json', '{}', 1),
            ('late', '{"redirect_uris":["https://c.example"],"client_secret":"x","client_secret_expires_at":5}', 1);
        INSERT INTO oauth_tokens VALUES
            ('access_short', 'one', '[]', NULL, 'access', NULL, NULL),
            ('refresh_' || hex(zeroblob(32)), 'one', 'mcp', NULL, 'refresh', NULL, NULL)"#,
    );
    let report = import(&place, &["--json"]).json();
    assert_eq!(report["taken"], counts(1, 0, (0, 0, 0)), "{report}");
    let left: Vec<_> = report["left"]
        .as_array()
        .unwrap()
        .iter()
        .map(|left| {
            let text = |member: &str| left[member].as_str().unwrap().to_owned();
            (text("what"), text("why"), left["examples"][0].as_str().unwrap().to_owned())
        })
        .collect();
    for (what, why, example) in [
        ("client", "would be refused today", "bad"),
        ("client", "cannot be read", "torn"),
        ("client", "cannot be one here", "a b"),
        ("client", "address of a document", "https://c.example/c.json"),
        ("client", "secret has expired", "late"),
        ("code", "PKCE", "one"),
        ("connection", "shape", "one"),
        ("connection", "scopes", "one"),
        ("connection", "not one of ours", "https://notes.example/mcp"),
        ("connection", "client is not here", "gone"),
    ] {
        let meant = |left: &&(String, String, String)| {
            left.0 == what && left.1.contains(why) && left.2 == example
        };
        assert!(left.iter().any(|left| meant(&left)), "{what} {why}: {left:?}");
    }
    assert_eq!(left.len(), 10, "{left:?}");
}

#[test]
fn what_was_ended_here_stays_ended() {
    let place = place();
    let mut old = old(&place);
    for (client, digit) in [("one", '1'), ("two", '2'), ("three", '3'), ("four", '4')] {
        old.client(client).pair(client, digit, "NULL", (600, MONTH));
    }
    old.code("one", '5', CHALLENGE, 300);
    import(&place, &[]);
    assert_eq!(place.run(&["grant", "revoke", "--client", "one"]).code, 0);
    assert_eq!(place.run(&["client", "disable", "two"]).code, 0);
    assert_eq!(place.run(&["client", "remove", "three"]).code, 0);
    old.pair("two", '6', "NULL", (600, MONTH)).pair("three", '7', "NULL", (600, MONTH));
    let again = import(&place, &["--json"]).json();
    assert_eq!(again["taken"], counts(0, 0, (0, 0, 0)), "{again}");
    assert_eq!(again["already_here"], counts(3, 1, (4, 4, 4)), "the code was ended, not forgotten");
    let live = place.run(&["grant", "list", "--json"]).json();
    let clients: Vec<_> = live.as_array().unwrap().iter().map(|one| &one["client_id"]).collect();
    assert_eq!(clients, ["four"]);
}

/// A token of the old database that never expires there: it could come in for ever.
#[test]
fn what_has_ended_here_stays_ended_when_it_has_been_cleaned_up() {
    let place = place();
    let mut old = old(&place);
    old.client("one").pair("one", '1', "NULL", (600, MONTH)).pair("one", '2', "NULL", (600, MONTH));
    old.run("DELETE FROM oauth_tokens WHERE token LIKE 'access_1%' OR token LIKE 'refresh_2%'");
    old.run("UPDATE oauth_tokens SET expires_at = NULL");
    let taken = import(&place, &["--json"]).json();
    assert_eq!(taken["taken"], counts(1, 0, (2, 1, 1)), "{taken}");
    assert_eq!(place.run(&["grant", "revoke", "--client", "one"]).code, 0);
    let path = place.path("mcp_oauth.db");
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    for statement in [
        "UPDATE oauth_tokens SET expires_at = 5",
        "UPDATE oauth_refresh_tokens SET expires_at = 5",
        "UPDATE oauth_grants SET tokens_until = 5",
    ] {
        diesel::sql_query(statement).execute(&mut conn).unwrap();
    }
    let swept = place.run(&["gc"]);
    assert_eq!(swept.code, 0, "{swept:?}");
    let all = place.run(&["grant", "list", "--all", "--json"]);
    assert_eq!(all.json(), json!([]), "the grants have gone");
    let again = import(&place, &["--json"]).json();
    assert_eq!(again["taken"], counts(0, 0, (0, 0, 0)), "{again}");
    assert_eq!(again["already_here"], taken["taken"]);
}

#[test]
fn the_resource_has_to_be_said_where_there_are_several() {
    let place = Place::new();
    old(&place).client("one").pair("one", '1', "NULL", (600, MONTH));
    assert_eq!(import(&place, &["--dry-run"]).code, 69, "there is no database to look at");
    assert_eq!(import(&place, &[]).err, "error: nobody has this name\n");
    place.run_with(&["user", "add", "ada", "--password-stdin"], "correct horse battery\n");
    assert!(import(&place, &[]).err.contains("mcp-oauthd resource add"));
    place.run(&["resource", "add", WIKI]);
    place.run(&["resource", "add", "https://notes.example/mcp"]);
    let unsaid = import(&place, &[]);
    assert_eq!((unsaid.code, unsaid.err.lines().count()), (2, 1), "{unsaid:?}");
    assert_eq!(import(&place, &["--resource", "https://nowhere.example"]).code, 1);
    assert_eq!(import(&place, &["--resource", "https://NOTES.example/mcp/"]).code, 0);
    let grants = place.run(&["grant", "list", "--json"]).json();
    assert_eq!(grants[0]["resource"], "https://notes.example/mcp");
}

#[test]
fn a_person_does_not_get_more_than_it_may_have() {
    let mut place = place();
    place.set("SCOPES", "mcp admin");
    let mut old = old(&place);
    old.client("one").pair("one", '1', "NULL", (600, MONTH)).pair("one", '2', "NULL", (600, MONTH));
    old.run("UPDATE oauth_tokens SET scopes = '[\"admin\"]' WHERE token LIKE '%2222'");
    let only = ["resource", "allow", WIKI, "ada", "--scope", "mcp"];
    let only = place.run(&only);
    assert_eq!(only.code, 0, "{only:?}");
    let report = import(&place, &["--json"]).json();
    assert_eq!(report["taken"], counts(1, 0, (1, 1, 1)), "{report}");
    assert_eq!(report["left"][0]["why"], "this person may have none of its scopes");
    assert_eq!(place.run(&["grant", "list", "--json"]).json()[0]["scope"], "mcp");
}

#[test]
fn the_old_issuer_and_the_paths_are_printed() {
    let place = place();
    old(&place).client("one");
    let said = import(&place, &["--dry-run"]);
    for words in [
        "MCP_OAUTH_ISSUER=https://wiki.example/ ",
        "/authorize /token /register /revoke",
        "/.well-known/oauth-authorization-server\n",
        "https://wiki.example hands these on to 127.0.0.1:8080",
        "https://wiki.example/introspect",
    ] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    assert!(said.err.contains("without --dry-run"));
    let json = import(&place, &["--json"]).json();
    assert_eq!(
        (&json["old_issuer"], &json["known"]),
        (&json!("https://wiki.example/"), &json!("given"))
    );
    assert_eq!(json["paths"][0], "/authorize");
}

#[test]
fn where_nobody_answers_the_old_issuer_is_a_guess_that_says_so() {
    let place = place();
    old(&place).client("one").pair("one", '1', "'http://127.0.0.1:9/mcp'", (600, MONTH));
    let said = place.run(&["import", "fastmcp-sqlite", "old.db", "--user", "ada", "--dry-run"]);
    for words in [
        "byte for byte: http://127.0.0.1:9/ (nobody answers there",
        "http://127.0.0.1:9/.well-known/oauth-authorization-server",
        "--old-issuer",
    ] {
        assert!(said.out.contains(words), "{words}: {said:?}");
    }
}

#[test]
fn foreign_locked_and_damaged_databases_are_69_in_one_line() {
    let place = place();
    old(&place).client("one").run("PRAGMA journal_mode = DELETE");
    std::fs::copy(place.path("old.db"), place.path("cut.db")).unwrap();
    let cut = std::fs::File::options().write(true).open(place.path("cut.db")).unwrap();
    cut.set_len(6000).unwrap();
    place.file("text.db", &"no database at all. ".repeat(300), 0o600);
    let other = place.path("other.db").display().to_string();
    let mut other = SqliteConnection::establish(&other).unwrap();
    for table in ["oauth_clients", "oauth_codes", "oauth_tokens"] {
        diesel::sql_query(format!("CREATE TABLE {table} (a)")).execute(&mut other).unwrap();
    }
    drop(other);
    for (name, words) in [
        ("missing.db", "there is no database at"),
        ("other.db", "not a database of the provider"),
        ("mcp_oauth.db", "not a database of the provider"),
        ("text.db", "is damaged"),
        ("cut.db", "is damaged"),
        (".", "is not a file"),
    ] {
        let said = place.run(&["import", "fastmcp-sqlite", name, "--user", "ada"]);
        assert_eq!((said.code, said.err.lines().count()), (69, 1), "{name}: {said:?}");
        assert!(said.err.contains(words) && said.err.contains(name), "{said:?}");
    }
    let mut holder = SqliteConnection::establish(place.path("old.db").to_str().unwrap()).unwrap();
    diesel::sql_query("BEGIN EXCLUSIVE").execute(&mut holder).unwrap();
    let locked = import(&place, &[]);
    assert_eq!((locked.code, locked.err.lines().count()), (69, 1), "{locked:?}");
    assert!(locked.err.contains("locked"), "{locked:?}");
}

/// Its last words are in its log, which nobody has written back.
#[test]
fn a_provider_that_was_killed_is_read_with_its_log() {
    let place = place();
    let mut old = old(&place);
    old.run("PRAGMA wal_autocheckpoint = 0").client("one").pair("one", '1', "NULL", (600, MONTH));
    assert!(place.path("old.db-wal").metadata().unwrap().len() > 0);
    let report = import(&place, &["--json"]).json();
    assert_eq!(report["taken"], counts(1, 0, (1, 1, 1)), "{report}");
}

/// More than one transaction of each kind.
#[test]
fn many_come_in_batches() {
    let place = place();
    old(&place).client("c0").run(
        "INSERT INTO oauth_clients SELECT 'n' || value, client_json, 1 FROM oauth_clients,
            (WITH RECURSIVE s(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM s LIMIT 700) SELECT value FROM s);
         INSERT INTO oauth_tokens SELECT 'refresh_' || lower(hex(randomblob(32))), client_id, '[]', NULL, 'refresh', NULL, NULL
            FROM oauth_clients",
    );
    let report = import(&place, &["--json"]).json();
    assert_eq!(report["taken"], counts(701, 0, (701, 0, 701)), "{}", report["left"]);
    let again = import(&place, &["--json"]).json();
    assert_eq!(again["already_here"], report["taken"]);
}
