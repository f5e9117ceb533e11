//! `grant_type=authorization_code`: what is needed, and what a refusal costs (nothing).

use mcp_oauthd::clock::Seconds;
use mcp_oauthd::oauth::ErrorCode::{
    self, InvalidClient, InvalidGrant, InvalidRequest, InvalidTarget,
};
use mcp_oauthd::revocation;
use mcp_oauthd::storage::Event;

use crate::fixture::{CHALLENGE, CODE_LIFETIME, Fixture, RESOURCE, VERIFIER, tampered};
use crate::form::Form;

#[tokio::test]
async fn a_code_becomes_a_grant_and_a_pair() {
    let f = Fixture::new().await;
    let code = f.code().await;
    assert!(f.grants().await.is_empty(), "a yes alone connects nothing");
    let pair = f.redeem(&f.code_form(&code)).await.unwrap();
    assert_eq!((pair.expires_in, pair.scope.as_str()), (3600, "mcp read"));
    let described = f.examine(&pair.access_token).await.unwrap();
    assert_eq!(described.grant.user_id, f.user.id);
    assert_eq!(described.grant.client_id, f.client.client_id);
    assert_eq!(described.grant.resource.as_str(), RESOURCE);
    assert_eq!(described.username.as_deref(), Some("ada"));
    assert_eq!(f.events().await[0].0, Event::GrantCreated);
}

#[tokio::test]
async fn two_codes_of_one_client_are_two_grants() {
    let f = Fixture::new().await;
    let (one, other) = (f.connect().await, f.connect().await);
    assert_eq!(f.grants().await.len(), 2);
    f.revoke(one.refresh()).await.unwrap();
    assert!(!f.is_active(&one.access_token).await);
    assert!(f.is_active(&other.access_token).await);
}

#[tokio::test]
async fn a_client_without_the_refresh_grant_gets_no_refresh_token() {
    let f = Fixture::new().await;
    let members = r#""token_endpoint_auth_method":"none","grant_types":["authorization_code"]"#;
    let client = f.register(members).await;
    let code = f.code_of(&client).await;
    let form = f.code_form(&code).with("client_id", client.client_id.as_str());
    let pair = f.redeem(&form).await.unwrap();
    assert_eq!(pair.refresh_token, None);
    assert!(f.is_active(&pair.access_token).await);
}

#[tokio::test]
async fn a_wrong_verifier_is_refused() {
    for wrong in [
        CHALLENGE,
        "",
        "short",
        &VERIFIER.to_lowercase(),
        &VERIFIER[..42],
        &format!("{VERIFIER}="),
        &format!("{VERIFIER}x"),
        &"a".repeat(129),
    ] {
        refuses(InvalidGrant, |form| form.with("code_verifier", wrong)).await;
    }
    refuses(InvalidGrant, |form| form.without("code_verifier")).await;
}

#[tokio::test]
async fn another_redirect_uri_is_refused() {
    for wrong in ["https://app.example/cb/", "https://app.example/CB", "https://evil.example/"] {
        refuses(InvalidGrant, |form| form.with("redirect_uri", wrong)).await;
    }
}

#[tokio::test]
async fn an_absent_redirect_uri_is_fine() {
    let f = Fixture::new().await;
    let code = f.code().await;
    f.redeem(&f.code_form(&code).without("redirect_uri")).await.unwrap();
}

#[tokio::test]
async fn another_resource_is_refused() {
    for wrong in ["https://other.example/mcp", "https://mcp.example/mcp/x", "mcp"] {
        refuses(InvalidTarget, |form| form.with("resource", wrong)).await;
        refuses(InvalidTarget, |form| {
            form.clone().and("resource", RESOURCE).and("resource", wrong)
        })
        .await;
    }
}

#[tokio::test]
async fn every_spelling_of_the_resource_is_the_resource() {
    for spelling in [RESOURCE, "https://MCP.example:443/mcp/", "https://mcp.example"] {
        let f = Fixture::new().await;
        let code = f.code().await;
        f.redeem(&f.code_form(&code).with("resource", spelling)).await.unwrap();
    }
}

