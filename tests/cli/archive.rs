//! `export`, and `import` of what it has written.

use std::os::unix::fs::PermissionsExt as _;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use mcp_oauthd::clock::Clock;
use serde_json::{Value, json};

use crate::replaced::Replaced;
use crate::support::{Place, Said};

const WIKI: &str = "https://wiki.example/mcp";

/// With something of most kinds.
fn place() -> Place {
    let place = Place::new();
    for arguments in [
        &["resource", "add", WIKI, "--name", "Wiki"][..],
        &["resource", "allow", WIKI, "ada"],
        &["resource", "rule", "add", WIKI, "--needs", "mcp", "--name", "delete_*"],
        &["registration-token", "add", "for the team", "--uses", "3"],
        &["client", "add", "Claude", "--redirect-uri", "https://c.example/cb"],
    ] {
        if arguments[1] == "allow" {
            let add = ["user", "add", "ada", "--password-stdin"];
            assert_eq!(place.run_with(&add, "correct horse battery\n").code, 0);
        }
        let said = place.run(arguments);
        assert_eq!(said.code, 0, "{said:?}");
    }
    place
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn import(place: &Place, more: &[&str]) -> Said {
    place.run(&[&["import", "all.jsonl", "--db", "other.db"], more].concat())
}

#[test]
fn what_is_exported_is_imported_and_the_same_again() {
    let place = place();
    let to_file = place.run(&["export", "all.jsonl"]);
    assert_eq!((to_file.code, to_file.out.as_str()), (0, ""), "{to_file:?}");
    let mode = place.path("all.jsonl").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(place.path("all.jsonl")).unwrap();
    let all = lines(&text);
    assert_eq!(all[0]["issuer"], "http://127.0.0.1:8080");
    for table in [
        "users",
        "resources",
        "resource_people",
        "resource_rules",
        "registration_tokens",
        "oauth_clients",
    ] {
        assert!(all.iter().any(|line| line.get(table).is_some()), "{table}");
    }
    assert!(!text.contains("null"), "nothing is said of what is not there");
    assert_eq!(place.run(&["export"]).out, text);
    assert_eq!(place.run(&["export", "all.jsonl"]).code, 1, "what is there stays");

    let dry = import(&place, &["--dry-run", "--json"]).json();
    let names = || std::fs::read_dir(place.folder()).unwrap().map(|file| file.unwrap().file_name());
    assert!(!names().any(|name| name == "other.db"), "who only looks makes none");
    let taken = import(&place, &["--json"]).json();
    assert_eq!(dry, taken);
    assert_eq!((&taken["taken"], &taken["already_here"]), (&json!(all.len() - 1), &json!(0)));
    let again = import(&place, &[]);
    assert_eq!(again.out, format!("taken: 0 rows; here already: {}\n", all.len() - 1));
    assert_eq!(place.run(&["export", "--db", "other.db"]).out, text);
    let through = place.run_with(&["import", "-", "--db", "third.db"], &text);
    assert_eq!(through.code, 0, "{through:?}");
    assert_eq!(place.run(&["export", "--db", "third.db"]).out, text);
}

fn sql(place: &Place, statements: &str) {
    let mut conn = SqliteConnection::establish(place.path("other.db").to_str().unwrap()).unwrap();
    conn.batch_execute(statements).unwrap();
}

fn user_id(place: &Place) -> String {
    let users = place.run(&["user", "list", "--json"]).json();
    users[0]["sub"].as_str().unwrap().to_owned()
}

/// An export in which ada has one of everything that a person can have.
fn rich_export(place: &Place) -> String {
    let good = place.run(&["export"]).out;
    let (head, rest) = good.split_once('\n').unwrap();
    let (id, hash) = (user_id(place), format!("{}=", "A".repeat(43)));
    let belongings = [
        json!({"passkeys": {"credential_id": "key", "user_id": id, "name": "key", "passkey": "{}", "created_at": 1}}),
        json!({"totp_secrets": {"user_id": id, "secret": hash, "created_at": 1, "last_step": 1}}),
        json!({"recovery_codes": {"user_id": id, "hash": hash}}),
        json!({"identities": {"provider": "https://idp.example", "subject": "1", "user_id": id, "label": "ada", "created_at": 1}}),
        json!({"sign_in_places": {"user_id": id, "network": "192.0.2.0", "last_seen_at": 1}}),
    ];
    let belongings = belongings.map(|row| row.to_string()).join("\n");
    format!("{head}\n{belongings}\n{rest}")
}

#[test]
fn what_was_ended_here_does_not_come_back() {
    let place = place();
    let text = rich_export(&place);
    place.file("all.jsonl", &text, 0o600);
    let rows = text.lines().count() - 1;
    assert_eq!(import(&place, &["--json"]).json()["taken"], json!(rows));
    for arguments in [
        &["registration-token", "remove", "for the team"][..],
        &["resource", "disallow", WIKI, "ada"],
        &["resource", "rule", "remove", WIKI, "1"],
        &["user", "reset-second-factor", "ada"],
    ] {
        let said = place.run(&[arguments, &["--db", "other.db"]].concat());
        assert_eq!(said.code, 0, "{said:?}");
    }
    sql(&place, "DELETE FROM passkeys; DELETE FROM identities; DELETE FROM sign_in_places");
    let left = place.run(&["export", "--db", "other.db"]).out;
    let dry = import(&place, &["--dry-run", "--json"]).json();
    let again = import(&place, &["--json"]).json();
    assert_eq!(again, dry);
    assert_eq!(
        (&again["taken"], &again["removed_here"], &again["owner_here"]),
        (&json!(0), &json!(1), &json!(7)),
        "{again}"
    );
    assert_eq!(place.run(&["export", "--db", "other.db"]).out, left);
    let said = import(&place, &[]).out;
    assert!(said.contains("left, for whom or what they belong to was here: 7\n"), "{said}");
}

/// Nobody is here without his second factor, and no resource without its rules, at whatever line it
/// breaks; and what is missing is brought by the next run.
#[test]
fn an_import_that_broke_goes_on() {
    let place = place();
    let text = rich_export(&place);
    let all: Vec<_> = text.lines().collect();
    for (at, _) in all.iter().enumerate().skip(1) {
        let _none_yet = std::fs::remove_file(place.path("other.db"));
        place.file("all.jsonl", &format!("{}\n", all[..at].join("\n")), 0o600);
        assert_eq!(import(&place, &[]).code, 0);
        let half = place.run(&["export", "--db", "other.db"]).out;
        assert!(!half.contains("\"users\"") || half.contains("\"totp_secrets\""), "{half}");
        assert!(!half.contains("\"resources\"") || half.contains("\"resource_rules\""), "{half}");
        place.file("all.jsonl", &text, 0o600);
        let rest = import(&place, &["--json"]).json();
        assert_eq!(rest["taken"], json!(all.len() - at), "{at}: {rest}");
        assert_eq!(lines(&place.run(&["export", "--db", "other.db"]).out), lines(&text), "{at}");
    }
    let swapped = format!("{}\n{}\n{}\n", all[0], all[6], all[1]);
    place.file("all.jsonl", &swapped, 0o600);
    let said = import(&place, &[]);
    assert!(said.err.contains("line 3: passkeys come before users"), "{said:?}");
}

/// Each database counts its rules by itself.
#[test]
fn a_resource_comes_with_its_rules_whatever_their_numbers_are() {
    let place = place();
    place.run(&["export", "all.jsonl"]);
    let notes = "https://notes.example/mcp";
    for arguments in [
        &["resource", "add", notes][..],
        &["resource", "rule", "add", notes, "--needs", "mcp", "--name", "write_*"],
    ] {
        let said = place.run(&[arguments, &["--db", "other.db"]].concat());
        assert_eq!(said.code, 0, "{said:?}");
    }
    let taken = import(&place, &["--json"]).json();
    assert_eq!(taken["already_here"], json!(0), "{taken}");
    let rules = lines(&place.run(&["export", "--db", "other.db"]).out);
    let rules: Vec<_> = rules
        .iter()
        .filter_map(|line| line.get("resource_rules"))
        .map(|rule| (rule["resource"].as_str().unwrap(), rule["name"].as_str().unwrap()))
        .collect();
    assert_eq!(rules, [(notes, "write_*"), (WIKI, "delete_*")]);
}

/// The same MCP server, added on both sides: it stays as it is here, with its own rules.
#[test]
fn a_resource_that_is_here_already_stays_as_it_is() {
    let place = place();
    place.run(&["export", "all.jsonl"]);
    let add = place.run(&["resource", "add", "https://WIKI.example/mcp/", "--db", "other.db"]);
    assert_eq!(add.code, 0, "{add:?}");
    let dry = import(&place, &["--dry-run", "--json"]).json();
    let taken = import(&place, &["--json"]).json();
    assert_eq!(taken, dry);
    assert_eq!(
        (&taken["already_here"], &taken["owner_here"]),
        (&json!(1), &json!(2)),
        "the server; its rule, and who is named: {taken}"
    );
    assert!(!place.run(&["export", "--db", "other.db"]).out.contains("delete_*"));
}

/// A code, a grant and its tokens, of whom or what has been removed.
#[test]
fn what_a_person_a_client_or_a_resource_had_stays_away_with_it() {
    let place = place();
    let now = Clock::System.now().0;
    Replaced::at(&place.path("old.db"), now)
        .client("one")
        .pair("one", '1', "NULL", (600, 6000))
        .code("one", '5', "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", 300);
    let moved = ["import", "fastmcp-sqlite", "old.db", "--user", "ada", "--old-issuer"];
    let moved = place.run(&[&moved[..], &["https://wiki.example/"]].concat());
    assert_eq!(moved.code, 0, "{moved:?}");
    let text = place.run(&["export"]).out;
    let before = text.split("{\"oauth_grants\"").next().unwrap();
    for remove in
        [["user", "remove", "ada"], ["client", "remove", "one"], ["resource", "remove", WIKI]]
    {
        let _none_yet = std::fs::remove_file(place.path("other.db"));
        place.file("all.jsonl", before, 0o600);
        assert_eq!(import(&place, &[]).code, 0);
        // The last owner stays.
        let owner = ["user", "add", "eve", "--role", "owner", "--password-stdin"];
        let owner = [&owner[..], &["--db", "other.db"]].concat();
        assert_eq!(place.run_with(&owner, "correct horse battery\n").code, 0);
        let removed = place.run(&[&remove[..], &["--db", "other.db"]].concat());
        assert_eq!(removed.code, 0, "{removed:?}");
        place.file("all.jsonl", &text, 0o600);
        let dry = import(&place, &["--dry-run", "--json"]).json();
        let again = import(&place, &["--json"]).json();
        assert_eq!(again, dry);
        assert_eq!(again["taken"], json!(0), "{remove:?}: {again}");
        let left = place.run(&["export", "--db", "other.db"]).out;
        for table in ["oauth_grants", "oauth_codes", "oauth_refresh_tokens", "oauth_tokens"] {
            assert!(text.contains(&format!("{{\"{table}\"")) && !left.contains(table), "{table}");
        }
    }
}

#[test]
fn whom_the_operator_has_removed_stays_away() {
    let place = place();
    place.run_with(&["user", "add", "bob", "--password-stdin"], "correct horse battery\n");
    place.run(&["resource", "allow", WIKI, "bob"]);
    place.run(&["export", "all.jsonl"]);
    assert_eq!(import(&place, &[]).code, 0);
    assert_eq!(place.run(&["user", "remove", "bob", "--db", "other.db"]).code, 0);
    let again = import(&place, &["--json"]).json();
    assert_eq!((&again["taken"], &again["removed_here"]), (&json!(0), &json!(2)), "{again}");
    let users = place.run(&["user", "list", "--json", "--db", "other.db"]).json();
    assert_eq!(users.as_array().unwrap().len(), 1);
}

#[test]
fn a_file_for_another_issuer_says_what_that_means() {
    let mut place = place();
    place.run(&["export", "all.jsonl"]);
    place.set("ISSUER", "https://auth.example");
    let said = import(&place, &[]);
    assert_eq!(said.code, 0);
    assert!(said.err.contains("http://127.0.0.1:8080") && said.err.contains("anew"), "{said:?}");
}

#[test]
fn what_is_no_export_is_refused_in_one_line_and_takes_nothing() {
    let place = place();
    place.run(&["export", "good.jsonl"]);
    let good = std::fs::read_to_string(place.path("good.jsonl")).unwrap();
    let (head, rest) = good.split_once('\n').unwrap();
    let users = "{\"users\":{\"id\":\"x\",\"username\":\"x\",\"role\":\"king\",\"created_at\":1,\"passkey_required\":false}}\n";
    for (text, why) in [
        (String::new(), "line 1: the file is empty"),
        ("{}\n".to_owned(), "line 1: this is no export"),
        (rest.to_owned(), "line 1: this is no export"),
        (good.replace("\"mcp_oauthd_export\":1", "\"mcp_oauthd_export\":2"), "a newer version"),
        (good.replacen("\"schema\":", "\"schema\":9", 1), "a newer version"),
        (format!("{head}\n{users}"), "line 2: role of users cannot be that"),
        (good.replacen("$argon2id", "argon2id", 1), "line 2: password_hash of users cannot be"),
        (format!("{head}\n{{\"sessions\":{{}}}}\n"), "line 2: this is no row of ours"),
        (good.replacen("\"username\":", "\"user\":", 1), "line 2: this is no row of ours"),
        (good[..good.len() - 9].to_owned(), "it is cut off"),
    ] {
        place.file("all.jsonl", &text, 0o600);
        let said = import(&place, &[]);
        assert_eq!((said.code, said.err.lines().count()), (1, 1), "{why}: {said:?}");
        assert!(said.err.contains(why), "{why}: {said:?}");
        let users = place.run(&["user", "list", "--json", "--db", "other.db"]).json();
        assert_eq!(users, json!([]), "{why}");
    }
    std::fs::write(place.path("all.jsonl"), b"\xff\xfe\n").unwrap();
    assert!(import(&place, &[]).err.contains("line 1: it is not text"));
    let missing = place.run(&["import", "nowhere.jsonl"]);
    assert_eq!((missing.code, missing.err.lines().count()), (69, 1), "{missing:?}");
    assert_eq!(place.run(&["import"]).code, 2);
}

/// Another person of the same name: which of the two is meant, nobody can know.
#[test]
fn what_has_no_place_here_is_refused() {
    let place = place();
    place.run(&["export", "all.jsonl"]);
    place.run_with(
        &["user", "add", "ada", "--password-stdin", "--db", "other.db"],
        "correct horse battery\n",
    );
    for more in [&["--dry-run"][..], &[]] {
        let said = import(&place, more);
        assert_eq!(said.code, 1);
        assert!(said.err.contains("line 2: another one of users is in its place here"), "{said:?}");
    }
    let id = place.run(&["resource", "list", "--json"]).json();
    let id = id[0]["introspection_id"].as_str().unwrap().to_owned();
    sql(&place, "DELETE FROM users");
    let add = ["resource", "add", "https://notes.example/mcp", "--id", &id, "--secret-stdin"];
    let secret = format!("{}\n", "s3cret".repeat(8));
    let added = place.run_with(&[&add[..], &["--db", "other.db"]].concat(), &secret);
    assert_eq!(added.code, 0, "{added:?}");
    for more in [&["--dry-run"][..], &[]] {
        let said = import(&place, more);
        assert!(said.err.contains("another one of resources is in its place here"), "{said:?}");
    }
}
