//! What a client does with its own registration: RFC 7592.

use mcp_oauthd::app::Network;
use mcp_oauthd::authorization::{consent, request};
use mcp_oauthd::clients::configuration::{self, Replacement};
use mcp_oauthd::clients::connecting::{self, MayConnect};
use mcp_oauthd::clients::registration::{self, Newcomer, Registered};
use mcp_oauthd::clock::Seconds;
use mcp_oauthd::config::{Connecting, Newcomers};
use mcp_oauthd::oauth::ErrorCode::{
    AccessDenied, InvalidClientMetadata, InvalidGrant, InvalidToken,
};
use mcp_oauthd::oauth::{ErrorCode, OAuthError};
use mcp_oauthd::revocation;
use mcp_oauthd::storage::clients::{self, Client};
use mcp_oauthd::storage::{ClientOrigin, Event};

use crate::fixture::{BOUNDS, DAY, Fixture, REDIRECT_URI, approve, issuer};

const PUBLIC: &str = r#""token_endpoint_auth_method":"none""#;
const SECRET: &str = r#""token_endpoint_auth_method":"client_secret_basic""#;
const ELSEWHERE: &str = "https://app.example/elsewhere";

#[tokio::test]
async fn a_token_is_for_its_own_client_only() {
    let f = Fixture::new().await;
    let (a, token_a) = own(&f, "A").await;
    let (b, token_b) = own(&f, "B").await;
    let configured = f.register_as(ClientOrigin::Configured, PUBLIC).await;
    holds(&f, a.client_id.as_str(), Some(&token_a)).await.unwrap();
    for (id, token) in [
        (b.client_id.as_str(), Some(&*token_a)),
        (a.client_id.as_str(), Some(&*token_b)),
        (a.client_id.as_str(), Some("")),
        (a.client_id.as_str(), None),
        (configured.client_id.as_str(), Some(&*token_a)),
        (configured.client_id.as_str(), Some("")),
        ("mcpcNobody", Some(&*token_a)),
        ("no id: at all", Some(&*token_a)),
    ] {
        let error = holds(&f, id, token).await.unwrap_err();
        assert_eq!(error.code, InvalidToken, "{id}");
        assert_eq!(error, holds(&f, "mcpcNobody", Some("x")).await.unwrap_err(), "{id}");
    }
    let disabled = a.client_id.clone();
    f.write(move |conn, now| revocation::disable_client(conn, &disabled, now)).await;
    assert!(holds(&f, a.client_id.as_str(), Some(&token_a)).await.is_err());
}

#[tokio::test]
async fn an_update_replaces_everything() {
    let f = Fixture::new().await;
    let (client, token) = own(&f, "A").await;
    let changed = put(&f, &client, &token, &said(&client, REDIRECT_URI, PUBLIC)).await.unwrap();
    assert_eq!(changed.metadata.client_name, None, "what is left out is deleted");
    assert_eq!(
        (changed.client_id, changed.created_at),
        (client.client_id.clone(), client.created_at)
    );
    let row = f.read(|conn| clients::find(conn, &client.client_id)).await.unwrap();
    assert_eq!((row.metadata, row.name), (changed.metadata, String::new()));
    holds(&f, client.client_id.as_str(), Some(&token)).await.unwrap();
}

