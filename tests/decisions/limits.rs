//! What the operator lets be had: at a resource, and by a client; and what scopes include.

use mcp_oauthd::authorization::consent::Obstacle;
use mcp_oauthd::authorization::request::{self, Offer};
use mcp_oauthd::authorization::{admission, limits};
use mcp_oauthd::config::Connecting;
use mcp_oauthd::grant_types::refresh_token;
use mcp_oauthd::oauth::ErrorCode::{InvalidGrant, InvalidRequest};
use mcp_oauthd::oauth::{Scope, ScopeHierarchy};
use mcp_oauthd::storage::clients::Client;
use mcp_oauthd::storage::{Audience, Event, RevokedBecause, clients, resource_people, resources};

use crate::access::settle;
use crate::fixture::{CHALLENGE, Fixture, REDIRECT_URI, issuer, offered};
use crate::form::Form;

fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

/// `admin` includes `write`, which includes `read`.
fn hierarchy() -> ScopeHierarchy {
    let direct = [("admin", "write"), ("write", "read")];
    let direct = direct.map(|(token, below)| (token.to_owned(), scope(below)));
    ScopeHierarchy::new(&direct.into()).unwrap()
}

impl Fixture {
    async fn limit(&self, client: &Client, most: Option<&'static str>) -> Option<usize> {
        let id = client.client_id.clone();
        self.write(move |conn, now| limits::of_client(conn, &id, most.map(scope).as_ref(), now))
            .await
    }

    async fn offer(&self, scopes: Option<&'static str>) {
        let resource = self.resource.clone();
        let offer = self.decide(move |conn, now| {
            limits::of_resource(conn, &resource, scopes.map(scope).as_ref(), now)
        });
        offer.await.unwrap();
    }

    /// What a request comes to.
    async fn resolved(&self, client: &Client, scope: &str) -> String {
        let query = Form::new()
            .and("response_type", "code")
            .and("client_id", client.client_id.as_str())
            .and("redirect_uri", REDIRECT_URI)
            .and("code_challenge", CHALLENGE)
            .and("code_challenge_method", "S256")
            .and("scope", scope);
        let parameters = query.parameters().unwrap();
        let offer = Offer {
            scopes: offered(),
            hierarchy: hierarchy(),
            default_resource: None,
            connecting: Connecting::default(),
            issuer: issuer(),
        };
        let asked = self.storage.read(|conn| request::resolve(conn, &parameters, &offer)).await;
        asked.unwrap().scope.to_string()
    }
}

