//! Registrations that are the same: one client, whose connections stay apart.

use mcp_oauthd::app::Network;
use mcp_oauthd::clients::registration::{self, Newcomer, Registered};
use mcp_oauthd::clock::Seconds;
use mcp_oauthd::oauth::{ClientId, TokenHash};
use mcp_oauthd::revocation;
use mcp_oauthd::storage::{ClientOrigin, Event, clients};

use crate::fixture::{BOUNDS, DAY, Fixture};

const HOME: &str = "192.0.2.1";
const ELSEWHERE: &str = "198.51.100.7";

#[tokio::test]
async fn the_same_again_is_the_same_client_and_leaves_one_row() {
    let f = Fixture::new().await;
    let before = f.read(clients::count).await;
    let first = register(&f, HOME, 4000, "A").await;
    assert!(first.registration_token.is_some() && !first.client.is_shared());
    for port in 4001..4010 {
        f.clock.advance(Seconds(60));
        let again = register(&f, HOME, port, "A").await;
        assert_eq!(again.client.client_id, first.client.client_id);
        assert_eq!(again.client.created_at, first.client.created_at);
        assert!(again.registration_token.is_none() && again.secret.is_none());
    }
    assert_ne!(register(&f, HOME, 4000, "B").await.client.client_id, first.client.client_id);
    assert_eq!(f.read(clients::count).await, before + 2);
    assert_eq!(f.count(Event::ClientRegistered).await, 3, "with the fixture's own");
}

#[tokio::test]
async fn once_it_is_shared_nobody_may_change_it() {
    let f = Fixture::new().await;
    let first = register(&f, HOME, 4000, "A").await;
    let (id, token) = (first.client.client_id, first.registration_token.unwrap().reveal());
    let holds = |id: ClientId, token: String| async {
        let work = move |conn: &mut _, _| {
            mcp_oauthd::clients::configuration::authenticate(conn, id.as_str(), &token).map(drop)
        };
        f.decide(work).await
    };
    holds(id.clone(), token.clone()).await.unwrap();
    register(&f, ELSEWHERE, 4001, "A").await;
    assert!(holds(id.clone(), token.clone()).await.is_err());
    let row = f.read(|conn| clients::find(conn, &id)).await.unwrap();
    assert!(row.is_shared() && row.registration_token_hash.is_none());
    let hash = TokenHash::of(&token).0.map(|byte| format!("{byte:02X}")).concat();
    assert!(!f.dump().await.concat().contains(&hash), "not even its hash is left");
}

#[tokio::test]
async fn two_at_once_are_one_row() {
    let f = Fixture::new().await;
    let before = f.read(clients::count).await;
    let (one, other) = tokio::join!(register(&f, HOME, 1, "A"), register(&f, ELSEWHERE, 2, "A"));
    assert_eq!(one.client.client_id, other.client.client_id);
    assert_eq!(f.read(clients::count).await, before + 1);
    let tokens = [one.registration_token.is_some(), other.registration_token.is_some()];
    assert_eq!(tokens.iter().filter(|has| **has).count(), 1, "and only the first got a token");
}

#[tokio::test]
async fn a_confidential_client_is_always_a_new_one() {
    let f = Fixture::new().await;
    let body = r#"{"redirect_uris":["https://app.example/cb"]}"#;
    let one = send(&f, HOME, body.to_owned()).await;
    let other = send(&f, HOME, body.to_owned()).await;
    assert_ne!(one.client.client_id, other.client.client_id);
    assert_ne!(one.secret.unwrap().reveal(), other.secret.unwrap().reveal());
    assert!(one.registration_token.is_some() && other.registration_token.is_some());
}

#[tokio::test]
async fn what_the_operator_added_is_not_handed_to_strangers() {
    let f = Fixture::new().await;
    let configured = f.register_as(ClientOrigin::Configured, PUBLIC).await;
    let body = format!(r#"{{"redirect_uris":["https://app.example/cb"],{PUBLIC}}}"#);
    let stranger = send(&f, HOME, body).await.client;
    assert_ne!(stranger.client_id, configured.client_id);
}

#[tokio::test]
async fn to_be_disabled_is_not_escaped_by_registering_again() {
    let f = Fixture::new().await;
    let id = register(&f, HOME, 1, "A").await.client.client_id;
    let disabled = id.clone();
    f.write(move |conn, now| revocation::disable_client(conn, &disabled, now)).await;
    let again = register(&f, ELSEWHERE, 2, "A").await.client;
    assert_eq!(again.client_id, id);
    assert!(again.disabled_at.is_some());
    // Nor by waiting, nor by making others push it out.
    f.clock.advance(Seconds(400 * DAY.0));
    let before = f.clock.now();
    f.write(move |conn, _| clients::delete_unused(conn, before, 500)).await;
    for port in 0..3 * u16::try_from(BOUNDS.unused_clients).unwrap() {
        register(&f, HOME, 1, &format!("flood {port}")).await;
    }
    assert_eq!(register(&f, HOME, 3, "A").await.client.client_id, id);
}

#[tokio::test]
async fn what_was_removed_is_gone_and_the_next_is_new() {
    let f = Fixture::new().await;
    let id = register(&f, HOME, 1, "A").await.client.client_id;
    let removed = id.clone();
    f.write(move |conn, now| revocation::remove_client(conn, &removed, now)).await;
    let again = register(&f, HOME, 1, "A").await;
    assert_ne!(again.client.client_id, id);
    assert!(again.registration_token.is_some());
}

#[tokio::test]
async fn what_was_just_handed_out_again_is_not_swept() {
    let f = Fixture::new().await;
    let id = register(&f, HOME, 1, "A").await.client.client_id;
    f.clock.advance(Seconds(29 * DAY.0));
    register(&f, ELSEWHERE, 2, "A").await;
    f.clock.advance(Seconds(29 * DAY.0));
    let before = f.clock.now() - Seconds(30 * DAY.0);
    f.write(move |conn, _| clients::delete_unused(conn, before, 500)).await;
    assert!(f.read(|conn| clients::find(conn, &id)).await.is_some());
    f.clock.advance(Seconds(2 * DAY.0));
    let before = f.clock.now() - Seconds(30 * DAY.0);
    f.write(move |conn, _| clients::delete_unused(conn, before, 500)).await;
    assert!(f.read(|conn| clients::find(conn, &id)).await.is_none());
}

const PUBLIC: &str = r#""token_endpoint_auth_method":"none""#;

async fn register(f: &Fixture, address: &'static str, port: u16, name: &str) -> Registered {
    let uri = format!("http://localhost:{port}/cb");
    let body = format!(r#"{{"redirect_uris":["{uri}"],"client_name":"{name}",{PUBLIC}}}"#);
    send(f, address, body.replace(":0/", "/")).await
}

async fn send(f: &Fixture, address: &'static str, body: String) -> Registered {
    let newcomer = move || Newcomer {
        network: Network::from(address.parse::<std::net::IpAddr>().unwrap()),
        token: None,
    };
    let work = move |conn: &mut _, now| {
        let metadata = registration::metadata(body.as_bytes(), &BOUNDS).unwrap();
        registration::register_itself(conn, &metadata, &newcomer(), &BOUNDS, now)
    };
    f.decide(work).await.unwrap()
}
