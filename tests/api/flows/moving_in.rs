//! What is connected to the replaced provider goes on here, with the tokens that it holds.

use mcp_oauthd::app::bounds;
use mcp_oauthd::attempts::State;
use mcp_oauthd::clock::Seconds;
use mcp_oauthd::config::{Config, Lifetimes, Sources};
use mcp_oauthd::moving::replaced_provider::{self, Report, Terms};
use mcp_oauthd::storage::events::{self, Event};
use mcp_oauthd::storage::replaced_provider as replaced;
use mcp_oauthd::storage::{StorageError, users};
use mcp_oauthd::sweeper;

use super::account::signed_in;
use super::attempts::told;
use crate::replaced::{Replaced, access_token, code, refresh_token};
use crate::support::{
    Answer, Browser, INTROSPECTION, OAuthClient, RESOURCE, TestServer, USER, VERIFIER, challenge,
};

const DAY: i64 = 86_400;
const OLD: &str = "1f0e4d3c-2b1a-4c5d-8e7f-9a0b1c2d3e4f";

fn lifetimes() -> Lifetimes {
    let config = Config::from_sources(&Sources::gather(&[], None, []).unwrap()).unwrap();
    Lifetimes { attempt: Seconds(3650 * DAY), ..config.lifetimes }
}

/// What was left there is taken, for ada.
async fn take(server: &TestServer, fill: impl FnOnce(&mut Replaced)) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let (path, now) = (folder.path().join("mcp_oauth.db"), server.clock.now());
    fill(&mut Replaced::at(&path, now.0));
    let found = replaced::read(&path, now).unwrap();
    let config = Config::from_sources(&Sources::gather(&[], None, []).unwrap()).unwrap();
    let user = server.storage.read(|conn| users::find_by_name(conn, USER)).await;
    let user: Result<_, StorageError> = user;
    let terms = Terms {
        user_id: user.unwrap().unwrap().id,
        resource: Some(RESOURCE.parse().unwrap()),
        bounds: bounds(&config),
        lifetimes: lifetimes(),
        now,
        dry: false,
    };
    replaced_provider::take(&server.storage, found, &terms).await.unwrap()
}

async fn moved(server: &TestServer) -> OAuthClient {
    let report = take(server, |old| {
        old.client(OLD).pair(OLD, 'a', "NULL", (3600, 30 * DAY));
    });
    let report = report.await;
    assert_eq!((report.taken.clients, report.taken.grants), (1, 1), "{report:?}");
    OAuthClient::known_as(server, OLD, "http://127.0.0.1/callback")
}

#[tokio::test]
async fn the_same_access_token_is_active_until_its_time_is_over() {
    let mut server = TestServer::spawn().await;
    let client = moved(&server).await;
    for restarted in [false, true] {
        if restarted {
            server.restart().await;
        }
        // Twice: read, and then remembered.
        for _ in 0..2 {
            let said = client.introspect(&access_token('a')).await.body;
            assert_eq!((&said["active"], &said["aud"]), (&true.into(), &RESOURCE.into()), "{said}");
            assert_eq!((&said["client_id"], &said["username"]), (&OLD.into(), &USER.into()));
            assert_eq!(said["scope"], "mcp");
        }
    }
    let gate =
        reqwest::Client::new().get(format!("{}/gate/{}?scope=mcp", server.url, INTROSPECTION.0));
    let gate = Answer::of(gate.bearer_auth(access_token('a'))).await;
    assert_eq!((gate.status, gate.header("x-auth-client-id")), (200, OLD), "{gate:?}");
    for wrong in [access_token('b'), refresh_token('a'), access_token('a').to_uppercase()] {
        assert!(!client.is_active(&wrong).await, "{wrong}");
    }
    server.advance(3600);
    assert!(!client.is_active(&access_token('a')).await);
}

#[tokio::test]
async fn the_same_refresh_token_rotates_and_its_successors_are_ours() {
    let server = TestServer::spawn().await;
    let client = moved(&server).await;
    server.advance(3601);
    let first = client.refresh(&refresh_token('a')).await;
    assert_eq!(first.status, 200, "{first:?}");
    assert!(first.text("access_token").starts_with("mat_"));
    assert!(first.text("refresh_token").starts_with("mrt_"));
    let again = client.refresh(&refresh_token('a')).await;
    assert_eq!(again.body["refresh_token"], first.body["refresh_token"], "a lost answer");
    assert_eq!(client.introspect(&first.text("access_token")).await.body["aud"], RESOURCE);
    let second = client.refresh(&first.text("refresh_token")).await;
    assert!(client.is_active(&second.text("access_token")).await);
    server.advance(600);
    assert_eq!(client.refresh(&refresh_token('a')).await.error(), (400, "invalid_grant"));
    assert!(!client.is_active(&second.text("access_token")).await, "a replay ends the login");
    let other = OAuthClient::register(&server).await;
    assert_eq!(other.refresh(&refresh_token('a')).await.error(), (400, "invalid_grant"));
}

#[tokio::test]
async fn either_old_token_ends_the_whole_login() {
    for token in [access_token('a'), refresh_token('a')] {
        let server = TestServer::spawn().await;
        let client = moved(&server).await;
        assert!(client.is_active(&access_token('a')).await);
        assert_eq!(client.revoke(&token).await.status, 200);
        assert!(!client.is_active(&access_token('a')).await);
        assert_eq!(client.refresh(&refresh_token('a')).await.error(), (400, "invalid_grant"));
        moved_again(&server).await;
        assert!(!client.is_active(&access_token('a')).await, "it is not brought back");
    }
}

