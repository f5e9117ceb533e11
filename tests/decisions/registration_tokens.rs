//! Initial access tokens: RFC 7591 section 3.

use mcp_oauthd::app::Network;
use mcp_oauthd::clients::initial_access;
use mcp_oauthd::clients::registration::{self, Newcomer, Registered};
use mcp_oauthd::clock::UnixTime;
use mcp_oauthd::oauth::ErrorCode::InvalidToken;
use mcp_oauthd::oauth::OAuthError;
use mcp_oauthd::storage::{Event, clients, registration_tokens};

use crate::fixture::{BOUNDS, DAY, Fixture, tampered};

#[tokio::test]
async fn a_token_works_as_often_and_as_long_as_it_was_made_for() {
    let f = Fixture::new().await;
    let end = f.clock.now() + DAY;
    let twice = add(&f, "twice", Some(2), None).await;
    let today = add(&f, "today", None, Some(end)).await;
    let ever = add(&f, "ever", None, None).await;
    for _ in 0..2 {
        register(&f, &twice).await.unwrap();
    }
    assert_eq!(refusal(&f, &twice).await, InvalidToken);
    for _ in 0..5 {
        register(&f, &today).await.unwrap();
    }
    f.clock.advance(DAY);
    assert_eq!(refusal(&f, &today).await, InvalidToken);
    register(&f, &ever).await.unwrap();
    let rows = f.read(registration_tokens::list).await;
    let left: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.uses_left)).collect();
    assert_eq!(left, [("twice", Some(0)), ("today", None), ("ever", None)]);
    assert_eq!(rows[2].last_used_at, Some(f.clock.now()));
}

#[tokio::test]
async fn the_last_use_is_used_once() {
    let f = Fixture::new().await;
    let token = add(&f, "once", Some(1), None).await;
    let before = f.read(clients::count).await;
    let (one, two, three) =
        tokio::join!(register(&f, &token), register(&f, &token), register(&f, &token));
    assert_eq!([one, two, three].iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(f.read(clients::count).await, before + 1);
}

#[tokio::test]
async fn what_is_no_token_registers_nobody() {
    let f = Fixture::new().await;
    let token = add(&f, "mine", None, None).await;
    for wrong in ["", "mia_", &tampered(&token), &token.replace("mia_", "mat_"), &token[1..]] {
        assert_eq!(refusal(&f, wrong).await, InvalidToken, "{wrong}");
    }
    assert!(!f.dump().await.concat().contains(&token), "only its hash is kept");
}

#[tokio::test]
async fn a_removed_token_registers_nobody_and_who_registered_stays() {
    let f = Fixture::new().await;
    let token = add(&f, "mine", None, None).await;
    let id = register(&f, &token).await.unwrap().client.client_id;
    assert!(f.write(|conn, now| initial_access::remove(conn, "mine", now)).await);
    assert!(!f.write(|conn, now| initial_access::remove(conn, "mine", now)).await);
    assert_eq!(refusal(&f, &token).await, InvalidToken);
    assert!(f.read(|conn| clients::find(conn, &id)).await.is_some());
    let (kind, detail) = &f.events().await[0];
    assert_eq!((*kind, detail.as_deref()), (Event::RegistrationTokenRemoved, Some("mine")));
}

#[tokio::test]
async fn a_name_is_taken_once_and_can_be_seen() {
    let f = Fixture::new().await;
    add(&f, "mine", None, None).await;
    for name in ["mine", "", "  ", "a\u{1b}[2J", &"x".repeat(101)] {
        let name = name.to_owned();
        let refused = f
            .decide(move |conn, now| initial_access::add(conn, &name, (None, None), now).map(drop));
        refused.await.unwrap_err();
    }
    assert_eq!(f.count(Event::RegistrationTokenAdded).await, 1);
}

#[tokio::test]
async fn it_is_recorded_with_whose_token_a_client_registered() {
    let f = Fixture::new().await;
    let token = add(&f, "for Ada", None, None).await;
    register(&f, &token).await.unwrap();
    let (kind, detail) = &f.events().await[0];
    assert_eq!((*kind, detail.as_deref()), (Event::ClientRegistered, Some("for Ada")));
}

async fn add(
    f: &Fixture,
    name: &'static str,
    uses: Option<i64>,
    until: Option<UnixTime>,
) -> String {
    let work = move |conn: &mut _, now| initial_access::add(conn, name, (uses, until), now);
    f.decide(work).await.unwrap().reveal()
}

async fn register(f: &Fixture, token: &str) -> Result<Registered, OAuthError> {
    let token = token.to_owned();
    let work = move |conn: &mut _, now| {
        let body = br#"{"redirect_uris":["https://app.example/cb"]}"#;
        let metadata = registration::metadata(body, &BOUNDS).unwrap();
        let network = Network::from(std::net::IpAddr::from([192, 0, 2, 1]));
        let newcomer = Newcomer { network, token: Some(token.clone()) };
        registration::register_itself(conn, &metadata, &newcomer, &BOUNDS, now)
    };
    f.decide(work).await
}

async fn refusal(f: &Fixture, token: &str) -> mcp_oauthd::oauth::ErrorCode {
    let before = f.dump().await;
    let Err(error) = register(f, token).await else { panic!("{token} was taken") };
    assert_eq!(f.dump().await, before, "nothing has changed");
    error.code
}