#[tokio::test]
async fn what_a_request_comes_to() {
    let f = Fixture::new().await;
    let named = f.register(r#""token_endpoint_auth_method":"none","scope":"write""#).await;
    for (own, limit, asked, plain, registered) in [
        // The resource's, the client's limit, the request; of a client that registered with nothing,
        // and of one that registered with `write`.
        (None, None, "read", "read", "read"),
        (None, None, "write", "read write", "read write"),
        (None, None, "admin", "admin read write", "admin read write"),
        (None, None, "", "admin mcp read write", "read write"),
        (None, None, "openid email", "admin mcp read write", "read write"),
        (None, Some("read"), "write", "read", "read"),
        (None, Some("read"), "admin mcp", "read", "read"),
        (None, Some("mcp"), "write", "mcp", "mcp"),
        (None, Some("read write"), "", "read write", "read write"),
        (Some("mcp read"), None, "write", "read", "read"),
        (Some("mcp read"), None, "mcp admin openid", "mcp read", "mcp read"),
        (Some("mcp read"), None, "", "mcp read", "read"),
        (Some("mcp"), None, "write", "mcp", "mcp"),
        (Some("mcp"), Some("read"), "mcp", "", ""),
    ] {
        f.offer(own).await;
        settle(&f).await;
        f.limit(&f.client, limit).await;
        f.limit(&named, limit).await;
        let case = format!("{own:?} {limit:?} {asked}");
        assert_eq!(f.resolved(&f.client, asked).await, plain, "{case}");
        assert_eq!(f.resolved(&named, asked).await, registered, "{case}");
    }
}

#[tokio::test]
async fn a_limit_ends_the_grants_of_the_client_that_have_more_and_no_others() {
    let f = Fixture::new().await;
    let other = f.register(r#""token_endpoint_auth_method":"none""#).await;
    let (broad, others) = (f.connect().await, f.code_of(&other).await);
    let form = f.code_form(&others).with("client_id", other.client_id.as_str());
    let others = f.redeem(&form).await.unwrap();
    assert_eq!(f.limit(&f.client, Some("mcp read write")).await, Some(0));
    assert!(f.is_active(&broad.access_token).await, "it has no more than that");
    assert_eq!(f.limit(&f.client, Some("read")).await, Some(1));
    assert!(!f.is_active(&broad.access_token).await);
    assert_eq!(f.refresh(broad.refresh()).await.unwrap_err().code, InvalidGrant);
    assert!(f.is_active(&others.access_token).await);
    let ended: Vec<_> = f.grants().await.iter().filter_map(|one| one.revoked_because).collect();
    assert_eq!(ended, [RevokedBecause::ClientLimited]);

    let narrow = f.connect().await;
    assert_eq!(narrow.scope, "read");
    assert_eq!(f.limit(&f.client, Some("read")).await, Some(0), "said again");
    assert_eq!(f.limit(&f.client, None).await, Some(0));
    assert!(f.is_active(&narrow.access_token).await);
    let said = (Event::ClientLimited, Some("read".to_owned()));
    assert!(f.events().await.contains(&said));
    assert_eq!(f.count(Event::ClientLimited).await, 4);
    let gone = mcp_oauthd::oauth::ClientId::generate();
    let nobody = f.write(move |conn, now| limits::of_client(conn, &gone, None, now)).await;
    assert_eq!(nobody, None);
}

#[tokio::test]
async fn a_code_on_its_way_is_worth_what_the_client_still_may_have() {
    let f = Fixture::new().await;
    let (less, nothing) = (f.code().await, f.code().await);
    f.limit(&f.client, Some("read write")).await;
    let pair = f.redeem(&f.code_form(&less)).await.unwrap();
    assert_eq!(pair.scope, "read");
    assert_eq!(f.refresh(pair.refresh()).await.unwrap().scope, "read");
    f.limit(&f.client, Some("admin")).await;
    assert_eq!(f.redeem(&f.code_form(&nothing)).await.unwrap_err().code, InvalidGrant);
}

#[tokio::test]
async fn fewer_scopes_of_a_resource_end_what_exceeds_them_as_a_smaller_audience_does() {
    let f = Fixture::new().await;
    let (broad, code) = (f.connect().await, f.code().await);
    f.offer(Some("read write")).await;
    assert!(!f.is_active(&broad.access_token).await, "before any row of it says so");
    assert_eq!(f.refresh(broad.refresh()).await.unwrap_err().code, InvalidGrant);
    assert_eq!(f.redeem(&f.code_form(&code)).await.unwrap().scope, "read");

    let resource = f.resource.clone();
    let again = f.decide(move |conn, now| limits::of_resource(conn, &resource, None, now)).await;
    assert_eq!(again.unwrap_err().code, InvalidRequest, "it would bring back what has ended");
    let resource = f.resource.clone();
    let everybody = (Audience::Everybody, None);
    let again =
        f.decide(move |conn, now| admission::open_to(conn, &resource, everybody, now)).await;
    assert_eq!(again.unwrap_err().code, InvalidRequest, "by whatever door");
    assert_eq!(settle(&f).await, 1);
    f.offer(None).await;
    settle(&f).await;
    assert!(!f.is_active(&broad.access_token).await, "what has ended stays ended");
    assert_eq!(f.connect().await.scope, "mcp read");
    assert_eq!(f.count(Event::ScopesChanged).await, 2);
}

#[tokio::test]
async fn nobody_may_have_what_the_resource_has_not() {
    let f = Fixture::new().await;
    f.allow(&f.user, Some("mcp read")).await;
    f.offer(Some("read write")).await;
    assert_eq!(f.connect().await.scope, "read", "of what she is named for");
    settle(&f).await;
    f.offer(Some("write")).await;
    assert_eq!(f.obstacle().await, Some(Obstacle::NothingLeft));
}

#[tokio::test]
async fn a_request_of_a_refresh_covers_what_its_scopes_include() {
    let f = Fixture::new().await;
    f.allow(&f.user, None).await;
    let pair = f.connect().await;
    assert_eq!(pair.scope, "mcp read");
    let direct = [("mcp".to_owned(), scope("read"))].into();
    let hierarchy = ScopeHierarchy::new(&direct).unwrap();
    let form = f.refresh_form(pair.refresh()).and("scope", "mcp openid").parameters().unwrap();
    let request = refresh_token::Request::from_parameters(&form).unwrap().expanded(&hierarchy);
    let (terms, id) = (f.terms(), f.client.client_id.clone());
    let presented = mcp_oauthd::clients::Presented::from_request(
        None,
        &Form::new().and("client_id", id.as_str()).parameters().unwrap(),
        false,
    );
    let presented = presented.unwrap();
    let rotation = f.decide(move |conn, _| {
        let client = presented.client(conn)?;
        refresh_token::exchange(conn, &client, &request, &terms)
    });
    let response = rotation.await.unwrap().into_response().unwrap();
    assert_eq!(serde_json::to_value(&response).unwrap()["scope"], "mcp read");
}

#[tokio::test]
async fn limits_that_are_older_than_the_hierarchy_grow_and_grants_do_not() {
    let f = Fixture::new().await;
    let pair = f.connect().await;
    f.offer(Some("mcp admin")).await;
    settle(&f).await;
    f.open_to(Audience::Everybody, Some("write")).await;
    settle(&f).await;
    f.allow(&f.user, Some("admin")).await;
    f.limit(&f.client, Some("write mcp")).await;
    f.write(|conn, _| limits::expand(conn, &ScopeHierarchy::default())).await;
    let grants = f.grants().await;
    f.write(|conn, _| limits::expand(conn, &hierarchy())).await;
    let before = f.dump().await;
    f.write(|conn, _| limits::expand(conn, &hierarchy())).await;
    assert!(f.dump().await == before, "once is enough");

    let (uri, id, who) = (f.resource.uri.clone(), f.client.client_id.clone(), f.user.id.clone());
    let resource = f.read(move |conn| resources::find_by_uri(conn, &uri)).await.unwrap();
    assert_eq!(resource.scopes, Some(scope("admin mcp read write")));
    assert_eq!(resource.scope, Some(scope("read write")));
    let named = f.read(|conn| resource_people::find(conn, &resource, &who)).await;
    assert_eq!(named, Some(Some(scope("admin read write"))));
    let client = f.read(move |conn| clients::find(conn, &id)).await.unwrap();
    assert_eq!(client.ceiling, Some(scope("mcp read write")));
    let scopes = |grants: &[mcp_oauthd::storage::grants::Grant]| {
        grants.iter().map(|grant| grant.scope.clone()).collect::<Vec<_>>()
    };
    assert_eq!(scopes(&f.grants().await), scopes(&grants));
    assert!(!f.is_active(&pair.access_token).await, "it had ended before");
}

#[tokio::test]
async fn two_limits_at_once_leave_no_grant_beyond_either() {
    let f = Fixture::new().await;
    for _ in 0..5 {
        let (code, limit) = (f.code().await, f.limit(&f.client, Some("read")));
        let form = f.code_form(&code);
        let (redeemed, _) = tokio::join!(f.redeem(&form), limit);
        redeemed.unwrap();
        let live = f.grants().await;
        let beyond = live.iter().filter(|one| one.revoked_at.is_none());
        assert!(beyond.clone().all(|one| scope("read").covers(&one.scope)), "{live:?}");
        f.limit(&f.client, None).await;
    }
}
