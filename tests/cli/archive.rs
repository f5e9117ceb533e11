//! `export`, and `import` of what it has written.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

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

    assert_eq!(import(&place, &["--dry-run"]).code, 69, "there is nothing to compare with");
    let taken = import(&place, &["--json"]).json();
    assert_eq!((&taken["taken"], &taken["already_here"]), (&json!(all.len() - 1), &json!(0)));
    let again = import(&place, &[]);
    assert_eq!(again.out, format!("taken: 0 rows; here already: {}\n", all.len() - 1));
    assert_eq!(place.run(&["export", "--db", "other.db"]).out, text);
    let through = place.run_with(&["import", "-", "--db", "third.db"], &text);
    assert_eq!(through.code, 0, "{through:?}");
    assert_eq!(place.run(&["export", "--db", "third.db"]).out, text);
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
    let said = import(&place, &[]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("line 2: another one of users is in its place here"), "{said:?}");
}
