//! From where somebody signs in: a place is new from the second one on.

use mcp_oauthd::accounts::lock_out;
use mcp_oauthd::accounts::session::{self, Browser};
use mcp_oauthd::clock::Seconds;
use mcp_oauthd::revocation;
use mcp_oauthd::storage::sessions::Arrival;
use mcp_oauthd::storage::users::User;
use mcp_oauthd::storage::{Event, Method, events};

use crate::fixture::{DAY, Fixture, SESSIONS};

async fn sign_in(f: &Fixture, user: &User, address: Option<&str>) {
    let address = address.map(str::to_owned);
    let arrival = Arrival { method: Method::Passkey, address, user_agent: None };
    let (user, browser) = (user.clone(), Browser { arrival, before: None });
    f.write(move |conn, now| session::sign_in(conn, &user, &browser, SESSIONS, now)).await;
}

async fn new_places(f: &Fixture) -> Vec<String> {
    let recorded = f.read(|conn| events::list(conn, 1000)).await;
    let new = recorded.into_iter().rev().filter(|event| event.kind == Event::NewPlace);
    new.map(|event| event.subject.address.unwrap()).collect()
}

#[tokio::test]
async fn the_first_place_is_not_new_and_the_second_is_new_once() {
    let f = Fixture::new().await;
    for address in ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.1"] {
        sign_in(&f, &f.user, Some(address)).await;
    }
    assert_eq!(new_places(&f).await, ["192.0.2.2"]);
}

#[tokio::test]
async fn one_ipv6_customer_is_one_place_however_it_is_written() {
    let f = Fixture::new().await;
    for address in
        ["2001:db8::1", "2001:DB8:0:0:ffff::2", "2001:db8:0:1::1", "::ffff:192.0.2.1", "192.0.2.1"]
    {
        sign_in(&f, &f.user, Some(address)).await;
    }
    assert_eq!(new_places(&f).await, ["2001:db8:0:1::1", "::ffff:192.0.2.1"]);
}

#[tokio::test]
async fn everybody_has_places_of_their_own() {
    let f = Fixture::new().await;
    let bob = f.add_user("bob").await;
    sign_in(&f, &f.user, Some("192.0.2.1")).await;
    sign_in(&f, &bob, Some("192.0.2.2")).await;
    assert!(new_places(&f).await.is_empty());
    sign_in(&f, &bob, Some("192.0.2.1")).await;
    assert_eq!(new_places(&f).await, ["192.0.2.1"]);
}

#[tokio::test]
async fn a_sign_in_from_nowhere_has_no_place() {
    let f = Fixture::new().await;
    for address in [Some("192.0.2.1"), None, Some("not an address")] {
        sign_in(&f, &f.user, address).await;
    }
    assert!(new_places(&f).await.is_empty());
    assert_eq!(f.count(Event::SignedIn).await, 3);
}

#[tokio::test]
async fn a_disabled_person_leaves_no_place() {
    let f = Fixture::new().await;
    sign_in(&f, &f.user, Some("192.0.2.1")).await;
    let id = f.user.id.clone();
    f.decide(move |conn, now| revocation::disable_user(conn, &id, now)).await.unwrap();
    sign_in(&f, &f.user, Some("192.0.2.2")).await;
    assert!(new_places(&f).await.is_empty());
}

#[tokio::test]
async fn a_place_is_forgotten_half_a_year_after_the_last_sign_in() {
    let f = Fixture::new().await;
    let (home, office) = (Some("192.0.2.1"), Some("192.0.2.2"));
    sign_in(&f, &f.user, office).await;
    for _ in 0..2 {
        sign_in(&f, &f.user, home).await;
        f.clock.advance(Seconds(100 * DAY.0));
        f.sweep().await;
    }
    sign_in(&f, &f.user, home).await;
    sign_in(&f, &f.user, office).await;
    assert_eq!(new_places(&f).await, ["192.0.2.2"], "as the record of the first months is");
}

#[tokio::test]
async fn a_removed_person_leaves_no_places() {
    let f = Fixture::new().await;
    sign_in(&f, &f.user, Some("192.0.2.1")).await;
    let row = format!("'{}','192.0.2.1',", f.user.id);
    assert!(f.dump().await.iter().any(|table| table.contains(&row)));
    let id = f.user.id.clone();
    f.decide(move |conn, now| revocation::remove_user(conn, &id, now)).await.unwrap();
    assert!(!f.dump().await.iter().any(|table| table.contains(&row)));
}

#[tokio::test]
async fn a_lock_out_of_nobody_is_not_recorded() {
    let f = Fixture::new().await;
    let address = "192.0.2.1".parse().unwrap();
    f.write(move |conn, now| lock_out::note(conn, "nobody", address, now)).await;
    assert_eq!(f.count(Event::LockedOut).await, 0);
    f.write(move |conn, now| lock_out::note(conn, "ada", address, now)).await;
    assert_eq!(f.count(Event::LockedOut).await, 1);
}
