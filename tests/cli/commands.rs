//! `user`, `resource`, `client`, `grant`, `gc`, `config`, and the rest.

use crate::support::Place;

const PASSWORD: &str = "correct horse battery\n";

#[test]
fn the_first_user_is_the_owner_and_names_are_taken_once() {
    let place = Place::new();
    let added =
        place.run_with(&["user", "add", "Ada", "--password-stdin", "--json"], PASSWORD).json();
    assert_eq!((&added["name"], &added["role"]), (&"ada".into(), &"owner".into()));
    let member = place.run_with(&["user", "add", "bob", "--password-stdin"], PASSWORD);
    assert_eq!((member.code, member.out.as_str()), (0, "bob (member) can sign in\n"));
    let taken = place.run_with(&["user", "add", "ADA", "--password-stdin"], PASSWORD);
    assert_eq!((taken.code, taken.err.as_str()), (1, "error: somebody has this name already\n"));
    for (name, password) in
        [("a b", PASSWORD), ("eve", "short\n"), ("eve", ""), ("eve", "password1\n")]
    {
        let refused = place.run_with(&["user", "add", name, "--password-stdin"], password);
        assert_eq!((refused.code, refused.err.lines().count()), (1, 1), "{refused:?}");
    }
    assert_eq!(place.run(&["user", "add", "eve"]).code, 2, "a password is no argument");
    let names: Vec<_> = place.run(&["user", "list", "--json"]).json().as_array().unwrap().clone();
    assert_eq!(
        names.iter().map(|user| user["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["ada", "bob"]
    );
}

#[test]
fn users_are_changed_disabled_and_removed() {
    let place = Place::new();
    // The owner, who stays.
    place.run_with(&["user", "add", "eve", "--password-stdin"], PASSWORD);
    place.run_with(&["user", "add", "ada", "--password-stdin"], PASSWORD);
    assert_eq!(
        place.run_with(&["user", "passwd", "ada", "--password-stdin"], "another password\n").code,
        0
    );
    assert_eq!(place.run(&["user", "disable", "ada"]).code, 0);
    assert_eq!(place.run(&["user", "disable", "ada"]).code, 1, "already");
    assert!(place.run(&["user", "list"]).out.contains("disabled"));
    assert_eq!(place.run(&["user", "disable", "ada", "--undo"]).code, 0);
    assert_eq!(place.run(&["user", "disable", "ada", "--undo"]).code, 1, "already");
    assert_eq!(place.run(&["user", "remove", "ada"]).code, 0);
    for command in ["disable", "remove"] {
        let nobody = place.run(&["user", command, "ada"]);
        assert_eq!((nobody.code, nobody.err.as_str()), (1, "error: nobody has this name\n"));
    }
}

#[test]
fn a_second_factor_is_reset_only_where_there_is_one() {
    let place = Place::new();
    place.run_with(&["user", "add", "ada", "--password-stdin"], PASSWORD);
    let none = place.run(&["user", "reset-second-factor", "ada"]);
    assert_eq!((none.code, none.err.as_str()), (1, "error: the account has no second factor\n"));
    let nobody = place.run(&["user", "reset-second-factor", "eve"]);
    assert_eq!((nobody.code, nobody.err.as_str()), (1, "error: nobody has this name\n"));
}

#[test]
fn a_resource_prints_its_secret_once_and_alone() {
    let place = Place::new();
    let added = place.run(&["resource", "add", "https://wiki.example/mcp", "--name", "Wiki"]);
    assert_eq!((added.code, added.out.lines().count()), (0, 1), "{added:?}");
    let secret = added.out.trim();
    assert!(secret.starts_with("mcpk") && !added.err.contains(secret));
    let json = place.run(&["resource", "add", "https://notes.example/mcp", "--json"]).json();
    assert!(json["introspection_id"].as_str().unwrap().starts_with("mcpr"));
    assert!(json["introspection_secret"].as_str().unwrap().starts_with("mcpk"));
    let own = ["resource", "add", "https://own.example", "--id", "own", "--secret-stdin"];
    let own = place.run_with(&own, "a secret of my own choice\n");
    assert_eq!((own.code, own.out.as_str()), (0, ""), "what was given is not printed again");
    let taken = place.run(&["resource", "add", "https://WIKI.example/mcp/"]);
    assert_eq!(taken.code, 1);
    let listed = place.run(&["resource", "list", "--json"]);
    assert!(!listed.out.contains("mcpk") && listed.json().as_array().unwrap().len() == 3);
    assert_eq!(
        listed.json()[0]["resource"],
        "https://wiki.example/mcp",
        "the first is the default"
    );
    let rotated = place.run(&["resource", "rotate-secret", "https://wiki.example/mcp"]);
    assert!(rotated.out.starts_with("mcpk") && rotated.out != added.out);
    assert_eq!(place.run(&["resource", "remove", "own"]).code, 0);
    assert_eq!(place.run(&["resource", "remove", "own"]).code, 1);
    assert_eq!(place.run(&["resource", "add", "wiki"]).code, 1);
    let short = ["resource", "add", "https://s.example", "--id", "s", "--secret-stdin"];
    assert_eq!(place.run_with(&short, "short\n").code, 1);
}

#[test]
fn rules_of_a_resource_are_added_listed_and_removed() {
    let mut place = Place::new();
    place.set("SCOPES", "wiki:read wiki:admin");
    place.run(&["resource", "add", "https://wiki.example/mcp"]);
    let rule = |arguments: &[&str]| {
        let resource = ["resource", "rule", arguments[0], "https://wiki.example/mcp"];
        place.run(&[&resource, &arguments[1..]].concat())
    };
    let needs = ["add", "--needs", "wiki:admin", "--name", "delete_*", "--name", "purge"];
    assert_eq!((rule(&needs).code, rule(&needs).code), (0, 1), "once");
    assert_eq!(rule(&["add", "--only", "wiki:read", "--method", "prompts/get"]).code, 0);
    for (arguments, code) in [
        (&["add", "--needs", "wiki:admn"][..], 1),
        (&["add", "--needs", "wiki:admin wiki:read"], 1),
        (&["add", "--needs", "wiki:admin", "--name", ""], 1),
        (&["add", "--needs", "wiki:admin", "--only", "wiki:read"], 2),
        (&["add"], 2),
        (&["remove", "99"], 1),
    ] {
        let refused = rule(arguments);
        assert_eq!(refused.code, code, "{refused:?}");
    }
    let listed = rule(&["list", "--json"]).json();
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|rule| &rule["name"]).collect();
    assert_eq!(names, ["delete_*", "purge", "*"]);
    assert_eq!((&listed[0]["kind"], &listed[2]["kind"]), (&"needs".into(), &"only".into()));
    assert!(rule(&["list"]).out.contains("tools/call purge needs wiki:admin"));
    let id = listed[1]["id"].to_string();
    assert_eq!((rule(&["remove", &id]).code, rule(&["remove", &id]).code), (0, 1));
    assert_eq!(rule(&["list", "--json"]).json().as_array().unwrap().len(), 2);
    place.run(&["resource", "remove", "https://wiki.example/mcp"]);
    place.run(&["resource", "add", "https://wiki.example/mcp"]);
    assert_eq!(rule(&["list", "--json"]).json().as_array().unwrap().len(), 0, "gone with it");
}

#[test]
fn the_recipe_of_a_proxy_is_printed_alone() {
    let mut place = Place::new();
    place.set("ISSUER", "https://wiki.example/as").set("SCOPES", "mcp admin");
    place.run(&["resource", "add", "https://wiki.example", "--name", "Wiki"]);
    let snippet = |more: &[&str]| place.run(&[&["resource", "snippet"], more].concat());
    let named = snippet(&["Wiki", "--proxy", "nginx", "--scope", "mcp admin"]);
    assert!(named.code == 0 && named.err.is_empty(), "{named:?}");
    assert!(named.out.starts_with("# nginx in front of https://wiki.example,"), "{}", named.out);
    assert!(named.out.contains("/admin+mcp;") && named.out.ends_with("}\n"), "{}", named.out);
    let by_url = snippet(&["https://WIKI.example/", "--proxy", "nginx", "--scope", "admin mcp"]);
    assert_eq!(by_url.out, named.out);
    let elsewhere = snippet(&["Wiki", "--proxy", "caddy", "--upstream", "mcp:9000"]);
    assert!(elsewhere.out.contains("reverse_proxy mcp:9000 {"), "{}", elsewhere.out);
    for (arguments, code, why) in [
        (&["Wiki"][..], 2, "--proxy"),
        (&["Wiki", "--proxy", "apache"], 2, "nginx"),
        (&["Wiki", "--proxy", "nginx", "--upstream", "9000"], 2, "is not HOST:PORT"),
        (&["Notes", "--proxy", "nginx"], 1, "there is no resource"),
        (&["Wiki", "--proxy", "nginx", "--scope", "root"], 1, "these are: admin mcp"),
        (&["Wiki", "--proxy", "nginx", "--issuer", "https://wiki.example"], 1, "both at the root"),
    ] {
        let refused = snippet(arguments);
        assert_eq!((refused.code, refused.out.as_str()), (code, ""), "{refused:?}");
        assert!(refused.err.contains(why), "{refused:?}");
    }
    place.run(&["resource", "add", "https://other.example", "--name", "Wiki"]);
    assert_eq!(snippet(&["Wiki", "--proxy", "nginx"]).code, 1, "which of the two?");
}

#[test]
fn clients_are_added_by_the_rules_of_registration() {
    let place = Place::new();
    let uri = ["--redirect-uri", "https://h.example/cb"];
    let id = place.run(&[&["client", "add", "Agent"][..], &uri].concat());
    assert!(id.out.starts_with("mcpc"), "{id:?}");
    let json = place
        .run(&[&["client", "add", "Server", "--confidential", "--json"][..], &uri].concat())
        .json();
    assert!(json["client_secret"].as_str().unwrap().starts_with("mcps"));
    let refused = place.run(&["client", "add", "Evil", "--redirect-uri", "http://h.example/cb"]);
    assert_eq!((refused.code, refused.err.lines().count()), (1, 1), "{refused:?}");
    let shown = place.run(&["client", "show", id.out.trim(), "--json"]).json();
    assert_eq!((&shown["client_name"], &shown["origin"]), (&"Agent".into(), &"configured".into()));
    assert!(place.run(&["client", "list"]).out.contains("Agent"));
    let waiting = place.run(&["client", "list", "--waiting", "--json"]).json();
    assert_eq!(waiting, serde_json::json!([]), "nobody has met it");
    let approved = place.run(&["client", "approve", id.out.trim()]);
    assert_eq!(approved.code, 0, "{approved:?}");
    for what in [id.out.trim(), "Agent", "https://h.example/cb"] {
        assert!(approved.out.contains(what), "what was approved is said: {approved:?}");
    }
    let again = place.run(&["client", "approve", id.out.trim()]);
    assert_eq!((again.code, again.err.as_str()), (1, "error: it was approved before\n"));
    let shown = place.run(&["client", "show", id.out.trim(), "--json"]).json();
    assert!(shown["approved_at"].is_i64(), "{shown}");
    assert_eq!(place.run(&["client", "disable", id.out.trim()]).code, 0);
    for (command, why) in [
        ("approve", "it is disabled: enable it first"),
        ("disable", "the client is disabled already"),
    ] {
        let refused = place.run(&["client", command, id.out.trim()]);
        assert_eq!((refused.code, refused.err), (1, format!("error: {why}\n")));
    }
    assert_eq!(place.run(&["client", "enable", id.out.trim()]).code, 0);
    let enabled = place.run(&["client", "enable", id.out.trim()]);
    assert_eq!(enabled.err, "error: the client is not disabled\n");
    assert_eq!(place.run(&["client", "remove", id.out.trim()]).code, 0);
    assert_eq!(place.run(&["client", "show", id.out.trim()]).code, 1);
}

#[test]
fn a_client_that_is_not_there_is_said_to_be_none() {
    let place = Place::new();
    place.run(&["client", "add", "Agent", "--redirect-uri", "https://h.example/cb"]);
    for arguments in [
        &["show", "nobody"][..],
        &["approve", "nobody"],
        &["limit", "nobody", "--none"],
        &["disable", "nobody"],
        &["enable", "nobody"],
        &["remove", "nobody"],
    ] {
        let said = place.run(&[&["client"], arguments].concat());
        let none = (1, "error: there is no such client\n");
        assert_eq!((said.code, said.err.as_str()), none, "{arguments:?}");
    }
}

#[test]
fn a_client_is_shown_as_people_read() {
    let place = Place::new();
    let uris =
        ["--redirect-uri", "https://h.example/cb", "--redirect-uri", "http://127.0.0.1/callback"];
    let added = place.run(&[&["client", "add", "Agent"][..], &uris].concat());
    let id = added.out.trim();
    let json = place.run(&["client", "show", id, "--json"]).json();
    let at = mcp_oauthd::clock::UnixTime(json["created_at"].as_i64().unwrap()).to_string();
    let text = place.run(&["client", "show", id]).out;
    let rows: Vec<_> = text.lines().map(|line| line.split_once("  ").unwrap()).collect();
    let has =
        |name: &str, value: &str| rows.iter().any(|row| (row.0, row.1.trim()) == (name, value));
    assert!(has("CLIENT ID", id), "{text}");
    for (name, value) in [
        ("client_name", "Agent"),
        ("created_at", at.as_str()),
        ("disabled", "no"),
        ("redirect_uris", "https://h.example/cb"),
        ("redirect_uris", "http://127.0.0.1/callback"),
        ("grant_types", "authorization_code"),
    ] {
        assert!(has(name, value), "{name} {value}: {text}");
    }
    assert!(!text.contains(['[', '{', '"']), "{text}");
}

#[test]
fn commands_that_make_no_database_say_where_it_is_missing() {
    let place = Place::new();
    for arguments in [
        &["user", "list"][..],
        &["resource", "list"],
        &["client", "list"],
        &["grant", "list"],
        &["grant", "revoke", "1"],
        &["gc"],
    ] {
        let said = place.run(arguments);
        assert_eq!((said.code, said.out.as_str()), (69, ""), "{arguments:?}");
        assert_eq!(said.err, "error: there is no database at mcp_oauth.db\n");
    }
    assert_eq!(std::fs::read_dir(place.folder()).unwrap().count(), 0, "and leave nothing behind");
}

#[test]
fn grants_and_clean_up_on_an_empty_database() {
    let place = Place::new();
    place.run(&["resource", "add", "https://wiki.example/mcp"]);
    assert_eq!(place.run(&["grant", "list", "--json"]).json(), serde_json::json!([]));
    assert_eq!(place.run(&["grant", "revoke", "1"]).code, 1);
    assert_eq!(place.run(&["grant", "list", "--user", "nobody"]).code, 1);
    assert_eq!(place.run(&["gc"]).out, "0 rows deleted\n");
}

#[test]
fn the_tables_of_resources_are_shown_without_their_secrets() {
    let place = Place::new();
    let file = place.file(
        "config.toml",
        "[[resource]]\nurl = \"https://wiki.example/mcp\"\nname = \"Wiki\"\n\
         introspection_id = \"wiki\"\nintrospection_secret = \"a-secret-of-the-wiki\"\n\
         [[resource]]\nurl = \"https://notes.example/mcp\"",
        0o600,
    );
    let shown = place.run(&["config", "show", "--json", "--config", &file]);
    assert!(!shown.out.contains("a-secret"), "{shown:?}");
    let shown = shown.json();
    let rows = shown.as_array().unwrap().iter();
    let rows: Vec<_> = rows
        .filter_map(|row| Some((row["setting"].as_str()?, row["value"].as_str()?)))
        .filter_map(|(setting, value)| Some((setting.strip_prefix("[[resource]] ")?, value)))
        .collect();
    let expected = [
        ("url", "https://wiki.example/mcp"),
        ("name", "Wiki"),
        ("introspection_id", "wiki"),
        ("introspection_secret", "********"),
        ("url", "https://notes.example/mcp"),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn settings_are_shown_with_their_origin_and_without_secrets() {
    let mut place = Place::new();
    let secret = place.file("secret", "a very long secret\n", 0o600);
    place.set("INTROSPECTION_SECRET_FILE", &secret).set("SCOPES", "read");
    let said = place.run(&["config", "show", "--json", "--resource", "https://wiki.example"]);
    assert!(!said.out.contains("a very long secret"));
    let shown = said.json();
    let origin = |name: &str| {
        let all = shown.as_array().unwrap();
        let one = all.iter().find(|shown| shown["setting"] == name).unwrap();
        (one["value"].as_str().unwrap().to_owned(), one["origin"].as_str().unwrap().to_owned())
    };
    assert_eq!(origin("resource"), ("https://wiki.example".into(), "flag".into()));
    assert_eq!(origin("scopes"), ("read".into(), "environment".into()));
    assert_eq!(origin("introspection_secret"), ("********".into(), format!("file {secret}")));
    assert_eq!(origin("listen"), ("127.0.0.1:8080".into(), "default".into()));
    let example = place.run(&["config", "example"]).out;
    let file = place.file("config.toml", &example, 0o600);
    assert_eq!(
        place.run(&["config", "show", "--config", &file, "--resource", "https://a.example"]).code,
        0
    );
}

#[test]
fn help_manual_and_completions() {
    let place = Place::new();
    let bare = place.run(&[]);
    assert!(bare.code == 2 && bare.err.contains("serve"), "a bare call prints help");
    assert_eq!(place.run(&["nonsense"]).code, 2);
    for (command, usage) in [
        (["client", "limit"], "[OPTIONS] <ID> <SCOPE|--none>"),
        (["resource", "scopes"], "[OPTIONS] <RESOURCE> <SCOPES|--all>"),
    ] {
        let [room, verb] = command;
        let help = place.run(&[room, verb, "--help"]).out;
        assert!(help.contains(&format!("Usage: mcp-oauthd {room} {verb} {usage}\n")), "{help}");
    }
    assert!(place.run(&["man"]).out.contains(".TH mcp-oauthd"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.run(&["completions", shell]).out.contains("healthcheck"), "{shell}");
    }
    assert!(
        !place.run(&["serve", "--help"]).out.contains("--owner-password"),
        "no secret is an argument"
    );
}
