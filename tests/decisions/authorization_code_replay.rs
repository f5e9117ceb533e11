//! A code that is presented again: RFC 6749 section 4.1.2, OAuth 2.1 section 7.5.3.

use std::sync::Arc;

use mcp_oauthd::clock::Seconds;
use mcp_oauthd::oauth::ErrorCode::{InvalidGrant, InvalidTarget};
use mcp_oauthd::storage::{Event, RevokedBecause};

use crate::fixture::{CODE_LIFETIME, Fixture};

#[tokio::test]
async fn a_second_valid_use_ends_what_the_first_gave() {
    let f = Fixture::new().await;
    let form = f.code_form(&f.code().await);
    let pair = f.redeem(&form).await.unwrap();
    let next = f.refresh(pair.refresh()).await.unwrap();
    assert_eq!(f.redeem(&form).await.unwrap_err().code, InvalidGrant);
    for token in [&pair.access_token, &next.access_token] {
        assert!(!f.is_active(token).await);
    }
    assert_eq!(f.refresh(next.refresh()).await.unwrap_err().code, InvalidGrant);
    let because = RevokedBecause::CodeReplayed;
    assert_eq!(f.grants().await[0].revoked_because, Some(because));
    assert_eq!(f.events().await[0], (Event::GrantRevoked, Some(because.to_string())));
}

#[tokio::test]
async fn a_second_valid_use_counts_after_the_code_has_expired() {
    let f = Fixture::new().await;
    let form = f.code_form(&f.code().await);
    let pair = f.redeem(&form).await.unwrap();
    f.clock.advance(Seconds(CODE_LIFETIME.0 + 1));
    assert_eq!(f.redeem(&form).await.unwrap_err().code, InvalidGrant);
    assert!(!f.is_active(&pair.access_token).await);
}

#[tokio::test]
async fn a_third_use_adds_nothing() {
    let f = Fixture::new().await;
    let form = f.code_form(&f.code().await);
    f.redeem(&form).await.unwrap();
    f.redeem(&form).await.unwrap_err();
    let before = f.dump().await;
    assert_eq!(f.redeem(&form).await.unwrap_err().code, InvalidGrant);
    assert!(f.dump().await == before);
}

#[tokio::test]
async fn a_second_invalid_use_ends_nothing() {
    let f = Fixture::new().await;
    let other = f.register(r#""token_endpoint_auth_method":"none""#).await;
    let form = f.code_form(&f.code().await);
    let pair = f.redeem(&form).await.unwrap();
    let before = f.dump().await;
    for (spoilt, code) in [
        (form.with("code_verifier", &"x".repeat(43)), InvalidGrant),
        (form.with("client_id", other.client_id.as_str()), InvalidGrant),
        (form.with("redirect_uri", "https://evil.example/"), InvalidGrant),
        (form.with("resource", "https://evil.example/"), InvalidTarget),
    ] {
        assert_eq!(f.redeem(&spoilt).await.unwrap_err().code, code);
    }
    assert!(f.dump().await == before);
    assert!(f.is_active(&pair.access_token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_redemptions_at_once_one_makes_one_grant() {
    let f = Arc::new(Fixture::new().await);
    let form = f.code_form(&f.code().await);
    let racers: Vec<_> = (0..50)
        .map(|_| {
            let (f, form) = (f.clone(), form.clone());
            tokio::spawn(async move { f.redeem(&form).await })
        })
        .collect();
    let mut issued = 0;
    for racer in racers {
        match racer.await.unwrap() {
            Ok(_) => issued += 1,
            Err(error) => assert_eq!(error.code, InvalidGrant),
        }
    }
    assert_eq!((issued, f.grants().await.len()), (1, 1));
    assert_eq!(f.count(Event::GrantRevoked).await, 1);
}
