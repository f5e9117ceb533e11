//! `issuer`: a move to another URL is told before it is made, made once, and taken back.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::Place;

const OLD: &str = "https://auth.example.com";
const NEW: &str = "https://login.example.org";

/// With a client that the operator has added, an MCP server on the old host, and one elsewhere.
fn place() -> Place {
    let mut place = Place::new();
    place.set("ISSUER", OLD);
    let client = ["client", "add", "Desk\u{1b}[2J", "--redirect-uri", "http://127.0.0.1/cb"];
    assert_eq!(place.run(&client).code, 0);
    for url in ["https://auth.example.com/mcp", "https://wiki.example.org/mcp"] {
        assert_eq!(place.run(&["resource", "add", url]).code, 0);
    }
    place
}

fn issuers(place: &Place) -> Value {
    place.run(&["issuer", "list", "--json"]).json()
}

fn events(place: &Place) -> Vec<(String, String)> {
    let all = place.run(&["audit", "list", "--json"]).json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = all.as_array().unwrap().iter();
    let all = all.map(|event| (text(&event["event"]), text(&event["detail"])));
    all.filter(|(event, _)| event.starts_with("issuer.")).collect()
}

#[test]
fn without_yes_it_only_says_whom_it_concerns_and_what_to_do() {
    let place = place();
    let said = place.run(&["issuer", "move", NEW]);
    assert_eq!(said.code, 0, "{said:?}");
    for text in [
        &format!("to be moved: {OLD} -> {NEW}"),
        "and 1 apps without a live login",
        &format!("mcp-oauthd issuer move {NEW} --yes"),
        &format!("set MCP_OAUTH_ISSUER={NEW}, and restart"),
        "https://wiki.example.org/mcp",
        "the old name stays, for https://auth.example.com/mcp is there",
    ] {
        assert!(said.out.contains(text), "{text}: {}", said.out);
    }
    assert!(said.err.contains("nothing is changed yet") && !said.out.contains('\u{1b}'));
    assert_eq!(issuers(&place), json!({ "present": OLD, "former": [] }));
    assert_eq!(events(&place), []);
    let told = place.run(&["issuer", "move", NEW, "--json"]).json();
    let client = &told["concerned"]["clients"][0];
    assert_eq!((&client["origin"], &client["live_logins"]), (&json!("configured"), &json!(0)));
    assert_eq!(client["afterwards"], "is_set_up_again_by_hand");
    assert_eq!((&told["done"], &told["former_is_kept"]), (&json!(false), &json!(true)));
}

#[test]
fn what_cannot_be_an_issuer_is_refused() {
    let place = place();
    for to in
        ["http://login.example.org", "https://h.example?x", "https://h.example#x", "h.example"]
    {
        let said = place.run(&["issuer", "move", to, "--yes"]);
        assert_eq!(said.code, 2, "{to}: {said:?}");
    }
    let both = ["issuer", "move", NEW, "--keep", "1d", "--until", "2030-01-01T00:00:00Z"];
    assert_eq!(place.run(&both).code, 2);
    assert_eq!(issuers(&place)["former"], json!([]));
    let nowhere = Place::new().run(&["issuer", "move", NEW]);
    assert_eq!(nowhere.code, 69, "{nowhere:?}");
}

#[test]
fn what_a_shell_without_the_settings_takes_for_the_issuer_is_not_left() {
    let mut place = place();
    place.set("ISSUER", "http://127.0.0.1:8080");
    let said = place.run(&["issuer", "move", NEW, "--yes"]);
    assert!(said.code == 1 && said.err.contains("not on record"), "{said:?}");
    assert_eq!(issuers(&place)["former"], json!([]));
}

#[test]
fn another_path_has_mcp_servers_ask_elsewhere() {
    let said = place().run(&["issuer", "move", &format!("{NEW}/as")]);
    assert!(said.out.contains("ask about tokens at /as/introspect"), "{}", said.out);
}

