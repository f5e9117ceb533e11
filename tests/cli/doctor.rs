//! `doctor`, before a service that runs, and behind proxies each of which has one fault.

use std::net::TcpListener;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::stand_in::{Answered, Asked, proxy};
use crate::support::{Place, Said};

/// A service, and a proxy before it with this fault.
struct World {
    place: Place,
    service: Child,
    resource: String,
}

impl Drop for World {
    fn drop(&mut self) {
        let _gone = self.service.kill();
        let _gone = self.service.wait();
    }
}

fn free() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

impl World {
    fn new(fault: impl Fn(&Asked, &mut Answered) + Send + Sync + 'static) -> Self {
        Self::with(&[], fault)
    }

    fn with(
        settings: &[(&str, &str)],
        fault: impl Fn(&Asked, &mut Answered) + Send + Sync + 'static,
    ) -> Self {
        let (outside, mut place) = (free(), Place::new());
        let origin = format!("http://{}", outside.local_addr().unwrap());
        let service = free().local_addr().unwrap().to_string();
        let resource = format!("{origin}/mcp");
        let secret = place.file("secret", "a-secret-of-the-wiki", 0o600);
        let password = place.file("password", "correct horse battery", 0o600);
        place.set("ISSUER", &origin).set("LISTEN", &service).set("RESOURCE", &resource);
        place.set("INTROSPECTION_ID", "wiki").set("INTROSPECTION_SECRET_FILE", &secret);
        place.set("OWNER", "ada").set("OWNER_PASSWORD_FILE", &password);
        for (name, value) in settings {
            place.set(name, value);
        }
        proxy(outside, service, Arc::new(fault));
        let world = Self { service: place.spawn(&["serve"]), place, resource };
        let begun = Instant::now();
        while world.place.run(&["healthcheck"]).code != 0 {
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        world
    }

    fn doctor(&self) -> Vec<Value> {
        found(&self.place.run(&["doctor", "--json"]))
    }

    /// The one finding of this check that is not fine, which is the cause of exit code 1, or not.
    fn fault(&self, check: &str, verdict: &str) -> String {
        let said = self.place.run(&["doctor", "--json"]);
        let found = found(&said);
        let of_check: Vec<_> = found.iter().filter(|one| one["check"] == check).collect();
        let bad: Vec<_> = of_check.iter().filter(|one| one["verdict"] == verdict).collect();
        assert_eq!(bad.len(), 1, "{check}: {found:#?}");
        let any_wrong = found.iter().any(|one| one["verdict"] == "wrong");
        assert_eq!(
            (said.code, any_wrong),
            (i32::from(any_wrong), verdict == "wrong"),
            "{found:#?}"
        );
        format!("{} -> {}", bad[0]["says"].as_str().unwrap(), bad[0]["mend"].as_str().unwrap())
    }
}

fn found(said: &Said) -> Vec<Value> {
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

fn no_fault(_: &Asked, _: &mut Answered) {}

fn is_metadata(asked: &Asked) -> bool {
    asked.path == "/.well-known/oauth-authorization-server" && asked.method == "GET"
}

#[test]
fn where_all_is_well_every_line_says_so() {
    let world = World::new(no_fault);
    let said = world.place.run(&["doctor"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    let odd: Vec<_> = said.out.lines().filter(|line| !line.starts_with("ok ")).collect();
    assert_eq!(odd.len(), 1, "{said:?}");
    assert!(odd[0].starts_with("unknown   buffering: ") && odd[0].contains(" -> "), "{odd:?}");
    let checks = ["names", "metadata", "variants", "resource", "challenge", "token header"];
    let more = ["preflight", "endpoints", "user agents", "clock", "ready", "database", "network"];
    for check in checks.iter().chain(&more) {
        assert!(said.out.contains(&format!("ok        {check}: ")), "{check}: {said:?}");
    }
}

#[test]
fn nothing_is_registered_and_nobody_is_signed_in_by_it() {
    let world = World::new(no_fault);
    let before = world.place.run(&["client", "list", "--json"]).out;
    assert!(world.doctor().iter().all(|one| one["verdict"] != "wrong"));
    assert_eq!(world.place.run(&["client", "list", "--json"]).out, before);
    assert_eq!(world.place.run(&["grant", "list", "--json"]).json(), serde_json::json!([]));
}

#[test]
fn it_is_one_story_among_the_attempts_to_connect_and_no_failure() {
    let mut world = World::new(no_fault);
    world.doctor();
    Command::new("kill").args(["-TERM", &world.service.id().to_string()]).status().unwrap();
    assert!(world.service.wait().unwrap().success());
    let list = world.place.run(&["connection", "list", "--json"]).json();
    assert_eq!(list.as_array().unwrap().len(), 1, "{list:#}");
    assert_eq!(
        (&list[0]["app"], &list[0]["state"]),
        (&"mcp-oauthd-doctor".into(), &"ended".into())
    );
    assert!(list[0]["cause"].as_str().unwrap().contains("`doctor`"), "{list:#}");
}

#[test]
fn a_proxy_that_eats_the_challenge_is_found() {
    let world = World::new(|_, answered| answered.remove("www-authenticate"));
    let said = world.fault("challenge", "wrong");
    assert!(said.contains("401 without WWW-Authenticate") && said.contains("always"), "{said}");
}

#[test]
fn a_proxy_that_eats_the_token_is_found() {
    // As it looks from outside: the gate has seen no token.
    let world = World::new(|asked, answered| {
        if asked.path == "/mcp" && asked.header("authorization").is_some() {
            let header = answered.headers.iter_mut().find(|(name, _)| name == "www-authenticate");
            let value = &mut header.unwrap().1;
            let start = value.find(", error=").unwrap();
            value.truncate(start);
        }
    });
    let said = world.fault("token header", "doubtful");
    assert!(said.contains("may not arrive") && said.contains("proxy_set_header"), "{said}");
}

#[test]
fn a_web_app_at_every_path_is_found() {
    let world = World::new(|asked, answered| {
        if asked.path.starts_with("/.well-known/") && asked.method == "GET" {
            answered.become_one(200, "text/html", "<html>");
        }
    });
    let found = world.doctor();
    for check in ["metadata", "variants", "resource"] {
        let of_check = found.iter().find(|one| one["check"] == check && one["verdict"] == "wrong");
        let mend = of_check.unwrap()["mend"].as_str().unwrap();
        assert!(mend.contains("a page at every path") || mend.contains("answer 404"), "{mend}");
    }
}

#[test]
fn a_post_that_is_sent_elsewhere_is_found() {
    let world = World::new(|asked, answered| {
        if asked.method == "POST" && asked.path == "/token" {
            answered.become_one(308, "text/html", "");
            answered.set("location", "https://www.h.example/token");
        }
    });
    let said = world.fault("endpoints", "wrong");
    assert!(said.contains("308 to https://www.h.example/token"), "{said}");
    assert!(said.contains("without redirect"), "{said}");
}

#[test]
fn a_bot_filter_is_found_by_those_whom_it_turns_away() {
    let world = World::new(|asked, answered| {
        if asked.header("user-agent").is_some_and(|agent| agent.starts_with("Claude-User")) {
            answered.become_one(403, "text/html", "<html>Just a moment...");
            answered.set("server", "cloudflare");
        }
    });
    let found = world.doctor();
    let of_check: Vec<_> = found.iter().filter(|one| one["check"] == "user agents").collect();
    assert_eq!(of_check.len(), 4, "metadata, resource, MCP server and token: {found:#?}");
    for one in of_check {
        let (says, mend) = (one["says"].as_str().unwrap(), one["mend"].as_str().unwrap());
        assert!(says.contains("403 text/html, from cloudflare"), "{one}");
        assert!(says.ends_with("if the user agent is Claude-User"), "{one}");
        assert!(mend.contains("160.79.104.0/21"), "{one}");
    }
}

#[test]
fn another_issuer_and_one_with_a_slash_are_found() {
    for (add, word) in [("/", "a slash at the end"), ("0", "another address")] {
        let world = World::new(move |asked, answered| {
            if is_metadata(asked) {
                let old = r#"","authorization_endpoint""#;
                answered.reword(old, &format!("{add}{old}"));
            }
        });
        let said = world.fault("metadata", "wrong");
        assert!(said.contains(word) && said.contains("MCP_OAUTH_ISSUER"), "{said}");
    }
}

#[test]
fn members_that_are_null_are_found() {
    let world = World::new(|asked, answered| {
        if is_metadata(asked) {
            answered.reword("{", r#"{"jwks_uri":null,"#);
        }
    });
    let said = world.fault("metadata", "wrong");
    assert!(said.contains("null (jwks_uri)") && said.contains("leave them out"), "{said}");
}

#[test]
fn a_resource_of_another_spelling_is_found_where_it_is_typed() {
    let world = World::new(no_fault);
    let typed = format!("{}/", world.resource);
    let said = world.place.run(&["doctor", &typed, "--json"]);
    let found = found(&said);
    assert_eq!(said.code, 1, "{found:#?}");
    let of = |check: &str| {
        let one = found.iter().find(|one| one["check"] == check).unwrap();
        format!("{} {} -> {}", one["verdict"], one["says"], one["mend"])
    };
    assert!(of("resource").contains("a slash at the end"), "{found:#?}");
    assert!(
        of("registered").contains(&format!("have people type {}", world.resource)),
        "{found:#?}"
    );
}

#[test]
fn a_resource_that_nobody_knows_is_found() {
    let world = World::new(no_fault);
    let typed = world.resource.replace("/mcp", "/other");
    let found = found(&world.place.run(&["doctor", &typed, "--json"]));
    let one = found.iter().find(|one| one["check"] == "registered").unwrap();
    assert_eq!(one["mend"].as_str().unwrap(), format!("mcp-oauthd resource add {typed}"));
}

#[test]
fn a_server_that_fails_where_nothing_is_stops_clients_and_is_found() {
    let world = World::new(|asked, answered| {
        if asked.path == "/.well-known/openid-configuration" {
            answered.become_one(500, "text/plain", "no");
        }
    });
    let said = world.fault("variants", "wrong");
    assert!(said.contains("openid-configuration answers 500") && said.contains("404"), "{said}");
}

#[test]
fn an_mcp_server_that_lets_everybody_in_is_found() {
    let world = World::new(|asked, answered| {
        if asked.path == "/mcp" && asked.method != "OPTIONS" {
            answered.become_one(200, "application/json", "{}");
        }
    });
    let said = world.fault("challenge", "wrong");
    assert!(said.contains("lets everybody in") && said.contains("put the gate"), "{said}");
}

#[test]
fn a_preflight_that_needs_a_token_is_found() {
    let world = World::new(|asked, answered| {
        if asked.method == "OPTIONS" && asked.path == "/mcp" {
            answered.become_one(401, "text/plain", "");
        }
    });
    let said = world.fault("preflight", "wrong");
    assert!(said.contains("MCP Inspector") && said.contains("answer OPTIONS by 204"), "{said}");
}

#[test]
fn a_probe_by_head_that_finds_nothing_is_doubtful() {
    let world = World::new(|asked, answered| {
        if asked.method == "HEAD" && asked.path == "/mcp" {
            answered.become_one(405, "text/plain", "");
        }
    });
    let said = world.fault("challenge", "doubtful");
    assert!(said.contains("Gemini CLI"), "{said}");
}

#[test]
fn a_clock_that_is_wrong_is_found() {
    let world = World::new(|_, answered| answered.set("date", "Fri, 15 Jan 2027 07:55:00 GMT"));
    let said = world.fault("clock", "wrong");
    assert!(said.contains("ahead of this machine") || said.contains("behind"), "{said}");
    assert!(said.contains("NTP"), "{said}");
}

#[test]
fn short_lifetimes_are_doubtful() {
    let world = World::with(&[("ACCESS_TOKEN_LIFETIME", "5m")], no_fault);
    let said = world.fault("settings", "doubtful");
    assert!(
        said.contains("Gemini CLI") && said.contains("MCP_OAUTH_ACCESS_TOKEN_LIFETIME"),
        "{said}"
    );
}

#[test]
fn whom_the_operator_keeps_out_is_said() {
    let mut place = Place::new();
    let nobody = format!("http://{}", free().local_addr().unwrap());
    place.set("ISSUER", &nobody).set("RESOURCE", &format!("{nobody}/mcp"));
    place.set("CLIENTS", "ask").set("REGISTRATION", "off");
    let said = place.run(&["doctor"]).out;
    for words in ["a new app waits for an owner's yes", "no app can register"] {
        assert!(said.contains(&format!("ok        settings: {words} (MCP_OAUTH_")), "{said}");
    }
}

#[test]
fn nobody_can_sign_in_for_all_clients_at_once() {
    let url = "http://127.0.0.1:1/mcp";
    let said = Place::new().run(&["doctor", "--as", "all", "--through", url]);
    assert_eq!((said.code, said.out.as_str()), (2, ""), "{said:?}");
    assert!(said.err.contains("one client at a time"), "{said:?}");
}

#[test]
fn where_nobody_answers_that_is_said_once_and_nothing_is_made() {
    let place = {
        let mut place = Place::new();
        let nobody = free().local_addr().unwrap();
        let origin = format!("http://{nobody}");
        place.set("ISSUER", &origin).set("LISTEN", &nobody.to_string());
        place.set("RESOURCE", &format!("{origin}/mcp"));
        place
    };
    let said = place.run(&["doctor"]);
    assert_eq!(said.code, 1, "{said:?}");
    let wrong: Vec<_> = said.out.lines().filter(|line| line.starts_with("WRONG")).collect();
    assert_eq!(wrong.len(), 1, "{said:?}");
    assert!(wrong[0].starts_with("WRONG     reach: nobody is at 127.0.0.1:"), "{said:?}");
    assert!(said.out.contains("unknown   database: there is no database at"), "{said:?}");
    assert_eq!(std::fs::read_dir(place.folder()).unwrap().count(), 0);
}

#[test]
fn a_public_name_that_is_no_name_is_found_and_what_cannot_be_known_is_said() {
    let mut place = Place::new();
    place.set("ISSUER", "https://auth.invalid").set("LISTEN", "127.0.0.1:1");
    let found = found(&place.run(&["doctor", "https://wiki.invalid:8443/mcp", "--json"]));
    let wrong: Vec<_> = found.iter().filter(|one| one["verdict"] == "wrong").collect();
    let checks: Vec<_> = wrong.iter().map(|one| one["check"].as_str().unwrap()).collect();
    assert_eq!(checks, ["names", "names", "port"], "{found:#?}");
    let network = found.iter().find(|one| one["check"] == "network").unwrap();
    assert_eq!(network["verdict"], "unknown");
    assert!(network["mend"].as_str().unwrap().contains("connection list"), "{network}");
}

#[test]
fn clients_elsewhere_cannot_sign_in_on_this_machine() {
    let mut place = Place::new();
    let nobody = free().local_addr().unwrap().to_string();
    place.set("ISSUER", &format!("http://{nobody}")).set("LISTEN", &nobody);
    let found = found(&place.run(&["doctor", "https://wiki.invalid/mcp", "--json"]));
    assert_eq!((&found[0]["check"], &found[0]["verdict"]), (&"settings".into(), &"wrong".into()));
    assert!(found[0]["mend"].as_str().unwrap().contains("MCP_OAUTH_ISSUER"), "{found:#?}");
}

#[test]
fn without_an_mcp_server_there_is_nothing_to_look_at() {
    let said = Place::new().run(&["doctor"]);
    assert_eq!((said.code, said.out.as_str()), (78, ""), "{said:?}");
    assert!(said.err.contains("MCP_OAUTH_RESOURCE"), "{said:?}");
}

#[test]
fn the_database_is_looked_at_as_it_is() {
    let mut place = Place::new();
    let nobody = free().local_addr().unwrap().to_string();
    place.set("ISSUER", &format!("http://{nobody}")).set("LISTEN", &nobody);
    place.set("RESOURCE", &format!("http://{nobody}/mcp"));
    let of_database = |place: &Place| {
        let found = found(&place.run(&["doctor", "--json"]));
        let one = found.into_iter().find(|one| one["check"] == "database").unwrap();
        format!("{} {}", one["verdict"], one["says"])
    };
    place.file("mcp_oauth.db", "this is no database, but a text that is long enough", 0o600);
    assert!(of_database(&place).starts_with("\"wrong\""), "{}", of_database(&place));
    std::fs::remove_file(place.path("mcp_oauth.db")).unwrap();
    let resource = format!("http://{nobody}/mcp");
    assert_eq!(place.run(&["resource", "add", &resource]).code, 0);
    let names = || -> Vec<_> {
        let files = std::fs::read_dir(place.folder()).unwrap();
        files.map(|file| file.unwrap().file_name()).collect()
    };
    let before = names();
    assert!(of_database(&place).contains("is whole: schema "), "{}", of_database(&place));
    assert_eq!(names(), before, "no file is made beside it");
    place.set("DB", ":memory:");
    assert!(
        of_database(&place).starts_with("\"doubtful\" \"it is :memory:"),
        "{}",
        of_database(&place)
    );
}
