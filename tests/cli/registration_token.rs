//! `registration-token`: who may register where not everybody may.

use crate::support::Place;

#[test]
fn a_token_is_printed_once_and_alone() {
    let mut place = Place::new();
    place.set("REGISTRATION", "token");
    let added = place.run(&["registration-token", "add", "for Ada", "--uses", "2"]);
    assert_eq!((added.code, added.out.lines().count()), (0, 1), "{added:?}");
    let token = added.out.trim();
    assert!(token.starts_with("mia_") && !added.err.contains(token), "{added:?}");
    let add = ["registration-token", "add", "for Bob", "--expires", "7d", "--json"];
    let json = place.run(&add).json();
    assert!(json["token"].as_str().unwrap().starts_with("mia_"));
    let week = json["expires_at"].as_i64().unwrap() - json["created_at"].as_i64().unwrap();
    assert_eq!((week, &json["works"]), (7 * 86_400, &true.into()));
    let listed = place.run(&["registration-token", "list", "--json"]);
    assert!(!listed.out.contains("mia_"), "{listed:?}");
    let listed = listed.json();
    let names = listed.as_array().unwrap().iter().map(|token| token["name"].as_str().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["for Ada", "for Bob"]);
    assert_eq!(listed[0]["uses_left"], 2);
    let table = place.run(&["registration-token", "list"]).out;
    assert!(table.starts_with("NAME") && table.contains("for Ada") && table.contains("works"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let place = Place::new();
    assert_eq!(place.run(&["registration-token", "list"]).code, 69, "there is no database yet");
    let hinted = place.run(&["registration-token", "add", "mine"]);
    assert_eq!(hinted.code, 0);
    assert!(hinted.err.contains("MCP_OAUTH_REGISTRATION"), "nobody needs it: {hinted:?}");
    for (arguments, code) in [
        (&["mine"][..], 1),
        (&[""], 1),
        (&["a", "--expires", "0"], 1),
        (&["a", "--uses", "0"], 2),
        (&["a", "--uses", "-1"], 2),
        (&["a", "--expires", "soon"], 2),
        (&["a", "--expires", "-1d"], 2),
    ] {
        let refused = place.run(&[&["registration-token", "add"], arguments].concat());
        assert_eq!((refused.code, refused.out.as_str()), (code, ""), "{arguments:?} {refused:?}");
    }
}

#[test]
fn a_removed_token_is_gone() {
    let place = Place::new();
    place.run(&["registration-token", "add", "mine"]);
    assert_eq!(place.run(&["registration-token", "remove", "mine"]).code, 0);
    let gone = place.run(&["registration-token", "remove", "mine"]);
    assert_eq!((gone.code, gone.err.as_str()), (1, "error: there is no token of this name\n"));
    assert_eq!(place.run(&["registration-token", "list", "--json"]).json(), serde_json::json!([]));
}
