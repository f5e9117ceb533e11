//! Registration: strangers' clients, and how many of them are kept.

use mcp_oauthd::clients::Presented;
use mcp_oauthd::clients::registration::{self, Registered};
use mcp_oauthd::clock::{Seconds, UnixTime};
use mcp_oauthd::oauth::ErrorCode::InvalidClient;
use mcp_oauthd::oauth::{ClientId, OAuthError};
use mcp_oauthd::storage::{ClientOrigin, Event, clients};

use crate::fixture::{BOUNDS, DAY, Fixture};
use crate::form::Form;

#[tokio::test]
async fn the_oldest_unused_registration_makes_room() {
    let f = Fixture::new().await;
    let mut registered = vec![f.client.client_id.clone()];
    for _ in 0..BOUNDS.unused_clients {
        f.clock.advance(Seconds(1));
        registered.push(register(&f, ClientOrigin::Registered).await.client.client_id);
    }
    assert_eq!(f.read(clients::count_unused).await, BOUNDS.unused_clients);
    for (place, id) in registered.iter().enumerate() {
        assert_eq!(exists(&f, id).await, place > 0, "{place}");
    }
}

#[tokio::test]
async fn a_client_that_somebody_said_yes_to_never_makes_room() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    let configured = register(&f, ClientOrigin::Configured).await.client.client_id;
    for _ in 0..3 * BOUNDS.unused_clients {
        f.clock.advance(Seconds(1));
        register(&f, ClientOrigin::Registered).await;
    }
    assert!(exists(&f, &f.client.client_id).await);
    assert!(exists(&f, &configured).await);
    f.refresh(pair.refresh()).await.unwrap();
}

#[tokio::test]
async fn a_configured_client_pushes_nobody_out() {
    let f = Fixture::new().await;
    for _ in 1..BOUNDS.unused_clients {
        register(&f, ClientOrigin::Registered).await;
    }
    register(&f, ClientOrigin::Configured).await;
    assert!(exists(&f, &f.client.client_id).await);
    assert_eq!(f.read(clients::count_unused).await, BOUNDS.unused_clients);
    assert_eq!(f.count(Event::ClientAdded).await, 1);
}

#[tokio::test]
async fn unused_registrations_expire_and_used_ones_do_not() {
    let f = Fixture::new().await;
    let unused = register(&f, ClientOrigin::Registered).await.client.client_id;
    let configured = register(&f, ClientOrigin::Configured).await.client.client_id;
    f.connect().await;
    f.clock.advance(DAY);
    let new = register(&f, ClientOrigin::Registered).await.client.client_id;
    let before = f.clock.now() - Seconds(1);
    let recorded = f.count(Event::ClientRegistered).await;
    let deleted = f.write(move |conn, _| clients::delete_unused(conn, before, 500)).await;
    assert_eq!(deleted, 1);
    assert!(!exists(&f, &unused).await);
    // Nor does the record of it stay, by which strangers could fill the disk.
    assert_eq!(f.count(Event::ClientRegistered).await, recorded - 1);
    for id in [&configured, &new, &f.client.client_id] {
        assert!(exists(&f, id).await);
    }
}

#[tokio::test]
async fn a_second_registration_leaves_the_first_alive() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    let second = f.register(r#""token_endpoint_auth_method":"none""#).await;
    assert_ne!(second.client_id, f.client.client_id);
    f.refresh(pair.refresh()).await.unwrap();
}

#[tokio::test]
async fn a_confidential_client_shows_its_secret_and_a_public_one_has_none() {
    let f = Fixture::new().await;
    let confidential = register(&f, ClientOrigin::Registered).await;
    let id = confidential.client.client_id.as_str();
    let secret = confidential.secret.unwrap().reveal();
    let form = Form::new().and("client_id", id);
    authenticate(&f, &form.with("client_secret", &secret)).await.unwrap();
    for wrong in [&form, &form.with("client_secret", "x"), &form.with("client_secret", "")] {
        assert_eq!(authenticate(&f, wrong).await.unwrap_err().code, InvalidClient);
    }
    let public = Form::new().and("client_id", f.client.client_id.as_str());
    authenticate(&f, &public).await.unwrap();
    let odd = public.with("client_secret", &secret);
    assert_eq!(authenticate(&f, &odd).await.unwrap_err().code, InvalidClient);
}

#[tokio::test]
async fn the_secret_is_kept_as_a_hash() {
    let f = Fixture::new().await;
    let secret = register(&f, ClientOrigin::Registered).await.secret.unwrap().reveal();
    assert!(!f.dump().await.concat().contains(&secret));
}

async fn register(f: &Fixture, origin: ClientOrigin) -> Registered {
    f.write(move |conn, now: UnixTime| {
        let body = br#"{"redirect_uris":["https://app.example/cb"]}"#;
        let metadata = registration::metadata(body, &BOUNDS).unwrap();
        registration::register(conn, &metadata, origin, &BOUNDS, now)
    })
    .await
}

async fn exists(f: &Fixture, id: &ClientId) -> bool {
    f.read(|conn| clients::find(conn, id)).await.is_some()
}

async fn authenticate(f: &Fixture, form: &Form) -> Result<(), OAuthError> {
    let presented = Presented::from_request(None, &form.parameters()?, false)?;
    f.decide(move |conn, _| presented.client(conn).map(drop)).await
}
