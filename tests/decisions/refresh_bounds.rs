//! What a rotation keeps, and for how long.

use mcp_oauthd::clock::Seconds;
use mcp_oauthd::oauth::ErrorCode::InvalidGrant;

use crate::fixture::{DAY, Fixture};

#[tokio::test]
async fn the_grants_end_bounds_every_token() {
    let mut f = Fixture::new().await;
    f.terms.grant_lifetime = Seconds(5000);
    let first = f.connect().await;
    let ends = f.grants().await[0].expires_at;
    f.clock.advance(Seconds(4900));
    let second = f.refresh(first.refresh()).await.unwrap();
    assert_eq!(second.expires_in, 100);
    assert_eq!(f.row(second.refresh()).await.expires_at, ends);
    f.clock.advance(Seconds(100));
    assert!(!f.is_active(&second.access_token).await);
    let before = f.dump().await;
    for token in [first.refresh(), second.refresh()] {
        assert_eq!(f.refresh(token).await.unwrap_err().code, InvalidGrant);
    }
    assert!(f.dump().await == before);
}

#[tokio::test]
async fn a_refresh_token_lives_from_its_own_issue() {
    let f = Fixture::new().await;
    let mut pair = f.connect().await;
    for _ in 0..3 {
        f.clock.advance(Seconds(29 * DAY.0));
        pair = f.refresh(pair.refresh()).await.unwrap();
        let left = f.row(pair.refresh()).await.expires_at - f.clock.now();
        assert_eq!(left, Seconds(30 * DAY.0));
    }
}

#[tokio::test]
async fn salts_are_erased_when_their_grace_is_over_and_not_before() {
    let f = Fixture::new().await;
    let first = f.connect().await;
    let second = f.refresh(first.refresh()).await.unwrap();
    let third = f.refresh(second.refresh()).await.unwrap();
    // Within the grace a retry of the first needs them.
    f.clock.advance(Seconds(120));
    let third = f.refresh(third.refresh()).await.unwrap();
    assert!(f.row(first.refresh()).await.salt.is_some());
    f.clock.advance(Seconds(1));
    let fourth = f.refresh(third.refresh()).await.unwrap();
    for token in [first.refresh(), second.refresh()] {
        assert!(f.row(token).await.salt.is_none());
    }
    // The one just used may still be retried; the unused one has none yet.
    assert!(f.row(third.refresh()).await.salt.is_some());
    assert!(f.row(fourth.refresh()).await.salt.is_none());
}

#[tokio::test]
async fn without_a_grace_salts_are_erased_at_once() {
    let mut f = Fixture::new().await;
    f.terms.refresh_grace = Seconds(0);
    let first = f.connect().await;
    let second = f.refresh(first.refresh()).await.unwrap();
    assert!(f.row(first.refresh()).await.salt.is_some(), "a lost answer can be fetched");
    f.refresh(second.refresh()).await.unwrap();
    assert!(f.row(first.refresh()).await.salt.is_none());
}

#[tokio::test]
async fn two_uses_of_equal_terms_give_unequal_tokens() {
    let f = Fixture::new().await;
    let (one, other) = (f.connect().await, f.connect().await);
    let one = f.refresh(one.refresh()).await.unwrap();
    let other = f.refresh(other.refresh()).await.unwrap();
    assert_ne!(one.access_token, other.access_token);
    assert_ne!(one.refresh()[15..], other.refresh()[15..], "the secret, not only the key");
}

#[tokio::test]
async fn the_last_use_of_a_grant_is_noted_hourly() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    let connected = f.clock.now();
    f.clock.advance(Seconds(3599));
    let pair = f.refresh(pair.refresh()).await.unwrap();
    assert_eq!(f.grants().await[0].last_used_at, connected);
    f.clock.advance(Seconds(1));
    f.refresh(pair.refresh()).await.unwrap();
    let grant = &f.grants().await[0];
    assert_eq!(grant.last_used_at, f.clock.now());
    assert_eq!(grant.tokens_until - f.clock.now(), Seconds(30 * DAY.0));
}