#[tokio::test]
async fn an_update_for_another_client_or_with_another_secret_changes_nothing() {
    let f = Fixture::new().await;
    let (client, token) = own(&f, "A").await;
    let (other, _) = own(&f, "B").await;
    let before = f.dump().await;
    let members = format!(r#"{PUBLIC},"client_secret":"mine""#);
    for body in [said(&other, REDIRECT_URI, PUBLIC), said(&client, REDIRECT_URI, &members)] {
        let error = put(&f, &client, &token, &body).await.unwrap_err();
        assert_eq!(error.code, InvalidClientMetadata, "{body}");
    }
    assert_eq!(f.dump().await, before);
}

#[tokio::test]
async fn a_secret_comes_and_goes_with_the_way_to_authenticate() {
    let f = Fixture::new().await;
    let (client, token) = own(&f, "A").await;
    let update = async |members: &str| {
        put_for_secret(&f, &client, &token, &said(&client, REDIRECT_URI, members)).await.unwrap()
    };
    let (row, secret) = update(SECRET).await;
    let secret = secret.unwrap();
    assert!(row.fingerprint.is_none(), "a confidential client is like no other");
    let with_secret = format!(r#"{SECRET},"client_secret":"{secret}""#);
    for members in [SECRET, &with_secret, &SECRET.replace("basic", "post")] {
        let (again, new) = update(members).await;
        assert!(new.is_none() && again.secret_hash == row.secret_hash, "it has one: {members}");
    }
    let (public, none) = update(PUBLIC).await;
    assert!(none.is_none() && public.secret_hash.is_none() && public.fingerprint.is_some());
    assert_ne!(update(SECRET).await.1.unwrap(), secret, "the old one does not come back");
}

#[tokio::test]
async fn nobody_becomes_a_client_that_was_altered_by_registering_what_it_was() {
    let f = Fixture::new().await;
    let (client, token) = own(&f, "A").await;
    put(&f, &client, &token, &said(&client, ELSEWHERE, PUBLIC)).await.unwrap();
    let (fresh, _) = own(&f, "A").await;
    assert_ne!(fresh.client_id, client.client_id);
    assert_eq!(fresh.metadata.redirect_uris[0].as_str(), REDIRECT_URI);
}

#[tokio::test]
async fn of_two_that_became_alike_everybody_gets_the_same_and_a_disabled_one_first() {
    let f = Fixture::new().await;
    let (a, _) = own(&f, "A").await;
    f.clock.advance(Seconds(1));
    let (b, token) = own(&f, "B").await;
    let as_a = said(&b, REDIRECT_URI, &format!(r#"{PUBLIC},"client_name":"A""#));
    put(&f, &b, &token, &as_a).await.unwrap();
    assert!(f.read(|conn| clients::find(conn, &a.client_id)).await.is_some(), "nothing is merged");
    for _ in 0..3 {
        assert_eq!(register(&f, "A").await.client.client_id, a.client_id);
    }
    holds(&f, b.client_id.as_str(), Some(&token)).await.unwrap();
    let disabled = b.client_id.clone();
    f.write(move |conn, now| revocation::disable_client(conn, &disabled, now)).await;
    assert_eq!(register(&f, "A").await.client.client_id, b.client_id);
}

#[tokio::test]
async fn two_updates_at_once_leave_one_of_them_whole() {
    let f = Fixture::new().await;
    let (client, token) = own(&f, "A").await;
    let bodies = [
        said(&client, REDIRECT_URI, &format!(r#"{PUBLIC},"client_name":"one""#)),
        said(&client, ELSEWHERE, &format!(r#"{SECRET},"client_name":"other""#)),
    ];
    let (one, other) =
        tokio::join!(put(&f, &client, &token, &bodies[0]), put(&f, &client, &token, &bodies[1]));
    let row = f.read(|conn| clients::find(conn, &client.client_id)).await.unwrap();
    let candidates = [one.unwrap(), other.unwrap()];
    assert!(candidates.iter().any(|candidate| candidate.metadata == row.metadata));
    assert_eq!(row.metadata.is_public(), row.secret_hash.is_none());
    assert_eq!(Some(row.name), row.metadata.client_name);
}

#[tokio::test]
async fn an_update_that_comes_after_somebody_shares_it_is_refused() {
    let f = Fixture::new().await;
    let (client, token) = own(&f, "A").await;
    let body = said(&client, ELSEWHERE, PUBLIC);
    let (_, updated) = tokio::join!(register(&f, "A"), put(&f, &client, &token, &body));
    assert_eq!(updated.unwrap_err().code, InvalidToken);
    let row = f.read(|conn| clients::find(conn, &client.client_id)).await.unwrap();
    assert_eq!(row.metadata, client.metadata);
}

#[tokio::test]
async fn an_approval_was_for_the_client_as_it_was() {
    let f = Fixture::new().await;
    let (client, token) = own(&f, "A").await;
    let approved = format!(
        "UPDATE oauth_clients SET approved_at = 1, asked_at = 1, asked_by = 'mcpu1' WHERE client_id = '{}'",
        client.client_id
    );
    f.sql(approved).await;
    let same = said(&client, REDIRECT_URI, &format!(r#"{PUBLIC},"client_name":"A""#));
    assert!(put(&f, &client, &token, &same).await.unwrap().approved_at.is_some());
    let row = put(&f, &client, &token, &said(&client, ELSEWHERE, PUBLIC)).await.unwrap();
    assert_eq!((row.approved_at, row.asked_at, row.asked_by), (None, None, None));
    assert_eq!(f.count(Event::ClientUpdated).await, 1, "and only a change is recorded");
}

#[tokio::test]
async fn a_code_from_before_a_change_is_no_yes_to_what_has_changed() {
    let f = Fixture::new().await;
    let (client, token) = own(&f, "A").await;
    let code = f.code_of(&client).await;
    f.clock.advance(Seconds(1));
    let other = format!(r#"{PUBLIC},"client_name":"Claude""#);
    put(&f, &client, &token, &said(&client, REDIRECT_URI, &other)).await.unwrap();
    f.clock.advance(Seconds(1));
    let form = f.code_form(&code).with("client_id", client.client_id.as_str());
    f.redeem(&form).await.unwrap();
    let row = f.read(|conn| clients::find(conn, &client.client_id)).await.unwrap();
    let ask = Connecting { newcomers: Newcomers::Ask, known: vec![] };
    assert_eq!(connecting::may_connect(&row, &ask), MayConnect::Waits);
}

#[tokio::test]
async fn where_a_client_leads_no_more_nobody_is_sent() {
    let f = Fixture::new().await;
    let (client, token) = own(&f, "A").await;
    let ada = f.sign_in(&f.user).await;
    let asked = f.asked(&client);
    let most = 100;
    let cookie =
        f.write(move |conn, now| request::keep(conn, &asked, DAY, most, now)).await.reveal();
    let code = f.code_of(&client).await;
    put(&f, &client, &token, &said(&client, ELSEWHERE, PUBLIC)).await.unwrap();
    for yes in [true, false] {
        let (cookie, ada) = (cookie.clone(), ada.clone());
        let answer = f.decide(move |conn, now| {
            use mcp_oauthd::oauth::{TokenKind, TokenSecret};
            let cookie = TokenSecret::parse(TokenKind::AuthorizationRequest, &cookie).unwrap();
            if yes {
                approve(conn, &cookie, &ada, now)
            } else {
                consent::deny(conn, &cookie, &ada, &issuer(), now)
            }
        });
        assert_eq!(answer.await.unwrap_err().code, AccessDenied);
    }
    let form = f.code_form(&code).with("client_id", client.client_id.as_str());
    assert_eq!(f.redeem(&form).await.unwrap_err().code, InvalidGrant);
    // It was not used up: who changes back gets what was agreed to.
    put(&f, &client, &token, &said(&client, REDIRECT_URI, PUBLIC)).await.unwrap();
    f.redeem(&form).await.unwrap();
}

#[tokio::test]
async fn connections_survive_an_update_and_end_with_the_registration() {
    let f = Fixture::new().await;
    let (client, token) = own(&f, "A").await;
    let code = f.code_of(&client).await;
    let form = f.code_form(&code).with("client_id", client.client_id.as_str());
    let pair = f.redeem(&form).await.unwrap();
    let open = f.code_of(&client).await;
    put(&f, &client, &token, &said(&client, REDIRECT_URI, PUBLIC)).await.unwrap();
    assert!(f.is_active(&pair.access_token).await);
    assert_eq!(f.count(Event::ClientUpdated).await, 1);
    end(&f, &client, &token).await.unwrap();
    assert!(!f.is_active(&pair.access_token).await);
    let form = f.code_form(&open).with("client_id", client.client_id.as_str());
    assert_eq!(f.redeem(&form).await.unwrap_err().code, ErrorCode::InvalidClient);
    assert_eq!(end(&f, &client, &token).await.unwrap_err().code, InvalidToken);
    assert_eq!(f.count(Event::ClientDeregistered).await, 1);
    assert_eq!(f.count(Event::ClientRemoved).await, 0, "that is what the operator does");
}

#[tokio::test]
async fn what_strangers_do_among_themselves_is_not_kept() {
    let f = Fixture::new().await;
    let before = f.events().await.len();
    for _ in 0..10 {
        let (client, token) = own(&f, "A").await;
        put(&f, &client, &token, &said(&client, ELSEWHERE, PUBLIC)).await.unwrap();
        end(&f, &client, &token).await.unwrap();
    }
    assert!(f.events().await.len() <= before + 1, "{:?}", f.events().await);
}

/// A registration, and the token for it.
async fn own(f: &Fixture, name: &'static str) -> (Client, String) {
    let registered = register(f, name).await;
    (registered.client, registered.registration_token.unwrap().reveal())
}

async fn register(f: &Fixture, name: &'static str) -> Registered {
    let body = format!(r#"{{"redirect_uris":["{REDIRECT_URI}"],{PUBLIC},"client_name":"{name}"}}"#);
    let work = move |conn: &mut _, now| {
        let metadata = registration::metadata(body.as_bytes(), &BOUNDS).unwrap();
        let newcomer = Newcomer { network: home(), token: None };
        registration::register_itself(conn, &metadata, &newcomer, &BOUNDS, now)
    };
    f.decide(work).await.unwrap()
}

/// The body of an update.
fn said(client: &Client, redirect_uri: &str, members: &str) -> String {
    let id = &client.client_id;
    format!(r#"{{"client_id":"{id}","redirect_uris":["{redirect_uri}"],{members}}}"#)
}

async fn put(f: &Fixture, client: &Client, token: &str, body: &str) -> Result<Client, OAuthError> {
    Ok(put_for_secret(f, client, token, body).await?.0)
}

async fn put_for_secret(
    f: &Fixture,
    client: &Client,
    token: &str,
    body: &str,
) -> Result<(Client, Option<String>), OAuthError> {
    let wanted = Replacement::read(body.as_bytes(), &BOUNDS)?;
    let (id, token) = (client.client_id.to_string(), token.to_owned());
    let work = move |conn: &mut _, now| {
        let registrant = configuration::authenticate(conn, &id, &token)?;
        configuration::replace(conn, registrant, &wanted, home(), now)
    };
    let (client, secret) = f.decide(work).await?;
    Ok((client, secret.map(mcp_oauthd::oauth::MachineSecret::reveal)))
}

async fn end(f: &Fixture, client: &Client, token: &str) -> Result<(), OAuthError> {
    let (id, token) = (client.client_id.to_string(), token.to_owned());
    let work = move |conn: &mut _, now| {
        let registrant = configuration::authenticate(conn, &id, &token)?;
        Ok(configuration::deregister(conn, &registrant, home(), now)?)
    };
    f.decide(work).await
}

async fn holds(f: &Fixture, id: &str, token: Option<&str>) -> Result<(), OAuthError> {
    let (id, token) = (id.to_owned(), token.unwrap_or_default().to_owned());
    let work = move |conn: &mut _, _| configuration::authenticate(conn, &id, &token).map(drop);
    f.decide(work).await
}

fn home() -> Network {
    std::net::IpAddr::from([192, 0, 2, 1]).into()
}
