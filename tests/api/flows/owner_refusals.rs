//! The owner's pages to everybody else, and their forms without what makes them ours.

use reqwest::header::ORIGIN;

use super::account::{add, signed_in};
use super::owner::{address, confirm, id_of};
use crate::support::{Browser, OAuthClient, TestServer, USER, page};

/// Pages that only show something.
const SHOWN: [&str; 6] = [
    "/owner",
    "/owner/resources",
    "/owner/people",
    "/owner/clients",
    "/owner/grants",
    "/owner/emergency",
];
/// Pages of one MCP server, one person, one app.
const OF_ONE: [&str; 3] = ["/owner/resources/one", "/owner/people/one", "/owner/clients/one"];
/// Forms that want a recent sign-in, each about what kind of thing.
const FORMS: [(&str, Kind); 22] = [
    ("/owner/resources/new", Kind::Nothing),
    ("/owner/resources/secret", Kind::Resource),
    ("/owner/resources/pause", Kind::Resource),
    ("/owner/resources/resume", Kind::Resource),
    ("/owner/resources/remove", Kind::Resource),
    ("/owner/people/new", Kind::Nothing),
    ("/owner/people/link", Kind::Person),
    ("/owner/people/make-owner", Kind::Person),
    ("/owner/people/make-member", Kind::Person),
    ("/owner/people/disable", Kind::Person),
    ("/owner/people/enable", Kind::Person),
    ("/owner/people/remove-second-factor", Kind::Person),
    ("/owner/people/forget-ways", Kind::Person),
    ("/owner/people/end", Kind::Person),
    ("/owner/people/remove", Kind::Person),
    ("/owner/clients/disable", Kind::Client),
    ("/owner/clients/enable", Kind::Client),
    ("/owner/clients/end", Kind::Client),
    ("/owner/clients/remove", Kind::Client),
    ("/owner/emergency/pause", Kind::Nothing),
    ("/owner/emergency/resume", Kind::Nothing),
    ("/owner/emergency/end", Kind::Nothing),
];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Nothing,
    Resource,
    Person,
    Client,
}

/// A server with a member and an app; what each kind of form is about.
async fn world() -> (TestServer, impl Fn(Kind) -> String) {
    let server = TestServer::spawn().await;
    add(&server, "bob").await;
    let client = OAuthClient::register(&server).await;
    let bob = id_of(&server, "bob").await.to_string();
    let about = move |kind| match kind {
        Kind::Nothing => String::new(),
        Kind::Resource => "wiki".to_owned(),
        Kind::Person => bob.clone(),
        Kind::Client => client.id.clone(),
    };
    (server, about)
}

#[tokio::test]
async fn a_stranger_is_sent_to_the_sign_in_and_a_member_is_told_no_by_every_verb() {
    let (server, about) = world().await;
    let (stranger, member) = (Browser::new(&server), signed_in(&server, "bob").await);
    let others = ["/owner/resources/access", "/owner/resources/audience", "/owner/grants/end"];
    let forms = FORMS.map(|(path, kind)| (path, about(kind)));
    let shown = SHOWN.iter().chain(&OF_ONE).chain(&others).map(|path| (*path, "wiki".to_owned()));
    for (path, id) in forms.into_iter().chain(shown) {
        let place = stranger.get(&address(path, &id)).await;
        let expected = (303, "/sign-in?to=owner");
        assert_eq!((place.status, place.header("location")), expected, "{path}");
        assert_eq!(member.get(&address(path, &id)).await.status, 403, "{path}");
    }
    let posts = ["/owner/resources/name", "/owner/resources/audience", "/owner/resources/person"];
    let more = ["/owner/resources/person/remove", "/owner/grants/end"];
    for path in FORMS.iter().map(|(path, _)| path).chain(&posts).chain(&more) {
        let fields = [("id", "wiki"), ("csrf", "x")];
        let sent = stranger.post(path, &fields).await;
        assert_eq!((sent.status, sent.header("location")), (303, "/sign-in?to=owner"), "{path}");
        let sent = member.post(path, &fields).await;
        assert_eq!(sent.status, 403, "{path}");
        assert!(sent.text.contains("for the owner of this server"), "{path}: {}", sent.text);
    }
    assert!(!member.get("/account").await.text.contains("/owner"), "nor are there links to them");
    assert!(signed_in(&server, USER).await.get("/account").await.text.contains("\"/owner\""));
}