#[tokio::test]
async fn another_clients_attempt_costs_the_owner_nothing() {
    let f = Fixture::new().await;
    let other = f.register(r#""token_endpoint_auth_method":"none""#).await;
    let code = f.code().await;
    let form = f.code_form(&code);
    let before = f.dump().await;
    let stolen = form.with("client_id", other.client_id.as_str());
    assert_eq!(f.redeem(&stolen).await.unwrap_err().code, InvalidGrant);
    assert_eq!(f.dump().await, before);
    f.redeem(&form).await.unwrap();
}

#[tokio::test]
async fn what_is_not_a_code_of_ours_is_refused() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    let code = f.code().await;
    let unknown = tampered(&code);
    for wrong in ["x", "mac_", &unknown, &code.to_uppercase(), &pair.access_token, pair.refresh()] {
        let error = f.redeem(&f.code_form(wrong)).await.unwrap_err();
        assert_eq!(error.code, InvalidGrant, "{error}");
    }
    let error = f.redeem(&f.code_form("")).await.unwrap_err();
    assert_eq!(error.code, InvalidRequest);
    f.redeem(&f.code_form(&code)).await.unwrap();
}

#[tokio::test]
async fn a_code_expires() {
    let f = Fixture::new().await;
    let (early, late) = (f.code().await, f.code().await);
    f.clock.advance(Seconds(CODE_LIFETIME.0 - 1));
    f.redeem(&f.code_form(&early)).await.unwrap();
    f.clock.advance(Seconds(1));
    assert_eq!(f.redeem(&f.code_form(&late)).await.unwrap_err().code, InvalidGrant);
    assert_eq!(f.grants().await.len(), 1);
}

#[tokio::test]
async fn a_disabled_user_gets_no_token() {
    let f = Fixture::new().await;
    let (code, id) = (f.code().await, f.user.id.clone());
    f.decide(move |conn, now| revocation::disable_user(conn, &id, now)).await.unwrap().unwrap();
    refused_unchanged(&f, &f.code_form(&code), InvalidGrant).await;
}

#[tokio::test]
async fn a_removed_user_gets_no_token() {
    let f = Fixture::new().await;
    let (code, id) = (f.code().await, f.user.id.clone());
    f.decide(move |conn, now| revocation::remove_user(conn, &id, now)).await.unwrap().unwrap();
    refused_unchanged(&f, &f.code_form(&code), InvalidGrant).await;
}

#[tokio::test]
async fn a_disabled_client_gets_no_token() {
    let f = Fixture::new().await;
    let (code, id) = (f.code().await, f.client.client_id.clone());
    f.write(move |conn, now| revocation::disable_client(conn, &id, now)).await.unwrap();
    refused_unchanged(&f, &f.code_form(&code), InvalidClient).await;
}

#[tokio::test]
async fn a_removed_client_gets_no_token() {
    let f = Fixture::new().await;
    let (code, id) = (f.code().await, f.client.client_id.clone());
    f.write(move |conn, now| revocation::remove_client(conn, &id, now)).await.unwrap();
    refused_unchanged(&f, &f.code_form(&code), InvalidClient).await;
}

#[tokio::test]
async fn a_removed_resource_gets_no_token() {
    let f = Fixture::new().await;
    let (code, resource) = (f.code().await, f.resource.clone());
    f.write(move |conn, now| revocation::remove_resource(conn, &resource, now)).await.unwrap();
    refused_unchanged(&f, &f.code_form(&code), InvalidGrant).await;
}

#[tokio::test]
async fn no_token_outlives_the_grant() {
    let mut f = Fixture::new().await;
    f.terms.grant_lifetime = Seconds(1000);
    let pair = f.connect().await;
    assert_eq!(pair.expires_in, 1000);
    let ends = f.grants().await[0].expires_at;
    assert_eq!(f.row(pair.refresh()).await.expires_at, ends);
    f.clock.advance(Seconds(1000));
    assert!(!f.is_active(&pair.access_token).await);
}

/// A form that is refused, changes nothing, and leaves the code to be redeemed by the right one.
async fn refuses(code: ErrorCode, spoil: impl Fn(&Form) -> Form) {
    let f = Fixture::new().await;
    let form = f.code_form(&f.code().await);
    refused_unchanged(&f, &spoil(&form), code).await;
    f.redeem(&form).await.unwrap();
}

async fn refused_unchanged(f: &Fixture, form: &Form, code: ErrorCode) {
    let before = f.dump().await;
    let error = f.redeem(form).await.unwrap_err();
    assert_eq!(error.code, code, "{error}");
    assert!(f.dump().await == before, "a refusal has changed something");
}
