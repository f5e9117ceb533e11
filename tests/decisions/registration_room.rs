//! How many registrations of strangers are kept, and at whose expense a flood makes room.

use std::net::IpAddr;

use mcp_oauthd::clients::registration::{self, Bounds, Newcomer};
use mcp_oauthd::clock::{Seconds, UnixTime};
use mcp_oauthd::oauth::{ClientId, Scope};
use mcp_oauthd::storage::{Event, clients};

use crate::fixture::Fixture;

const BOUNDS: Bounds = Bounds { redirect_uris: 10, string: 1000, unused_clients: 20 };
const FLOOD: &str = "203.0.113.66";

#[tokio::test]
async fn a_flood_from_one_network_is_at_its_own_expense() {
    let f = Fixture::new().await;
    let before = register(&f, "192.0.2.1", "honest, before").await;
    for n in 0..200 {
        f.clock.advance(Seconds(1));
        register(&f, FLOOD, &format!("flood {n}")).await;
        assert!(f.read(clients::count_unused).await <= BOUNDS.unused_clients);
    }
    let after = register(&f, "192.0.2.2", "honest, after").await;
    f.clock.advance(Seconds(1));
    for n in 200..400 {
        register(&f, FLOOD, &format!("flood {n}")).await;
    }
    for id in [&before, &after] {
        assert!(exists(&f, id).await);
    }
    assert_eq!(f.read(clients::count_unused).await, BOUNDS.unused_clients);
    let recorded = f.count(Event::ClientRegistered).await;
    let most = usize::try_from(BOUNDS.unused_clients).unwrap() + 1;
    assert!(recorded <= most, "{recorded}: nor does the record of it grow");
}

#[tokio::test]
async fn what_another_network_registered_too_is_not_the_floods_to_lose() {
    let f = Fixture::new().await;
    let shared = register(&f, FLOOD, "Popular App").await;
    assert_eq!(register(&f, "192.0.2.1", "Popular App").await, shared);
    for n in 0..200 {
        f.clock.advance(Seconds(1));
        register(&f, FLOOD, &format!("flood {n}")).await;
    }
    assert!(exists(&f, &shared).await);
}

#[tokio::test]
async fn what_waits_for_the_owner_is_not_pushed_out() {
    let f = Fixture::new().await;
    let waiting = register(&f, FLOOD, "waiting").await;
    let approved = register(&f, FLOOD, "approved").await;
    for (id, column) in [(&waiting, "asked_at"), (&approved, "approved_at")] {
        let update = format!("UPDATE oauth_clients SET {column} = 1 WHERE client_id = '{id}'");
        f.sql(update).await;
    }
    for n in 0..100 {
        f.clock.advance(Seconds(1));
        register(&f, FLOOD, &format!("flood {n}")).await;
    }
    assert!(exists(&f, &waiting).await && exists(&f, &approved).await);
    // But not for ever.
    let never = UnixTime(i64::MAX);
    f.write(move |conn, _| clients::delete_unused(conn, never, 500)).await;
    assert!(!exists(&f, &waiting).await);
}

#[tokio::test]
async fn what_the_operator_has_limited_is_not_forgotten_with_its_limit() {
    let f = Fixture::new().await;
    let limited = register(&f, FLOOD, "limited").await;
    let id = limited.clone();
    f.write(move |conn, _| clients::set_ceiling(conn, &id, Some(&Scope::requested("mcp")))).await;
    for n in 0..100 {
        f.clock.advance(Seconds(1));
        register(&f, FLOOD, &format!("flood {n}")).await;
    }
    let never = UnixTime(i64::MAX);
    f.write(move |conn, _| clients::delete_unused(conn, never, 500)).await;
    assert_eq!(register(&f, "198.51.100.7", "limited").await, limited);
}

#[tokio::test]
async fn of_many_small_networks_the_oldest_goes() {
    let f = Fixture::new().await;
    let mut all = vec![];
    for n in 0..=BOUNDS.unused_clients {
        f.clock.advance(Seconds(1));
        // The fixture's own client is one too.
        all.push(register(&f, &format!("10.0.0.{n}"), &format!("app {n}")).await);
    }
    let gone = f.client.client_id.clone();
    assert!(!exists(&f, &gone).await && !exists(&f, &all[0]).await);
    for id in &all[1..] {
        assert!(exists(&f, id).await);
    }
}

async fn register(f: &Fixture, address: &str, name: &str) -> ClientId {
    let address: IpAddr = address.parse().unwrap();
    let body = format!(
        r#"{{"redirect_uris":["https://app.example/cb"],"client_name":"{name}",
            "token_endpoint_auth_method":"none"}}"#
    );
    let work = move |conn: &mut _, now| {
        let metadata = registration::metadata(body.as_bytes(), &BOUNDS).unwrap();
        let newcomer = Newcomer { network: address.into(), token: None };
        registration::register_itself(conn, &metadata, &newcomer, &BOUNDS, now)
    };
    f.decide(work).await.unwrap().client.client_id
}

async fn exists(f: &Fixture, id: &ClientId) -> bool {
    f.read(|conn| clients::find(conn, id)).await.is_some()
}
