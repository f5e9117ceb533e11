//! A refresh token that somebody else has gone on with: two holders of one login.

use mcp_oauthd::clock::Seconds;
use mcp_oauthd::oauth::ErrorCode::InvalidGrant;
use mcp_oauthd::storage::{Event, RevokedBecause};

use crate::fixture::{DAY, Fixture};

#[tokio::test]
async fn a_replay_after_the_grace_ends_the_grant_when_the_pair_was_at_work() {
    let f = Fixture::new().await;
    let first = f.connect().await;
    let second = f.refresh(first.refresh()).await.unwrap();
    f.confirm(&second.access_token).await;
    f.clock.advance(Seconds(121));
    assert_replay_ends_everything(&f, first.refresh(), second.refresh(), &second.access_token)
        .await;
}

#[tokio::test]
async fn a_replay_after_the_grace_ends_the_grant_when_the_pair_was_used() {
    let f = Fixture::new().await;
    let first = f.connect().await;
    let second = f.refresh(first.refresh()).await.unwrap();
    f.clock.advance(Seconds(121));
    let third = f.refresh(second.refresh()).await.unwrap();
    assert_replay_ends_everything(&f, first.refresh(), third.refresh(), &third.access_token).await;
}

#[tokio::test]
async fn a_token_of_long_ago_ends_the_grant() {
    let f = Fixture::new().await;
    let first = f.connect().await;
    let mut tip = first.clone();
    for _ in 0..12 {
        f.clock.advance(DAY);
        tip = f.refresh(tip.refresh()).await.unwrap();
    }
    assert_replay_ends_everything(&f, first.refresh(), tip.refresh(), &tip.access_token).await;
}

#[tokio::test]
async fn a_replay_ends_one_grant_of_the_client_and_not_the_other() {
    let f = Fixture::new().await;
    let (first, other) = (f.connect().await, f.connect().await);
    let second = f.refresh(first.refresh()).await.unwrap();
    f.confirm(&second.access_token).await;
    f.clock.advance(Seconds(121));
    f.refresh(first.refresh()).await.unwrap_err();
    assert!(f.is_active(&other.access_token).await);
    f.refresh(other.refresh()).await.unwrap();
}

#[tokio::test]
async fn nothing_brings_a_grant_back() {
    let f = Fixture::new().await;
    let first = f.connect().await;
    let second = f.refresh(first.refresh()).await.unwrap();
    f.revoke(&second.access_token).await.unwrap();
    let before = f.dump().await;
    for length in [0, 121, -7200] {
        f.clock.advance(Seconds(length));
        for token in [first.refresh(), second.refresh()] {
            assert_eq!(f.refresh(token).await.unwrap_err().code, InvalidGrant);
        }
        assert!(!f.is_active(&second.access_token).await);
    }
    assert!(f.dump().await == before);
}

async fn assert_replay_ends_everything(f: &Fixture, replayed: &str, tip: &str, access: &str) {
    assert!(f.is_active(access).await);
    assert_eq!(f.refresh(replayed).await.unwrap_err().code, InvalidGrant);
    let because = RevokedBecause::RefreshReplayed;
    assert_eq!(f.events().await[0], (Event::GrantRevoked, Some(because.to_string())));
    assert_eq!(f.grants().await[0].revoked_because, Some(because));
    assert!(!f.is_active(access).await);
    // Once: who comes after that changes nothing.
    let before = f.dump().await;
    for token in [replayed, tip] {
        assert_eq!(f.refresh(token).await.unwrap_err().code, InvalidGrant);
    }
    assert!(f.dump().await == before);
}