#[test]
fn it_is_made_once_and_listed_and_forgotten() {
    let place = place();
    let until = "2030-01-01T00:00:00Z";
    let said = place.run(&["issuer", "move", NEW, "--yes", "--until", until]);
    assert!(said.code == 0 && said.out.contains(&format!("moved: {OLD} -> {NEW}")), "{said:?}");
    let listed = issuers(&place);
    assert_eq!(listed["present"], NEW);
    assert_eq!(listed["former"][0]["issuer"], OLD);
    assert_eq!(listed["former"][0]["until"], 1_893_456_000);
    let again = place.run(&["issuer", "move", NEW, "--yes"]);
    assert!(again.code == 0 && again.err.contains("there is nothing to do"), "{again:?}");
    assert_eq!(issuers(&place), listed);
    assert_eq!(
        events(&place),
        [("issuer.moved".to_owned(), format!("from {OLD} to {NEW}"))],
        "and no other"
    );
    let table = place.run(&["issuer", "list"]).out;
    assert!(table.contains(&format!("answered for until {until}")), "{table}");
    assert_eq!(place.run(&["issuer", "forget", NEW]).code, 1);
    assert_eq!(place.run(&["issuer", "forget", OLD]).code, 0);
    assert_eq!(place.run(&["issuer", "forget", OLD]).code, 1);
    assert_eq!(issuers(&place), json!({ "present": NEW, "former": [] }));
    assert_eq!(events(&place)[0], ("issuer.forgotten".to_owned(), OLD.to_owned()));
}

#[test]
fn going_back_leaves_no_trace_of_the_way_back() {
    let place = place();
    assert_eq!(place.run(&["issuer", "move", NEW, "--yes"]).code, 0);
    assert_eq!(place.run(&["issuer", "move", OLD, "--yes"]).code, 0);
    let listed = issuers(&place);
    assert_eq!((&listed["present"], &listed["former"][0]["issuer"]), (&json!(OLD), &json!(NEW)));
    assert_eq!(listed["former"].as_array().unwrap().len(), 1);
}

#[test]
fn two_spellings_of_one_place_cannot_both_be_answered() {
    let place = place();
    let slash = format!("{OLD}/");
    let said = place.run(&["issuer", "move", &slash, "--yes"]);
    assert!(said.out.contains("is answered for no more"), "{said:?}");
    let former = &issuers(&place)["former"][0];
    assert_eq!(former["since"], former["until"]);
}

/// What `serve` has in its log when it starts under this name.
fn start(place: &mut Place, issuer: &str) -> String {
    place.set("LISTEN", "127.0.0.1:0").set("ISSUER", issuer);
    let mut child = place.spawn(&["serve"]);
    let mut link = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut link).unwrap();
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{log}");
    log
}

#[test]
fn a_start_under_another_name_says_whom_it_strands_until_the_move_is_recorded() {
    let mut place = place();
    assert!(!start(&mut place, OLD).contains("issuer move"));
    for _ in 0..2 {
        let log = start(&mut place, NEW);
        let warnings: Vec<_> = log.lines().filter(|line| line.contains("issuer move")).collect();
        assert_eq!(warnings.len(), 1, "{log}");
        for text in ["WARN", OLD, NEW, "1 apps", &format!("mcp-oauthd issuer move {NEW}")] {
            assert!(warnings[0].contains(text), "{text}: {log}");
        }
    }
    // Under the new settings, and still it is the former one that clients are bound to.
    let said = place.run(&["issuer", "move", NEW, "--yes"]);
    assert!(said.out.contains(&format!("moved: {OLD} -> {NEW}")), "{said:?}");
    let log = start(&mut place, NEW);
    assert!(!log.contains("issuer move") && log.contains("answering for a former issuer"), "{log}");
    assert!(log.contains(OLD), "{log}");
    let log = start(&mut place, OLD);
    assert!(log.contains(&format!("the move to {NEW} is recorded")), "{log}");
}

#[test]
fn a_start_under_another_name_is_nothing_to_say_where_nobody_is_bound() {
    let mut place = Place::new();
    for issuer in [OLD, NEW, OLD] {
        assert!(!start(&mut place, issuer).contains("issuer move"));
        assert_eq!(issuers(&place)["present"], issuer);
    }
}
