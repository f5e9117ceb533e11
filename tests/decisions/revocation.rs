//! `POST /revoke`: RFC 7009. Either token of a pair ends the grant.

use mcp_oauthd::clock::Seconds;
use mcp_oauthd::oauth::ErrorCode::InvalidGrant;
use mcp_oauthd::storage::{Event, RevokedBecause};

use crate::fixture::{DAY, Fixture, tampered};
use crate::tokens::Pair;

#[tokio::test]
async fn the_access_token_ends_the_grant() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    f.revoke(&pair.access_token).await.unwrap();
    assert_ended(&f, &pair).await;
}

#[tokio::test]
async fn the_refresh_token_ends_the_grant() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    f.revoke(pair.refresh()).await.unwrap();
    assert_ended(&f, &pair).await;
}

#[tokio::test]
async fn a_used_refresh_token_ends_the_grant() {
    let f = Fixture::new().await;
    let first = f.connect().await;
    let second = f.refresh(first.refresh()).await.unwrap();
    f.clock.advance(Seconds(1000));
    f.revoke(first.refresh()).await.unwrap();
    assert_ended(&f, &second).await;
}

#[tokio::test]
async fn an_expired_access_token_ends_the_grant() {
    let f = Fixture::new().await;
    let first = f.connect().await;
    f.clock.advance(Seconds(3601));
    let second = f.refresh(first.refresh()).await.unwrap();
    f.revoke(&first.access_token).await.unwrap();
    assert_ended(&f, &second).await;
}

#[tokio::test]
async fn an_expired_unused_refresh_token_ends_the_grant() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    f.clock.advance(Seconds(31 * DAY.0));
    f.revoke(pair.refresh()).await.unwrap();
    assert_ended(&f, &pair).await;
}

#[tokio::test]
async fn another_client_cannot_revoke() {
    let f = Fixture::new().await;
    let other = f.register(r#""token_endpoint_auth_method":"none""#).await;
    let pair = f.connect().await;
    let before = f.dump().await;
    for token in [&pair.access_token, pair.refresh()] {
        assert_eq!(f.revoke_as(&other, token).await.unwrap_err().code, InvalidGrant);
    }
    assert!(f.dump().await == before);
    assert!(f.is_active(&pair.access_token).await);
}

#[tokio::test]
async fn a_token_that_nobody_knows_is_revoked_already() {
    let f = Fixture::new().await;
    let code = f.code().await;
    let pair = f.connect().await;
    let before = f.dump().await;
    let (access, refresh) = (tampered(&pair.access_token), tampered(pair.refresh()));
    for token in ["", "x", "mat_", &access, &refresh, &code, "' OR 1=1 --"] {
        f.revoke(token).await.unwrap();
    }
    assert!(f.dump().await == before);
}

#[tokio::test]
async fn revoking_twice_is_revoking_once() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    f.revoke(pair.refresh()).await.unwrap();
    let before = f.dump().await;
    f.clock.advance(Seconds(10));
    f.revoke(pair.refresh()).await.unwrap();
    f.revoke(&pair.access_token).await.unwrap();
    assert!(f.dump().await == before);
    assert_eq!(f.count(Event::GrantRevoked).await, 1);
}

async fn assert_ended(f: &Fixture, pair: &Pair) {
    assert!(!f.is_active(&pair.access_token).await);
    assert_eq!(f.refresh(pair.refresh()).await.unwrap_err().code, InvalidGrant);
    assert_eq!(f.grants().await[0].revoked_because, Some(RevokedBecause::Client));
    assert_eq!(f.events().await[0], (Event::GrantRevoked, Some("client".to_owned())));
}