async fn moved_again(server: &TestServer) {
    let report = take(server, |old| {
        old.client(OLD).pair(OLD, 'a', "NULL", (3600, 30 * DAY));
    });
    let report = report.await;
    assert_eq!((report.taken.grants, report.already_here.grants), (0, 1), "{report:?}");
}

#[tokio::test]
async fn the_same_client_asks_a_person_and_an_old_code_is_good_once() {
    let server = TestServer::spawn().await;
    let report = take(&server, |old| {
        old.client(OLD).code(OLD, '7', &challenge(VERIFIER), 300);
        old.client_with("secretive", "client_secret_post", "\"s3cret\"");
        old.pair("secretive", 'b', "NULL", (3600, DAY));
        old.client_with("silent", "client_secret_post", "null");
        old.pair("silent", 'c', "NULL", (3600, DAY));
    });
    assert_eq!(report.await.taken.codes, 1);
    let client = OAuthClient::known_as(&server, OLD, "http://127.0.0.1/callback");
    assert_eq!(client.connect(&Browser::new(&server)).await.status, 200);
    let redeemed = client.exchange(&code('7')).await;
    assert_eq!(redeemed.status, 200, "{redeemed:?}");
    assert!(client.is_active(&redeemed.text("access_token")).await);
    assert_eq!(client.exchange(&code('7')).await.error(), (400, "invalid_grant"));
    assert!(!client.is_active(&redeemed.text("access_token")).await, "used twice");
    let mut confidential = OAuthClient::known_as(&server, "secretive", "http://127.0.0.1/callback");
    assert_eq!(confidential.refresh(&refresh_token('b')).await.error(), (401, "invalid_client"));
    confidential.secret = Some("s3cret".to_owned());
    assert_eq!(confidential.refresh(&refresh_token('b')).await.status, 200);
    let silent = OAuthClient::known_as(&server, "silent", "http://127.0.0.1/callback");
    assert_eq!(silent.refresh(&refresh_token('c')).await.status, 200, "it never had a secret");
}

#[tokio::test]
async fn nobody_was_asked_here_and_the_pages_say_so() {
    let server = TestServer::spawn().await;
    let report = take(&server, |old| {
        old.client(OLD).pair(OLD, 'a', "NULL", (3600, DAY)).code(
            OLD,
            '7',
            &challenge(VERIFIER),
            300,
        );
    });
    report.await;
    let client = OAuthClient::known_as(&server, OLD, "http://127.0.0.1/callback");
    assert_eq!(client.exchange(&code('7')).await.status, 200);
    let ada = signed_in(&server, USER).await;
    let apps = ada.get("/account").await;
    assert_eq!(apps.text.matches("taken over from the server before this one").count(), 2);
    let list = ada.get("/owner/grants").await;
    assert_eq!(list.text.matches("Taken over").count(), 2, "{}", list.text);
    client.connect(&Browser::new(&server)).await;
    let list = ada.get("/owner/grants").await;
    assert_eq!(list.text.matches("Taken over").count(), 2, "she was asked for this one");
    let kinds = server.storage.read(|conn| events::list(conn, 100)).await;
    let kinds: Result<Vec<_>, StorageError> = kinds;
    let kinds: Vec<_> = kinds.unwrap().iter().map(|recorded| recorded.kind.clone()).collect();
    let count = |kind| kinds.iter().filter(|other| **other == kind).count();
    assert_eq!((count(Event::GrantImported), count(Event::GrantCreated)), (2, 1));
    assert_eq!(count(Event::ClientImported), 1);
}

#[tokio::test]
async fn a_refused_refresh_of_an_old_token_is_explained() {
    let server = TestServer::spawn().await;
    let client = moved(&server).await;
    client.revoke(&access_token('a')).await;
    client.refresh(&refresh_token('a')).await;
    let told = told(&server).await;
    assert_eq!(told[0].diagnosis.state, State::Failed, "{told:#?}");
    assert_eq!(told[0].attempt.client_id.as_ref().unwrap().as_str(), OLD);
}

/// The rows of what was taken over stay, so that nothing that has ended can be taken over again.
#[tokio::test]
async fn the_sweeper_leaves_what_lives_and_remembers_what_was_used() {
    let server = TestServer::spawn().await;
    let report = take(&server, |old| {
        old.client(OLD);
        old.pair(OLD, 'a', "NULL", (3600, 30 * DAY)).pair(OLD, 'b', "NULL", (3600, 30 * DAY));
        old.pair(OLD, 'c', "NULL", (3600, 90 * DAY));
    });
    report.await;
    let client = OAuthClient::known_as(&server, OLD, "http://127.0.0.1/callback");
    let lifetimes = Lifetimes { refresh_token: Seconds(2 * DAY), ..lifetimes() };
    let sweep = || sweeper::sweep(&server.storage, &lifetimes, server.clock.now());
    assert_eq!(sweep().await.unwrap(), 0, "everything is young");
    assert!(client.is_active(&access_token('a')).await);
    let tip = client.refresh(&refresh_token('c')).await;
    assert_eq!(client.revoke(&tip.text("refresh_token")).await.status, 200);
    server.advance(29 * DAY);
    assert_eq!(sweep().await.unwrap(), 1, "the access token that was issued here");
    assert_eq!(client.refresh(&refresh_token('a')).await.status, 200);
    let report = take(&server, |old| {
        old.client(OLD).pair(OLD, 'c', "NULL", (-1, 61 * DAY));
    });
    assert_eq!(report.await.taken.grants, 0, "what was ended is known");
    server.advance(2 * DAY + 1);
    sweep().await.unwrap();
    assert_eq!(client.refresh(&refresh_token('b')).await.error(), (400, "invalid_grant"));
}