#[tokio::test]
async fn no_form_is_taken_without_its_proof_or_with_another_ones() {
    let (server, about) = world().await;
    let (owner, other_browser) = (signed_in(&server, USER).await, signed_in(&server, USER).await);
    for (path, kind) in FORMS {
        let id = about(kind);
        let foreign = other_browser.get(&address(path, &id)).await;
        assert_eq!(foreign.status, 200, "{path}");
        let foreign = foreign.csrf(path);
        let elsewhere = owner.get(&address("/owner/emergency/pause", "")).await;
        let elsewhere = elsewhere.csrf("/owner/emergency/pause");
        let mut proofs = vec!["", "x", &foreign];
        if path != "/owner/emergency/pause" {
            proofs.push(&elsewhere);
        }
        for csrf in proofs {
            let sent = owner.post(path, &[("csrf", csrf), ("id", &id)]).await;
            assert_eq!(sent.status, 403, "{path} with {csrf:?}");
            assert!(sent.text.contains("This page was out of date"), "{}", sent.text);
        }
    }
    assert!(!owner.get("/owner").await.text.contains("is paused"), "nothing has happened");
    let mine = owner.get("/owner/emergency/pause").await.csrf("/owner/emergency/pause");
    let request = owner.http.post(format!("{}/owner/emergency/pause", server.url));
    let sent = request.header(ORIGIN, "https://evil.example").form(&[("csrf", &*mine), ("id", "")]);
    assert_eq!(page(sent).await.status, 403, "from another origin");
}

#[tokio::test]
async fn a_proof_is_for_one_thing_and_not_for_another() {
    let (server, about) = world().await;
    let owner = signed_in(&server, USER).await;
    let ada = id_of(&server, USER).await.to_string();
    let page = owner.get(&address("/owner/people/end", &about(Kind::Person))).await;
    let csrf = page.csrf("/owner/people/end");
    let sent = owner.post("/owner/people/end", &[("csrf", &csrf), ("id", &ada)]).await;
    assert_eq!(sent.status, 403);
    assert_eq!(owner.get("/owner").await.status, 200, "and ada is still signed in");
}

#[tokio::test]
async fn what_changes_everybodys_access_wants_a_recent_sign_in() {
    let (server, about) = world().await;
    let owner = signed_in(&server, USER).await;
    let proof = owner.get("/owner/emergency/end").await.csrf("/owner/emergency/end");
    server.advance(16 * 60);
    for (path, kind) in FORMS {
        let place = owner.get(&address(path, &about(kind))).await;
        let expected = (303, "/sign-in?to=owner");
        assert_eq!((place.status, place.header("location")), expected, "{path}");
    }
    let sent = owner.post("/owner/emergency/end", &[("csrf", &*proof), ("id", "")]).await;
    assert_eq!((sent.status, sent.header("location")), (303, "/sign-in?to=owner"));
    for path in SHOWN {
        assert_eq!(owner.get(path).await.status, 200, "{path}: looking is free");
    }
}

#[tokio::test]
async fn ids_of_nothing_are_one_page_and_what_has_gone_meanwhile_too() {
    let (server, about) = world().await;
    let owner = signed_in(&server, USER).await;
    let odd = ["", "nobody", "a b", "../../etc", "x%00y", "\u{e4}", "'; DROP TABLE users", "-1"];
    let of_one = OF_ONE.iter().chain(&["/owner/grants/end", "/owner/resources/access"]);
    let forms = FORMS.iter().filter(|(_, kind)| *kind != Kind::Nothing).map(|(path, _)| path);
    for path in of_one.chain(forms) {
        for id in odd {
            let page = owner.get(&address(path, id)).await;
            assert_eq!(page.status, 404, "{path} of {id:?}");
            assert!(page.text.contains("There is no such"), "{}", page.text);
        }
    }
    for path in ["/owner/people/what", "/owner/clients/what"] {
        assert_eq!(owner.get(&address(path, "nobody")).await.status, 404, "{path}");
    }
    for (path, kind, end) in [
        ("/owner/resources/pause", Kind::Resource, "/owner/resources/remove"),
        ("/owner/people/disable", Kind::Person, "/owner/people/remove"),
        ("/owner/clients/disable", Kind::Client, "/owner/clients/remove"),
    ] {
        let id = about(kind);
        let proof = owner.get(&address(path, &id)).await.csrf(path);
        assert_eq!(confirm(&owner, end, &id).await.status, 303);
        let late = owner.post(path, &[("csrf", &*proof), ("id", &*id)]).await;
        assert_eq!(late.status, 404, "{path}");
    }
}

#[tokio::test]
async fn other_verbs_are_not_allowed_and_looking_changes_nothing() {
    let (server, about) = world().await;
    let owner = signed_in(&server, USER).await;
    for (path, kind) in FORMS {
        owner.get(&address(path, &about(kind))).await;
        let put = owner.http.put(format!("{}{path}", server.url)).header(ORIGIN, &server.url);
        let answer = page(put).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD, POST"), "{path}");
    }
    for path in SHOWN {
        let sent = owner.post(path, &[]).await;
        assert_eq!((sent.status, sent.header("allow")), (405, "GET, HEAD"), "{path}");
    }
    let overview = owner.get("/owner").await;
    assert!(overview.text.contains("Nothing. Everything is open"), "{}", overview.text);
}
