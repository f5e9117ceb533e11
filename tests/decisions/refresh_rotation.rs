//! `grant_type=refresh_token`: the ordinary use, and what is refused without a trace.

use mcp_oauthd::clock::Seconds;
use mcp_oauthd::oauth::ErrorCode::{
    self, InvalidClient, InvalidGrant, InvalidRequest, InvalidTarget,
};
use mcp_oauthd::revocation;
use mcp_oauthd::storage::access_tokens;

use crate::fixture::{DAY, Fixture, RESOURCE, tampered};
use crate::form::Form;

#[tokio::test]
async fn each_use_gives_a_new_pair() {
    let f = Fixture::new().await;
    let first = f.connect().await;
    let second = f.refresh(first.refresh()).await.unwrap();
    assert_ne!(first.refresh(), second.refresh());
    assert_ne!(first.access_token, second.access_token);
    assert_eq!((second.expires_in, second.scope.as_str()), (3600, "mcp read"));
    // The earlier access token lives on until its own end.
    assert!(f.is_active(&first.access_token).await);
    assert!(f.is_active(&second.access_token).await);
    assert_eq!(f.grants().await.len(), 1);
}

#[tokio::test]
async fn a_long_chain_works_and_its_access_tokens_expire() {
    let f = Fixture::new().await;
    let first = f.connect().await;
    let mut pair = first.clone();
    for _ in 0..50 {
        f.clock.advance(Seconds(3600));
        let next = f.refresh(pair.refresh()).await.unwrap();
        assert!(!f.is_active(&pair.access_token).await);
        f.confirm(&next.access_token).await;
        pair = next;
    }
    assert!(f.is_active(&pair.access_token).await);
    assert!(!f.is_active(&first.access_token).await);
}

#[tokio::test]
async fn an_access_token_that_was_introspected_after_its_end_stays_and_costs_no_login() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    f.clock.advance(Seconds(3601));
    let before = f.dump().await;
    assert!(!f.is_active(&pair.access_token).await);
    assert!(f.dump().await == before);
    f.refresh(pair.refresh()).await.unwrap();
}

#[tokio::test]
async fn an_expired_unused_token_changes_nothing() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    f.clock.advance(Seconds(30 * DAY.0));
    refused_unchanged(&f, &f.refresh_form(pair.refresh()), InvalidGrant).await;
}

#[tokio::test]
async fn another_clients_attempt_costs_the_owner_nothing() {
    let f = Fixture::new().await;
    let other = f.register(r#""token_endpoint_auth_method":"none""#).await;
    let (unused, used) = (f.connect().await, f.connect().await);
    let next = f.refresh(used.refresh()).await.unwrap();
    f.confirm(&next.access_token).await;
    f.clock.advance(Seconds(3000));
    // A used one too, which would be a replay if the owner presented it.
    for token in [unused.refresh(), used.refresh(), next.refresh()] {
        let form = f.refresh_form(token).with("client_id", other.client_id.as_str());
        refused_unchanged(&f, &form, InvalidGrant).await;
    }
    f.refresh(unused.refresh()).await.unwrap();
    f.refresh(next.refresh()).await.unwrap();
}

#[tokio::test]
async fn what_is_not_a_refresh_token_of_ours_is_refused() {
    let f = Fixture::new().await;
    let code = f.code().await;
    let pair = f.connect().await;
    let unknown = tampered(pair.refresh());
    for wrong in ["x", "mrt_", &unknown, &format!("{}=", pair.refresh()), &pair.access_token, &code]
    {
        refused_unchanged(&f, &f.refresh_form(wrong), InvalidGrant).await;
    }
    refused_unchanged(&f, &f.refresh_form(""), InvalidRequest).await;
    f.refresh(pair.refresh()).await.unwrap();
}

#[tokio::test]
async fn a_scope_may_shrink_and_never_grow() {
    let f = Fixture::new().await;
    let mut pair = f.connect().await;
    for (asked, given) in [
        ("read", "read"),
        ("mcp admin", "mcp"),
        // Nothing in common counts as nothing asked.
        ("admin", "mcp read"),
        // Narrowing is of the access token alone: the next one has it all.
        ("", "mcp read"),
        ("read mcp", "mcp read"),
    ] {
        let form = f.refresh_form(pair.refresh()).with("scope", asked);
        pair = f.refresh_with(&form).await.unwrap();
        assert_eq!(pair.scope, given, "{asked}");
        let described = f.examine(&pair.access_token).await.unwrap();
        assert_eq!(described.token.scope.to_string(), given, "{asked}");
    }
}

#[tokio::test]
async fn every_spelling_of_the_resource_is_the_resource() {
    let f = Fixture::new().await;
    let mut pair = f.connect().await;
    for spelling in ["", RESOURCE, "https://MCP.example:443/mcp/", "https://mcp.example"] {
        let form = f.refresh_form(pair.refresh()).with("resource", spelling);
        pair = f.refresh_with(&form).await.unwrap();
    }
}

#[tokio::test]
async fn another_resource_is_refused_and_consumes_nothing() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    for wrong in ["https://other.example/mcp", "https://mcp.example/mcp/x", "mcp"] {
        let form = f.refresh_form(pair.refresh()).with("resource", wrong);
        refused_unchanged(&f, &form, InvalidTarget).await;
        refused_unchanged(&f, &form.and("resource", RESOURCE), InvalidTarget).await;
    }
    f.refresh(pair.refresh()).await.unwrap();
}

#[tokio::test]
async fn a_disabled_user_gets_no_token() {
    let f = Fixture::new().await;
    let (pair, id) = (f.connect().await, f.user.id.clone());
    // In the row alone, as if the grants had not been found.
    f.write(move |conn, now| mcp_oauthd::storage::users::disable(conn, &id, now)).await;
    refused_unchanged(&f, &f.refresh_form(pair.refresh()), InvalidGrant).await;
}

#[tokio::test]
async fn a_removed_user_gets_no_token() {
    let f = Fixture::new().await;
    let (pair, id) = (f.connect().await, f.user.id.clone());
    f.write(move |conn, _| mcp_oauthd::storage::users::remove(conn, &id)).await;
    refused_unchanged(&f, &f.refresh_form(pair.refresh()), InvalidGrant).await;
}

#[tokio::test]
async fn a_disabled_client_gets_no_token() {
    let f = Fixture::new().await;
    let (pair, id) = (f.connect().await, f.client.client_id.clone());
    f.write(move |conn, now| revocation::disable_client(conn, &id, now)).await.unwrap();
    refused_unchanged(&f, &f.refresh_form(pair.refresh()), InvalidClient).await;
}

#[tokio::test]
async fn no_database_column_gives_the_next_token_away() {
    let f = Fixture::new().await;
    let first = f.connect().await;
    let second = f.refresh(first.refresh()).await.unwrap();
    let everything = f.dump().await.concat();
    assert!(everything.contains(f.client.client_id.as_str()));
    for token in [&first.access_token, first.refresh(), &second.access_token, second.refresh()] {
        assert!(!everything.contains(token));
    }
    // What is kept of an access token is its hash, and that is no token.
    let id = f.examine(&second.access_token).await.unwrap().token.id;
    let kept = f.read(|conn| access_tokens::find(conn, id)).await.unwrap();
    assert!(!second.access_token.as_bytes().windows(32).any(|bytes| bytes == kept.hash.0));
}

async fn refused_unchanged(f: &Fixture, form: &Form, code: ErrorCode) {
    let before = f.dump().await;
    let error = f.refresh_with(form).await.unwrap_err();
    assert_eq!(error.code, code, "{error}");
    assert!(f.dump().await == before, "a refusal has changed something");
}
