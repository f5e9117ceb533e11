//! A refresh token that its holder presents again: lost responses and racing processes.

use std::sync::Arc;

use mcp_oauthd::clock::Seconds;
use mcp_oauthd::oauth::ErrorCode::InvalidGrant;
use mcp_oauthd::storage::Event;

use crate::fixture::{DAY, Fixture};
use crate::tokens::Pair;

#[tokio::test]
async fn a_retry_within_the_grace_gets_the_same_pair_and_writes_nothing() {
    let f = Fixture::new().await;
    let first = f.connect().await;
    let second = f.refresh(first.refresh()).await.unwrap();
    // Even when the pair has been seen at work meanwhile.
    f.confirm(&second.access_token).await;
    f.clock.advance(Seconds(120));
    let before = f.dump().await;
    let again = f.refresh(first.refresh()).await.unwrap();
    assert_eq!(again, Pair { expires_in: 3480, ..second });
    assert!(f.dump().await == before);
}

#[tokio::test]
async fn a_retry_follows_the_successors_to_the_tip() {
    let f = Fixture::new().await;
    let first = f.connect().await;
    let mut tip = first.clone();
    for _ in 0..8 {
        tip = f.refresh(tip.refresh()).await.unwrap();
        assert_eq!(f.refresh(first.refresh()).await.unwrap(), tip);
    }
    // The ninth is too far away; nobody is thrown out for it.
    let ninth = f.refresh(tip.refresh()).await.unwrap();
    let before = f.dump().await;
    assert_eq!(f.refresh(first.refresh()).await.unwrap_err().code, InvalidGrant);
    assert!(f.dump().await == before);
    assert!(f.is_active(&ninth.access_token).await);
    f.refresh(ninth.refresh()).await.unwrap();
}

#[tokio::test]
async fn a_lost_response_can_be_fetched_days_later() {
    let f = Fixture::new().await;
    let first = f.connect().await;
    let lost = f.refresh(first.refresh()).await.unwrap();
    f.clock.advance(Seconds(5 * DAY.0));
    let found = f.refresh(first.refresh()).await.unwrap();
    assert_eq!(found.refresh(), lost.refresh());
    assert_ne!(found.access_token, lost.access_token, "that one has expired");
    assert!(f.is_active(&found.access_token).await);
    f.confirm(&found.access_token).await;
    f.refresh(found.refresh()).await.unwrap();
}

#[tokio::test]
async fn a_lost_response_cannot_be_fetched_when_what_it_held_has_expired() {
    let f = Fixture::new().await;
    let first = f.connect().await;
    f.refresh(first.refresh()).await.unwrap();
    f.clock.advance(Seconds(30 * DAY.0));
    let before = f.dump().await;
    assert_eq!(f.refresh(first.refresh()).await.unwrap_err().code, InvalidGrant);
    assert!(f.dump().await == before);
}

#[tokio::test]
async fn a_retry_after_half_the_access_tokens_life_gets_a_fresh_one() {
    let f = Fixture::new().await;
    let first = f.connect().await;
    let second = f.refresh(first.refresh()).await.unwrap();
    f.clock.advance(Seconds(1799));
    let early = f.refresh(first.refresh()).await.unwrap();
    assert_eq!(early.access_token, second.access_token);
    f.clock.advance(Seconds(1));
    let fresh = f.refresh(first.refresh()).await.unwrap();
    assert_eq!(fresh.refresh(), second.refresh());
    assert_ne!(fresh.access_token, second.access_token);
    assert_eq!(fresh.expires_in, 3600);
    assert!(f.is_active(&second.access_token).await);
    assert!(f.is_active(&fresh.access_token).await);
    // From then on that one is the pair's.
    let before = f.dump().await;
    assert_eq!(f.refresh(first.refresh()).await.unwrap(), fresh);
    assert!(f.dump().await == before);
}

#[tokio::test]
async fn a_fresh_access_token_of_a_late_retry_lives_until_its_end() {
    let mut f = Fixture::new().await;
    f.terms.access_token_lifetime = Seconds(3 * DAY.0);
    let first = f.connect().await;
    f.refresh(first.refresh()).await.unwrap();
    f.clock.advance(Seconds(30 * DAY.0 - 1));
    let fresh = f.refresh(first.refresh()).await.unwrap();
    f.clock.advance(Seconds(3 * DAY.0 - 1));
    f.sweep().await;
    assert!(f.is_active(&fresh.access_token).await, "its grant is kept for as long");
    f.clock.advance(Seconds(1));
    assert!(!f.is_active(&fresh.access_token).await);
}

#[tokio::test]
async fn a_fresh_access_token_confirms_the_pair_too() {
    let f = Fixture::new().await;
    let first = f.connect().await;
    f.refresh(first.refresh()).await.unwrap();
    f.clock.advance(DAY);
    let fresh = f.refresh(first.refresh()).await.unwrap();
    f.confirm(&fresh.access_token).await;
    assert_eq!(f.refresh(first.refresh()).await.unwrap_err().code, InvalidGrant);
    assert!(!f.is_active(&fresh.access_token).await);
}

#[tokio::test]
async fn a_used_token_may_be_retried_past_its_own_expiry() {
    let f = Fixture::new().await;
    let first = f.connect().await;
    f.clock.advance(Seconds(30 * DAY.0 - 1));
    let second = f.refresh(first.refresh()).await.unwrap();
    f.clock.advance(Seconds(60));
    assert_eq!(f.refresh(first.refresh()).await.unwrap().refresh(), second.refresh());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_get_the_same_tip() {
    let f = Arc::new(Fixture::new().await);
    let first = f.connect().await;
    let racers: Vec<_> = (0..50)
        .map(|_| {
            let (f, token) = (f.clone(), first.refresh().to_owned());
            tokio::spawn(async move { f.refresh(&token).await })
        })
        .collect();
    let mut answers = vec![];
    for racer in racers {
        answers.push(racer.await.unwrap().unwrap());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(f.count(Event::GrantRevoked).await, 0);
    f.refresh(answers[0].refresh()).await.unwrap();
}

#[tokio::test]
async fn without_a_grace_a_lost_response_can_still_be_fetched() {
    let mut f = Fixture::new().await;
    f.terms.refresh_grace = Seconds(0);
    let first = f.connect().await;
    let second = f.refresh(first.refresh()).await.unwrap();
    assert_eq!(f.refresh(first.refresh()).await.unwrap(), second);
    f.confirm(&second.access_token).await;
    assert_eq!(f.refresh(first.refresh()).await.unwrap_err().code, InvalidGrant);
    assert!(!f.is_active(&second.access_token).await);
}

#[tokio::test]
async fn a_clock_that_stepped_back_throws_nobody_out() {
    let mut f = Fixture::new().await;
    let first = f.connect().await;
    let second = f.refresh(first.refresh()).await.unwrap();
    f.confirm(&second.access_token).await;
    f.clock.advance(Seconds(-3600));
    for grace in [0, 120] {
        f.terms.refresh_grace = Seconds(grace);
        assert_eq!(f.refresh(first.refresh()).await.unwrap().refresh(), second.refresh());
    }
    let third = f.refresh(second.refresh()).await.unwrap();
    assert!(f.is_active(&third.access_token).await);
}

#[tokio::test]
async fn a_retry_that_narrows_gets_what_the_first_use_got() {
    let f = Fixture::new().await;
    let first = f.connect().await;
    let second = f.refresh(first.refresh()).await.unwrap();
    let narrowing = f.refresh_form(first.refresh()).with("scope", "read");
    let again = f.refresh_with(&narrowing).await.unwrap();
    assert_eq!(again, second, "the answer says its scope");
}
