//! What the owner decides by command line: links, roles, who may use what, pause, and the end of it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Child;

use crate::support::Place;

const WIKI: &str = "https://wiki.example/mcp";

fn place() -> Place {
    let mut place = Place::new();
    place.set("ISSUER", "https://auth.example").set("SCOPES", "mcp read");
    place.run(&["resource", "add", WIKI, "--name", "Wiki"]);
    place.run_with(&["user", "add", "ada", "--password-stdin"], "correct horse\n");
    place
}

#[test]
fn an_invitation_is_a_link_alone_on_stdout() {
    let place = place();
    let said = place.run(&["user", "add", "bob", "--invite", "--role", "member"]);
    assert!(said.out.starts_with("https://auth.example/welcome?token=mln_"), "{said:?}");
    assert_eq!((said.code, said.out.lines().count()), (0, 1));
    let again = place.run(&["user", "invite", "bob", "--json"]).json();
    assert_eq!(again["name"], "bob");
    assert_ne!(again["link"], said.out.trim());
    let reset = place.run(&["user", "reset", "ada"]);
    assert!(reset.out.contains("/welcome?token=mln_"), "{reset:?}");
    for (arguments, code) in [
        (&["user", "add", "bob", "--invite"][..], 1),
        (&["user", "add", "eve"], 2),
        (&["user", "add", "eve", "--invite", "--password-stdin"], 2),
        (&["user", "invite", "nobody"], 1),
    ] {
        let refused = place.run(arguments);
        assert_eq!((refused.code, refused.out.as_str()), (code, ""), "{refused:?}");
    }
    place.run(&["user", "disable", "bob"]);
    assert_eq!(place.run(&["user", "reset", "bob"]).code, 1, "switched off");
    let here = place.run(&["user", "reset", "ada", "--issuer", "http://127.0.0.1:8080"]);
    assert!(here.err.contains("MCP_OAUTH_ISSUER"), "{here:?}");
}

#[test]
fn the_last_owner_stays() {
    let place = place();
    place.run(&["user", "add", "bob", "--invite"]);
    for arguments in [
        &["user", "role", "ada", "member"][..],
        &["user", "disable", "ada"],
        &["user", "remove", "ada"],
    ] {
        let refused = place.run(arguments);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.err.contains("last owner"), "{refused:?}");
    }
    assert_eq!(place.run(&["user", "role", "bob", "owner"]).code, 0);
    assert_eq!(place.run(&["user", "role", "ada", "member"]).code, 1, "he has not come yet");
    place.run_with(
        &["user", "add", "eve", "--password-stdin", "--role", "owner"],
        "battery staple\n",
    );
    assert_eq!(place.run(&["user", "role", "ada", "member"]).code, 0);
    assert_eq!(place.run(&["user", "role", "ada", "king"]).code, 2);
    let list = place.run(&["user", "list", "--json"]).json();
    let roles: Vec<_> = list.as_array().unwrap().iter().map(|user| &user["role"]).collect();
    assert_eq!(roles, ["member", "owner", "owner"]);
}

#[test]
fn who_may_use_a_resource_is_said_and_shown() {
    let place = place();
    let resource = |more: &[&str]| place.run(&[&["resource"], more].concat());
    let refused = resource(&["disallow", "Wiki", "ada"]);
    assert!(refused.code == 1 && refused.err.contains("audience"), "{refused:?}");
    assert_eq!(resource(&["allow", "Wiki", "ada", "--scope", "read"]).code, 0);
    assert_eq!(resource(&["allow", "Wiki", "ada", "--scope", "admin"]).code, 1, "is not offered");
    assert_eq!(resource(&["allow", "Wiki", "nobody"]).code, 1);
    assert_eq!(resource(&["allow", "Notes", "ada"]).code, 1);
    assert_eq!(resource(&["audience", "Wiki", "named", "--scope", "read"]).code, 1);
    assert_eq!(resource(&["audience", WIKI, "named"]).code, 0);
    let people = resource(&["people", "Wiki", "--json"]).json();
    assert_eq!((&people[0]["name"], &people[0]["scope"]), (&"ada".into(), &"read".into()));
    assert_eq!(resource(&["list", "--json"]).json()[0]["audience"], "named");
    assert!(resource(&["list"]).out.contains("named"));
    assert_eq!(resource(&["disallow", "Wiki", "ada"]).code, 0);
    assert_eq!(resource(&["people", "Wiki", "--json"]).json(), serde_json::json!([]));
    assert_eq!(resource(&["audience", "Wiki", "everybody", "--scope", "read"]).code, 0);
    assert_eq!(resource(&["list", "--json"]).json()[0]["scope"], "read");
}

