//! `audit`: every command that changes who may do what leaves its record, and no secret is in any.

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use serde_json::Value;

use crate::support::Place;

const WIKI: &str = "https://wiki.example.org/mcp";
const PASSWORD: &str = "correct horse battery";

/// The events that are new since there were `known`, the oldest first.
fn news(place: &Place, known: &mut usize) -> Vec<String> {
    let all = place.run(&["audit", "list", "--limit", "10000", "--json"]).json();
    let all = all.as_array().unwrap();
    let new = all.iter().take(all.len() - *known).rev();
    let new = new.map(|event| event["event"].as_str().unwrap().to_owned()).collect();
    *known = all.len();
    new
}

#[test]
fn every_administrative_command_leaves_its_record_without_a_secret() {
    let place = Place::new();
    let mut known = 0;
    let mut secrets = vec![PASSWORD.to_owned()];
    let mut client = String::new();
    let password =
        |words: &[&str]| (words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>(), PASSWORD);
    let plain = |words: &[&str]| (words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>(), "");
    for ((command, input), events) in [
        (password(&["user", "add", "ada", "--password-stdin"]), &["user.added"][..]),
        (plain(&["user", "add", "bob", "--invite"]), &["user.added", "user.invited"]),
        (plain(&["user", "invite", "bob"]), &["user.invited"]),
        (password(&["user", "passwd", "ada", "--password-stdin"]), &["user.password_changed"]),
        (plain(&["user", "reset", "ada"]), &["user.reset_offered"]),
        (plain(&["user", "role", "bob", "owner"]), &["user.role_changed"]),
        (plain(&["user", "disable", "bob"]), &["user.disabled"]),
        (plain(&["user", "disable", "bob", "--undo"]), &["user.enabled"]),
        (plain(&["resource", "add", WIKI]), &["resource.added"]),
        (plain(&["resource", "rotate-secret", WIKI]), &["resource.secret_rotated"]),
        (plain(&["resource", "audience", WIKI, "named"]), &["resource.audience_changed"]),
        (plain(&["resource", "allow", WIKI, "ada"]), &["resource.person_allowed"]),
        (plain(&["resource", "disallow", WIKI, "ada"]), &["resource.person_disallowed"]),
        (plain(&["access", "pause"]), &["resource.paused"]),
        (plain(&["access", "resume"]), &["resource.resumed"]),
        (plain(&["registration-token", "add", "desk"]), &["registration_token.added"]),
        (plain(&["client", "disable", "CLIENT"]), &["client.disabled"]),
        (plain(&["client", "enable", "CLIENT"]), &["client.enabled"]),
        (plain(&["client", "remove", "CLIENT"]), &["client.removed"]),
        (plain(&["resource", "remove", WIKI]), &["resource.removed"]),
        (plain(&["user", "remove", "bob"]), &["user.removed"]),
    ] {
        if command[1] == "disable" && command[0] == "client" {
            let arguments = ["client", "add", "x", "--redirect-uri", "http://127.0.0.1/cb"];
            let added = place.run(&[&arguments[..], &["--json"]].concat()).json();
            client = added["client_id"].as_str().unwrap().to_owned();
            secrets.extend(added["client_secret"].as_str().map(str::to_owned));
            assert_eq!(news(&place, &mut known), ["client.added"]);
        }
        let words: Vec<&str> = command
            .iter()
            .map(|word| if word == "CLIENT" { &client } else { word.as_str() })
            .collect();
        let said = place.run_with(&words, input);
        assert_eq!(said.code, 0, "{words:?} {said:?}");
        // A secret or a link stands alone on its line.
        secrets
            .extend(said.out.split_whitespace().filter(|word| word.len() > 30).map(str::to_owned));
        let recorded = news(&place, &mut known);
        for event in events {
            assert!(recorded.iter().any(|one| one == event), "{words:?}: {recorded:?}");
        }
    }
    let record = place.run(&["audit", "list", "--limit", "10000", "--json"]).out;
    assert!(secrets.len() > 5, "{secrets:?}");
    for secret in secrets {
        let secret = secret.rsplit('=').next().unwrap();
        assert!(!record.contains(secret), "{secret}");
    }
}

#[test]
fn the_record_is_narrowed_by_time_person_and_client() {
    let place = Place::new();
    for name in ["ada", "bob"] {
        place.run_with(&["user", "add", name, "--password-stdin"], PASSWORD);
    }
    place.run(&["user", "disable", "bob"]);
    let list = |narrowing: &[&str]| -> Vec<Value> {
        let said = place.run(&[&["audit", "list", "--json"], narrowing].concat()).json();
        said.as_array().unwrap().clone()
    };
    let all = list(&[]);
    assert_eq!(all[0]["event"], "user.disabled", "the newest first");
    assert_eq!((all[0]["username"].as_str(), all.len()), (Some("bob"), 3));
    let of_bob = list(&["--user", "bob"]);
    assert_eq!(of_bob.len(), 2);
    assert!(of_bob.iter().all(|event| event["username"] == "bob"), "{of_bob:?}");
    let sub = of_bob[0]["sub"].as_str().unwrap();
    place.run(&["user", "remove", "bob"]);
    assert_eq!(list(&["--user", sub]).len(), 3, "whoever is gone is found by the sub");
    assert_eq!(list(&["--since", "1h"]).len(), 4);
    assert_eq!(list(&["--since", "2020-01-01T00:00:00Z", "--limit", "2"]).len(), 2);
    assert_eq!(list(&["--since", "2099-01-01T00:00:00Z"]).len(), 0);
    assert_eq!(list(&["--client", "mcpcNobody"]).len(), 0);
    assert_eq!(place.run(&["audit", "list", "--since", "yesterday"]).code, 2);
    let table = place.run(&["audit", "list", "--user", "ada"]);
    assert!(table.out.contains("EVENT") && table.out.contains("user.added"), "{table:?}");
}

#[test]
fn what_only_a_newer_program_knows_is_shown_as_it_stands() {
    let place = Place::new();
    place.run_with(&["user", "add", "ada", "--password-stdin"], PASSWORD);
    let path = place.path("mcp_oauth.db").display().to_string();
    let newer = "INSERT INTO events (at, kind, detail) VALUES (77, 'moon.landed', 'softly')";
    SqliteConnection::establish(&path).unwrap().batch_execute(newer).unwrap();
    let all = place.run(&["audit", "list", "--json"]).json();
    assert_eq!((&all[0]["event"], &all[0]["detail"]), (&"moon.landed".into(), &"softly".into()));
    assert_eq!(all[1]["event"], "user.added");
    let table = place.run(&["audit", "list"]);
    assert!(table.out.contains("moon.landed"), "{table:?}");
}
