//! The authorization request: what is asked for exactly, and how each refusal reaches the person.

use mcp_oauthd::accounts::setup;
use mcp_oauthd::authorization::request::{self, Offer, Rejection};
use mcp_oauthd::clock::Seconds;
use mcp_oauthd::config::Connecting;
use mcp_oauthd::oauth::ErrorCode::{
    self, ConsentRequired, InvalidClient, InvalidRequest, InvalidTarget, UnsupportedResponseType,
};
use mcp_oauthd::oauth::{IntrospectionId, Scope, ScopeHierarchy};
use mcp_oauthd::revocation;
use mcp_oauthd::storage::ClientOrigin;
use mcp_oauthd::storage::authorization_requests::{self, Asked};

use crate::fixture::{CHALLENGE, Fixture, REDIRECT_URI, RESOURCE, issuer, parameter};
use crate::form::Form;

#[tokio::test]
async fn a_request_says_exactly_what_is_asked() {
    let f = Fixture::new().await;
    let query = valid(&f).with("state", "ä &=%#").with("scope", "read").with("resource", RESOURCE);
    let asked = resolve(&f, &query).await.unwrap();
    assert_eq!(asked.client_id, f.client.client_id);
    assert_eq!(asked.redirect_uri.as_str(), REDIRECT_URI);
    assert_eq!(asked.state.as_deref(), Some("ä &=%#"));
    assert_eq!(asked.code_challenge.to_string(), CHALLENGE);
    assert_eq!(asked.scope.to_string(), "read");
    assert_eq!(asked.resource.as_str(), RESOURCE);
    assert!(!asked.fresh_sign_in);
}

