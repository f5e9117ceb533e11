//! `client document`: copies that are kept, shipped, and laid down.

use crate::support::Place;

const URL: &str = "https://app.example/client.json";

fn document(name: &str) -> String {
    format!(
        r#"{{"client_id":"{URL}","client_name":"{name}","redirect_uris":["https://app.example/cb"]}}"#
    )
}

#[test]
fn a_document_is_laid_down_shown_replaced_and_removed() {
    let place = Place::new();
    let file = place.file("client.json", &document("Notes"), 0o644);
    let added = place.run(&["client", "document", "add", URL, &file]);
    assert_eq!(added.code, 0, "{added:?}");
    let shown = place.run(&["client", "document", "show", URL, "--json"]).json();
    assert_eq!((&shown["source"], &shown["kept"]), (&"operator".into(), &true.into()));
    assert_eq!(shown["document"]["client_name"], "Notes");
    assert!(shown.get("fresh_until").is_none(), "it is never asked for");
    let client = place.run(&["client", "show", URL, "--json"]).json();
    assert_eq!(
        (&client["origin"], &client["document"]["source"], &client["token_endpoint_auth_method"]),
        (&"metadata_document".into(), &"operator".into(), &"none".into())
    );
    let replaced = place.run_with(&["client", "document", "add", URL, "-"], &document("Wiki"));
    assert_eq!(replaced.code, 0, "{replaced:?}");
    assert!(place.run(&["client", "list"]).out.contains("Wiki"));

    assert_eq!(place.run(&["client", "document", "remove", URL]).code, 0);
    for command in ["remove", "show"] {
        let gone = place.run(&["client", "document", command, URL]);
        assert_eq!(
            (gone.code, gone.err.as_str()),
            (1, "error: no copy of this document is kept\n"),
            "{command}"
        );
    }
    assert_eq!(place.run(&["client", "show", URL]).code, 1, "nobody had used it");
}

#[test]
fn shipped_copies_are_listed_until_something_nearer_is_kept() {
    let place = Place::new();
    let claude = "https://claude.ai/oauth/mcp-oauth-client-metadata";
    let file = place.file("claude.json", &document("Claude").replace(URL, claude), 0o644);
    place.run(&["client", "document", "add", claude, &file]);
    let listed = place.run(&["client", "document", "list", "--json"]).json();
    let source = |id: &str| {
        let found = listed.as_array().unwrap().iter().filter(|copy| copy["client_id"] == id);
        found.map(|copy| copy["source"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(source(claude), ["operator"]);
    assert_eq!(source("https://zed.dev/oauth/client-metadata.json"), ["shipped"]);
    let table = place.run(&["client", "document", "list"]).out;
    assert!(table.contains("2026-09-21T00:00:00Z") && table.contains("never"), "{table}");
    let own = "https://chatgpt.com/oauth/7NsWlQyClcg9/client.json";
    let derived = place.run(&["client", "document", "show", own]).out;
    assert!(derived.contains("https://chatgpt.com/connector/oauth/7NsWlQyClcg9"), "{derived}");
}

#[test]
fn what_is_no_document_of_this_address_is_not_laid_down() {
    let place = Place::new();
    place.run_with(&["user", "add", "ada", "--password-stdin"], "correct horse battery\n");
    let long = document(&"x".repeat(6000));
    for (text, cause) in [
        (document("Notes").replace("/client.json", "/other.json"), "client_id"),
        (document("Notes").replace('}', r#","client_secret":"s"}"#), "client_secret"),
        ("[]".to_owned(), "JSON"),
        (long, "5120 bytes"),
    ] {
        let refused = place.run_with(&["client", "document", "add", URL, "-"], &text);
        assert!(refused.code == 1 && refused.err.contains(cause), "{cause}: {refused:?}");
        assert_eq!(refused.err.lines().count(), 1);
    }
    assert_eq!(place.run(&["client", "document", "add", URL, "nowhere.json"]).code, 1);
    for url in ["http://app.example/c", "https://app.example", "https://app.example/a/../c"] {
        assert_eq!(place.run(&["client", "document", "show", url]).code, 2, "{url}");
    }
    assert_eq!(place.run(&["client", "list", "--json"]).json().as_array().unwrap().len(), 0);
}
