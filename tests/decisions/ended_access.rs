//! What the operator ends is over at the next introspection, and does not come back.

use mcp_oauthd::accounts;
use mcp_oauthd::accounts::setup;
use mcp_oauthd::oauth::ErrorCode::InvalidGrant;
use mcp_oauthd::oauth::{IntrospectionId, TokenKind, TokenSecret};
use mcp_oauthd::storage::{Event, RevokedBecause, StorageError, resources, users};
use mcp_oauthd::{gate, revocation};

use crate::fixture::{Fixture, tampered};

#[tokio::test]
async fn a_disabled_users_access_is_over_and_enabling_brings_none_back() {
    let f = Fixture::new().await;
    let (pair, signed_in) = (f.connect().await, f.sign_in(&f.user).await);
    let id = f.user.id.clone();
    let ended = f.decide(move |conn, now| revocation::disable_user(conn, &id, now)).await.unwrap();
    assert_eq!(ended, Some(1));
    assert!(!f.is_active(&pair.access_token).await);
    assert_eq!(f.grants().await[0].revoked_because, Some(RevokedBecause::User));
    let session = signed_in.session().id;
    let found = f.read(|conn| mcp_oauthd::storage::sessions::find(conn, session)).await;
    assert!(found.is_none(), "signed out");

    let id = f.user.id.clone();
    assert!(f.write(move |conn, now| accounts::enable_user(conn, &id, now)).await);
    assert!(!f.is_active(&pair.access_token).await);
    assert_eq!(f.refresh(pair.refresh()).await.unwrap_err().code, InvalidGrant);
    f.connect().await;
}

#[tokio::test]
async fn a_removed_user_is_gone_with_all_access() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    let id = f.user.id.clone();
    let ended = f.decide(move |conn, now| revocation::remove_user(conn, &id, now)).await.unwrap();
    assert_eq!(ended, Some(1));
    assert!(!f.is_active(&pair.access_token).await);
    assert_eq!(f.read(users::count).await, 0);
    assert_eq!(f.count(Event::UserRemoved).await, 1);
}

#[tokio::test]
async fn a_disabled_clients_access_is_over() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    let id = f.client.client_id.clone();
    let disable = move |conn: &mut _, now| revocation::disable_client(conn, &id, now);
    assert_eq!(f.write(disable.clone()).await, Some(1));
    assert_eq!(f.write(disable).await, None, "it was disabled before");
    assert!(!f.is_active(&pair.access_token).await);
    assert_eq!(f.grants().await[0].revoked_because, Some(RevokedBecause::ClientRemoved));
}

#[tokio::test]
async fn a_removed_clients_access_is_over() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    let id = f.client.client_id.clone();
    let ended = f.write(move |conn, now| revocation::remove_client(conn, &id, now)).await;
    assert_eq!(ended, Some(1));
    assert!(!f.is_active(&pair.access_token).await);
}

#[tokio::test]
async fn grants_of_a_resource_in_an_older_spelling_end_with_it() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    let (id, respelt) = (f.resource.id.clone(), "HTTPS://mcp.example:443/mcp/");
    f.write(move |conn, _| resources::respell(conn, &id, &respelt.parse().unwrap())).await;
    assert!(f.is_active(&pair.access_token).await, "it is the same one");
    f.refresh(pair.refresh()).await.unwrap();
    let id = f.resource.id.clone();
    let resource = f.read(|conn| resources::find(conn, &id)).await.unwrap();
    assert_eq!(resource.uri.as_str(), respelt);
    let ended = f.write(move |conn, now| revocation::remove_resource(conn, &resource, now)).await;
    assert_eq!(ended, Some(1));
}

#[tokio::test]
async fn a_removed_resource_takes_its_grants_with_it_and_comes_back_without_them() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    let resource = f.resource.clone();
    let ended = f.write(move |conn, now| revocation::remove_resource(conn, &resource, now)).await;
    assert_eq!(ended, Some(1));
    assert!(!f.is_active(&pair.access_token).await);
    let uri = f.resource.uri.clone();
    f.write(move |conn, now| {
        setup::add_resource(conn, &uri, (IntrospectionId::generate(), None), None, now)
    })
    .await;
    assert!(!f.is_active(&pair.access_token).await);
}

#[tokio::test]
async fn a_token_says_nothing_to_another_resource() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    let other = f
        .write(|conn, now| {
            let named = (IntrospectionId::generate(), None);
            let uri = "https://mcp.example/other".parse().unwrap();
            setup::add_resource(conn, &uri, named, None, now)
        })
        .await;
    let now = f.clock.now();
    let told = f.storage.read_known(|known| gate::examine(known, &pair.access_token, &other, now));
    let told: Result<_, StorageError> = told.await;
    assert!(told.unwrap().is_none());
    assert!(f.is_active(&pair.access_token).await);
}

#[tokio::test]
async fn nothing_but_an_access_token_is_active() {
    let f = Fixture::new().await;
    let code = f.code().await;
    let pair = f.connect().await;
    let id = TokenSecret::parse(TokenKind::Access, &pair.access_token).unwrap().id();
    let invented = TokenSecret::generate(TokenKind::Access, id).reveal();
    for token in ["", &code, pair.refresh(), &tampered(&pair.access_token), &invented, "mat_x"] {
        assert!(!f.is_active(token).await, "{token}");
    }
    assert!(f.is_active(&pair.access_token).await);
}