#[tokio::test]
async fn an_untrusted_client_or_redirect_is_a_page_and_never_a_redirect() {
    let f = Fixture::new().await;
    let disabled = f.register(r#""token_endpoint_auth_method":"none""#).await;
    let id = disabled.client_id.clone();
    f.write(move |conn, now| revocation::disable_client(conn, &id, now)).await.unwrap();
    let valid = valid(&f);
    for (query, code) in [
        (valid.without("client_id"), InvalidRequest),
        (valid.with("client_id", "mcpcUnknown"), InvalidClient),
        (valid.with("client_id", "a b"), InvalidClient),
        (valid.with("client_id", disabled.client_id.as_str()), InvalidClient),
        (valid.with("redirect_uri", "https://evil.example/cb"), InvalidRequest),
        (valid.with("redirect_uri", "https://app.example/cb/.."), InvalidRequest),
        (valid.with("redirect_uri", "https://app.example/cb?x"), InvalidRequest),
        (valid.with("redirect_uri", "javascript:alert(1)"), InvalidRequest),
        (valid.with("redirect_uri", "/cb"), InvalidRequest),
    ] {
        match resolve(&f, &query).await {
            Err(Rejection::ShowPage(error)) => assert_eq!(error.code, code, "{query:?}"),
            other => panic!("{query:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn every_other_refusal_is_told_to_the_client() {
    let f = Fixture::new().await;
    let valid = valid(&f);
    for (query, code) in [
        (valid.without("response_type"), InvalidRequest),
        (valid.with("response_type", "token"), UnsupportedResponseType),
        (valid.with("response_type", "code token"), UnsupportedResponseType),
        (valid.with("response_mode", "fragment"), InvalidRequest),
        (valid.with("request", "eyJ"), InvalidRequest),
        (valid.with("request_uri", "https://app.example/r"), InvalidRequest),
        (valid.with("prompt", "none"), ConsentRequired),
        (valid.with("prompt", "login none"), ConsentRequired),
        (valid.without("code_challenge"), InvalidRequest),
        (valid.with("code_challenge", "short"), InvalidRequest),
        (valid.without("code_challenge_method"), InvalidRequest),
        (valid.with("code_challenge_method", "plain"), InvalidRequest),
        (valid.with("code_challenge_method", "s256"), InvalidRequest),
        (valid.with("resource", "https://other.example/mcp"), InvalidTarget),
        (valid.with("resource", "https://mcp.example/mcp/x"), InvalidTarget),
        (valid.with("resource", "mcp"), InvalidTarget),
        (valid.with("resource", RESOURCE).and("resource", "https://x.example"), InvalidTarget),
    ] {
        let url = error_url(resolve(&f, &query).await, code);
        assert!(url.starts_with(&format!("{REDIRECT_URI}?")), "{url}");
        assert_eq!(parameter(&url, "error").as_deref(), Some(code.as_str()));
        assert_eq!(parameter(&url, "state").as_deref(), Some("a state"));
        assert_eq!(parameter(&url, "iss").as_deref(), Some(issuer().as_str()));
        assert_eq!(parameter(&url, "code"), None);
    }
}

#[tokio::test]
async fn a_redirect_uri_may_be_left_out_only_if_there_is_one() {
    let f = Fixture::new().await;
    let without = valid(&f).without("redirect_uri");
    let asked = resolve(&f, &without).await.unwrap();
    assert_eq!(asked.redirect_uri.as_str(), REDIRECT_URI);

    let body = br#"{"redirect_uris":["https://a.example/","https://b.example/"]}"#;
    let two = f
        .write(|conn, now| {
            use mcp_oauthd::clients::registration::{metadata, register};
            use mcp_oauthd::storage::ClientOrigin::Registered;
            let bounds = &crate::fixture::BOUNDS;
            register(conn, &metadata(body, bounds).unwrap(), Registered, bounds, now)
        })
        .await;
    let query = without.with("client_id", two.client.client_id.as_str());
    assert!(matches!(resolve(&f, &query).await, Err(Rejection::ShowPage(_))));
}

#[tokio::test]
async fn every_spelling_of_the_resource_is_the_registered_one() {
    let f = Fixture::new().await;
    for spelling in ["", RESOURCE, "https://MCP.example:443/mcp/", "https://mcp.example/"] {
        let query = valid(&f).with("resource", spelling).and("resource", spelling);
        let asked = resolve(&f, &query).await.unwrap();
        assert_eq!(asked.resource.as_str(), RESOURCE, "{spelling}");
    }
}

#[tokio::test]
async fn a_bare_origin_that_could_mean_two_resources_means_none() {
    let f = Fixture::new().await;
    add_resource(&f, "https://mcp.example/two").await;
    let query = valid(&f).with("resource", "https://mcp.example");
    error_url(resolve(&f, &query).await, InvalidTarget);
    let both = valid(&f).with("resource", RESOURCE).and("resource", "https://mcp.example/two");
    error_url(resolve(&f, &both).await, InvalidTarget);
}

#[tokio::test]
async fn without_a_resource_the_default_is_meant_and_else_the_first() {
    let f = Fixture::new().await;
    f.clock.advance(Seconds(10));
    add_resource(&f, "https://two.example/mcp").await;
    assert_eq!(resolve(&f, &valid(&f)).await.unwrap().resource.as_str(), RESOURCE);
    for (default, meant) in [
        ("https://TWO.example/mcp/", "https://two.example/mcp"),
        ("https://gone.example", RESOURCE),
    ] {
        let offer = Offer { default_resource: Some(default.parse().unwrap()), ..offer() };
        let asked = resolve_as(&f, &valid(&f), &offer).await.unwrap();
        assert_eq!(asked.resource.as_str(), meant);
    }
}

#[tokio::test]
async fn without_any_resource_there_is_nothing_to_ask_for() {
    let f = Fixture::new().await;
    let resource = f.resource.clone();
    f.write(move |conn, now| revocation::remove_resource(conn, &resource, now)).await;
    error_url(resolve(&f, &valid(&f)).await, InvalidTarget);
}

#[tokio::test]
async fn scopes_are_narrowed_and_never_refused() {
    let f = Fixture::new().await;
    for (scope, narrowed) in
        [("", "mcp read"), ("read", "read"), ("read openid", "read"), ("openid", "mcp read")]
    {
        let asked = resolve(&f, &valid(&f).with("scope", scope)).await.unwrap();
        assert_eq!(asked.scope.to_string(), narrowed, "{scope}");
    }
}

#[tokio::test]
async fn a_client_is_led_on_beyond_what_it_registered_with_but_not_beyond_the_operators_word() {
    let f = Fixture::new().await;
    for (origin, stepped_up) in
        [(ClientOrigin::Registered, "mcp read"), (ClientOrigin::Configured, "read")]
    {
        let client = f.register_as(origin, r#""token_endpoint_auth_method":"none","scope":"read""#);
        let query = valid(&f).with("client_id", client.await.client_id.as_str());
        let scope = async |query: &Form| resolve(&f, query).await.unwrap().scope.to_string();
        assert_eq!(scope(&query).await, "read", "{origin}");
        assert_eq!(scope(&query.with("scope", "mcp read")).await, stepped_up, "{origin}");
    }
}

#[tokio::test]
async fn prompt_login_wants_a_fresh_sign_in() {
    let f = Fixture::new().await;
    for (prompt, fresh) in [("login", true), ("consent login", true), ("consent", false)] {
        let asked = resolve(&f, &valid(&f).with("prompt", prompt)).await.unwrap();
        assert_eq!(asked.fresh_sign_in, fresh, "{prompt}");
    }
}

#[tokio::test]
async fn the_oldest_pending_requests_make_room() {
    let f = Fixture::new().await;
    let asked = f.asked(&f.client);
    let mut kept = vec![];
    for _ in 0..5 {
        let asked = asked.clone();
        kept.push(
            f.write(move |conn, now| request::keep(conn, &asked, Seconds(600), 3, now)).await,
        );
    }
    assert_eq!(f.read(authorization_requests::count).await, 3);
    for (place, secret) in kept.iter().enumerate() {
        let found = f.read(|conn| authorization_requests::find(conn, secret.id())).await;
        assert_eq!(found.is_some(), place >= 2, "{place}");
    }
}

fn valid(f: &Fixture) -> Form {
    Form::new()
        .and("response_type", "code")
        .and("client_id", f.client.client_id.as_str())
        .and("redirect_uri", REDIRECT_URI)
        .and("state", "a state")
        .and("code_challenge", CHALLENGE)
        .and("code_challenge_method", "S256")
}

fn offer() -> Offer {
    Offer {
        scopes: Scope::requested("mcp read"),
        hierarchy: ScopeHierarchy::default(),
        default_resource: None,
        connecting: Connecting::default(),
        issuer: issuer(),
    }
}

async fn resolve(f: &Fixture, query: &Form) -> Result<Asked, Rejection> {
    resolve_as(f, query, &offer()).await
}

/// On a connection that cannot write: resolving changes nothing.
async fn resolve_as(f: &Fixture, query: &Form, offer: &Offer) -> Result<Asked, Rejection> {
    let parameters = query.parameters().unwrap();
    f.storage.read(|conn| request::resolve(conn, &parameters, offer)).await
}

fn error_url(outcome: Result<Asked, Rejection>, code: ErrorCode) -> String {
    match outcome {
        Err(Rejection::Redirect { to, error }) if error.code == code => {
            to.with_error(&error, &issuer())
        }
        other => panic!("{code}: {other:?}"),
    }
}

async fn add_resource(f: &Fixture, uri: &'static str) {
    f.write(move |conn, now| {
        let named = (IntrospectionId::generate(), None);
        setup::add_resource(conn, &uri.parse().unwrap(), named, None, now)
    })
    .await;
}
