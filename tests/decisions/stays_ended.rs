//! What has ended does not come back, however quickly somebody changes his mind.

use mcp_oauthd::accounts::enable_user;
use mcp_oauthd::authorization::admission;
use mcp_oauthd::oauth::ErrorCode::{InvalidGrant, InvalidRequest};
use mcp_oauthd::oauth::{TokenKind, TokenSecret};
use mcp_oauthd::revocation;
use mcp_oauthd::storage::{Audience, codes};

use crate::access::settle;
use crate::fixture::Fixture;

#[tokio::test]
async fn what_was_narrowed_is_written_down_before_it_is_widened() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    f.open_to(Audience::Everybody, Some("read")).await;
    let resource = f.resource.clone();
    let widen = f.decide(move |conn, now| {
        admission::open_to(conn, &resource, (Audience::Everybody, None), now)
    });
    assert_eq!(widen.await.unwrap_err().code, InvalidRequest, "its row does not say so yet");
    assert_eq!(settle(&f).await, 1);
    f.open_to(Audience::Everybody, None).await;
    assert!(!f.is_active(&pair.access_token).await, "what has ended stays ended");
}

#[tokio::test]
async fn a_name_on_the_list_does_not_bring_back_what_has_ended() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    f.open_to(Audience::Named, None).await;
    assert!(!f.is_active(&pair.access_token).await);
    assert_eq!(f.grants().await[0].revoked_at, None, "its row does not say so yet");
    f.allow(&f.user, None).await;
    assert!(!f.is_active(&pair.access_token).await);
    assert_eq!(f.refresh(pair.refresh()).await.unwrap_err().code, InvalidGrant);
    assert!(f.is_active(&f.connect().await.access_token).await, "she may connect anew");
}

#[tokio::test]
async fn a_code_does_not_outlive_what_has_ended_its_grants() {
    let f = Fixture::new().await;
    let (of_user, id) = (f.code().await, f.user.id.clone());
    let off_and_on = f.decide(move |conn, now| {
        revocation::disable_user(conn, &id, now)?;
        Ok(enable_user(conn, &id, now)?)
    });
    assert!(off_and_on.await.unwrap());
    assert_eq!(f.redeem(&f.code_form(&of_user)).await.unwrap_err().code, InvalidGrant);

    let (of_client, id) = (f.code().await, f.client.client_id.clone());
    f.write(move |conn, now| revocation::disable_client(conn, &id, now)).await;
    let of_client = TokenSecret::parse(TokenKind::Code, &of_client).unwrap();
    let code = f.read(|conn| codes::find(conn, of_client.id())).await;
    assert!(code.unwrap().redeemed_at.is_some(), "when the client is switched on again");
}
