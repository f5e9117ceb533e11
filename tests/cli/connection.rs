//! `connection`: how an attempt to connect went, on a terminal and for programs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use crate::support::Place;

/// A client that looks at the metadata, registers wrongly, and goes.
fn attempt(place: &mut Place) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    place.set("LISTEN", &address).set("ISSUER", &format!("http://{address}"));
    let mut child = place.spawn(&["serve"]);
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let body = r#"{"redirect_uris":["ftp://x"]}"#;
    for request in [
        "GET /.well-known/oauth-authorization-server HTTP/1.1\r\n".to_owned(),
        format!(
            "POST /register HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        ),
    ] {
        let mut stream = TcpStream::connect(&address).unwrap();
        let body = if request.starts_with("POST") { body } else { "" };
        let head = "host: x\r\nuser-agent: odd\u{9b}app/1\r\nconnection: close";
        stream.write_all(format!("{request}{head}\r\n\r\n{body}").as_bytes()).unwrap();
        stream.read_to_string(&mut String::new()).unwrap();
    }
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn an_attempt_is_listed_and_shown_with_its_cause_and_its_mend() {
    let mut place = Place::new();
    attempt(&mut place);
    let list = place.run(&["connection", "list", "--json"]).json();
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    let one = &list[0];
    assert_eq!(
        (one["state"].as_str(), one["network"].as_str()),
        (Some("failed"), Some("127.0.0.1"))
    );
    assert!(one["cause"].as_str().unwrap().contains("invalid_redirect_uri"), "{one}");
    assert!(one.get("steps").is_none());
    let id = one["id"].as_str().unwrap();
    let shown = place.run(&["connection", "show", id, "--json"]).json();
    assert_eq!(shown["steps"][0]["step"], "The metadata of this service was fetched");
    assert_eq!(shown["steps"][1]["step"], "The registration was refused");
    let shown = place.run(&["connection", "show", id]);
    assert!(shown.out.contains("mend") && shown.out.contains("The redirect URIs of the app"));
    assert!(!shown.out.contains('\u{9b}'), "{shown:?}");
    let list = place.run(&["connection", "list", "--state", "failed"]);
    assert!(list.out.contains("CAUSE") && list.out.contains(id), "{list:?}");
    let none = place.run(&["connection", "list", "--state", "connected", "--json"]).json();
    assert_eq!(none, serde_json::json!([]));
    let none = place.run(&["connection", "list", "--client", "mcpcNobody", "--json"]).json();
    assert_eq!(none, serde_json::json!([]));
}

#[test]
fn what_is_not_there_is_one_line() {
    let place = Place::new();
    let said = place.run(&["connection", "list"]);
    assert_eq!(said.code, 69, "{said:?}");
    let mut place = Place::new();
    attempt(&mut place);
    let said = place.run(&["connection", "show", "1"]);
    let nothing =
        "error: there is no such attempt, or it is not kept any more: see `connection list`\n";
    assert_eq!((said.code, said.err.as_str()), (1, nothing));
    let said = place.run(&["connection", "show", "nosuch"]);
    assert!(said.code == 2 && said.err.contains("an attempt has a number"), "{said:?}");
}