#[test]
fn the_scopes_of_a_resource_and_the_limit_of_a_client_are_said_and_shown() {
    let mut place = place();
    place.set("SCOPES", "read write mcp").set("SCOPE_INCLUDES", "write=read");
    let run = |arguments: &[&str]| place.run(arguments);
    assert_eq!(run(&["resource", "scopes", "Wiki"]).code, 2, "which?");
    assert_eq!(run(&["resource", "scopes", "Wiki", "read", "--all"]).code, 2);
    let refused = run(&["resource", "scopes", "Wiki", "delete"]);
    assert!(refused.code == 1 && refused.err.contains("offered"), "{refused:?}");
    assert_eq!(run(&["resource", "scopes", "Wiki", ""]).code, 1);
    assert_eq!(run(&["resource", "scopes", "Notes", "read"]).code, 1);
    let said = run(&["resource", "scopes", "Wiki", "write"]);
    assert_eq!(said.out, "there is read write to be had there now; 0 grants have ended\n");
    assert_eq!(run(&["resource", "list", "--json"]).json()[0]["scopes"], "read write");
    let rule = ["resource", "rule", "add", "Wiki", "--needs", "mcp", "--name", "x"];
    assert_eq!(run(&rule).code, 1, "there is none of it there");
    assert_eq!(run(&["resource", "allow", "Wiki", "ada", "--scope", "mcp"]).code, 1);
    assert_eq!(run(&["resource", "scopes", "Wiki", "--all"]).code, 0);
    assert!(run(&["resource", "list", "--json"]).json()[0]["scopes"].is_null());

    let uri = "https://app.example/cb";
    let add = ["client", "add", "App", "--redirect-uri", uri, "--scope", "write", "--json"];
    let added = run(&add).json();
    assert_eq!(added["ceiling"], "read write", "with what it includes");
    let id = added["client_id"].as_str().unwrap();
    let ceiling = || run(&["client", "show", id, "--json"]).json()["ceiling"].clone();
    let said = run(&["client", "limit", id, "read"]);
    assert_eq!(said.out, "the client may have read now; 0 grants have ended\n");
    assert_eq!(ceiling(), "read");
    assert!(run(&["client", "show", id]).out.contains("ceiling"));
    assert_eq!(run(&["client", "limit", id, "delete"]).code, 1);
    assert_eq!(run(&["client", "limit", id]).code, 2);
    assert_eq!(ceiling(), "read", "what is refused changes nothing");
    assert_eq!(run(&["client", "limit", id, "--none"]).code, 0);
    assert!(ceiling().is_null());
    assert_eq!(run(&["client", "limit", "mcpcunknown", "read"]).code, 1);
}

#[test]
fn pausing_and_ending_say_what_they_did() {
    let place = place();
    place.run(&["resource", "add", "https://notes.example/mcp"]);
    let paused = place.run(&["access", "pause", "Wiki"]);
    assert_eq!(paused.out, "1 MCP servers are paused; no token is good there\n");
    let list = place.run(&["resource", "list", "--json"]).json();
    assert!(list[0]["paused_at"].is_number() && list[1]["paused_at"].is_null(), "{list}");
    assert!(place.run(&["resource", "list"]).out.contains("paused"));
    assert!(place.run(&["access", "pause"]).out.starts_with("1 "), "the other one");
    assert!(place.run(&["access", "resume"]).out.starts_with("2 "));
    assert_eq!(place.run(&["access", "pause", "nothing"]).code, 1);
    for which in [
        &["--all"][..],
        &["--user", "ada"],
        &["--client", "mcpcunknown"],
        &["--mcp-server", "Wiki"],
    ] {
        let ended = place.run(&[&["grant", "revoke"], which].concat());
        assert_eq!(ended.out, "0 grants have ended\n", "{ended:?}");
    }
    assert_eq!(place.run(&["grant", "revoke"]).code, 2, "which?");
    assert_eq!(place.run(&["grant", "revoke", "--all", "--user", "ada"]).code, 2);
    assert_eq!(place.run(&["grant", "revoke", "--mcp-server", "nothing"]).code, 1);
}

#[test]
fn a_disabled_client_can_be_let_in_again() {
    let place = place();
    let id = place.run(&["client", "add", "Agent", "--redirect-uri", "https://h.example/cb"]).out;
    let id = id.trim();
    assert_eq!(place.run(&["client", "enable", id]).code, 1, "it is not disabled");
    assert_eq!(place.run(&["client", "disable", id]).code, 0);
    assert_eq!(place.run(&["client", "enable", id]).code, 0);
    assert_eq!(place.run(&["client", "show", id, "--json"]).json()["disabled"], false);
}

/// Ends the service with the test.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[test]
fn a_running_service_obeys_at_the_next_request() {
    let mut place = Place::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    place.set("LISTEN", &format!("127.0.0.1:{port}")).set("ISSUER", &url);
    let added = place.run(&["resource", "add", WIKI, "--name", "Wiki", "--json"]).json();
    let mut child = place.spawn(&["serve"]);
    let mut printed = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut printed).unwrap();
    let _served = Served(child);
    let ready = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        place.run(&["healthcheck"]).code == 0
    });
    assert!(ready);
    let gate = format!("{url}/gate/{}", added["introspection_id"].as_str().unwrap());
    let link = place.run(&["user", "add", "ada", "--invite"]).out;
    let status = |address: &str| {
        let path = address.strip_prefix(&url).unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse::<u16>().unwrap()
    };
    assert_eq!((status(&gate), status(link.trim())), (401, 200));
    assert_eq!(place.run(&["access", "pause"]).code, 0);
    assert_eq!(status(&gate), 503);
    assert_eq!(place.run(&["access", "resume"]).code, 0);
    assert_eq!(status(&gate), 401);
    let newer = place.run(&["user", "invite", "ada"]).out;
    assert_eq!((status(link.trim()), status(newer.trim())), (403, 200));
}
