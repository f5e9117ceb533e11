//! `MCP_OAUTH_OWNER_PAGES`: the owner's pages in public, at the internal listener only, or nowhere.

use reqwest::header::{HOST, ORIGIN};

use super::account::{sign_in, signed_in};
use super::owner::{confirm, said};
use crate::support::{Browser, OAuthClient, PASSWORD, TestServer, USER, page};

const INSIDE: [(&str, &str); 2] = [("internal_listen", "127.0.0.1:1"), ("owner_pages", "internal")];

/// A browser at the internal listener.
fn inside(server: &TestServer) -> Browser {
    Browser { url: server.internal_url.clone(), ..Browser::new(server) }
}

#[tokio::test]
async fn off_means_nowhere() {
    for settings in [&[("owner_pages", "off")][..], &[INSIDE[0], ("owner_pages", "off")]] {
        let server = TestServer::spawn_with(settings).await;
        let owner = signed_in(&server, USER).await;
        assert_eq!(owner.get("/owner").await.status, 404);
        assert_eq!(owner.get("/owner/people").await.status, 404);
        assert!(!owner.get("/account").await.text.contains("/owner"), "no link leads there");
        if settings.len() > 1 {
            assert_eq!(inside(&server).get("/owner").await.status, 404);
            assert_eq!(inside(&server).get("/sign-in?to=owner").await.status, 404);
        }
    }
}

#[tokio::test]
async fn without_the_setting_the_internal_listener_has_no_pages() {
    let server = TestServer::spawn_with(&INSIDE[..1]).await;
    assert_eq!(signed_in(&server, USER).await.get("/owner").await.status, 200);
    for path in ["/owner", "/sign-in?to=owner", "/sign-out", "/account", "/"] {
        assert_eq!(inside(&server).get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn kept_inside_they_are_signed_in_to_and_used_there_only() {
    let server = TestServer::spawn_with(&INSIDE).await;
    let public = signed_in(&server, USER).await;
    assert_eq!(public.get("/owner").await.status, 404);
    assert!(!public.get("/account").await.text.contains("/owner"));
    let owner = inside(&server);
    for path in ["/", "/sign-in"] {
        let place = owner.get(path).await;
        assert_eq!(place.status, 303, "{path}");
    }
    assert_eq!(owner.get("/").await.header("location"), "/owner");
    assert_eq!(owner.get("/owner").await.header("location"), "/sign-in?to=owner");
    let sent = sign_in(&owner, USER, PASSWORD, "owner").await;
    assert_eq!((sent.status, sent.header("location")), (303, "/owner"), "{sent:?}");
    let cookie = sent.header("set-cookie");
    assert!(cookie.starts_with("mcp_oauthd_internal_session=mse_"), "{cookie}");
    assert!(cookie.contains("HttpOnly") && !cookie.contains("Secure"), "{cookie}");
    let overview = owner.get("/owner").await;
    assert_eq!(overview.status, 200);
    assert!(!overview.text.contains("\"/account"), "{}", overview.text);
    let (_, rest) = overview.text.split_once("rel=\"stylesheet\" href=\"").unwrap();
    assert_eq!(owner.get(rest.split('"').next().unwrap()).await.status, 200);
    let sent = confirm(&owner, "/owner/emergency/pause", "").await;
    assert!(said(&owner, &sent).await.starts_with("All access is paused."));
    let out = owner.post("/sign-out", &[("csrf", &overview.csrf("/sign-out"))]).await;
    assert_eq!(out.status, 303);
    assert_eq!(owner.get("/owner").await.status, 303, "signed out there");
    assert_eq!(public.get("/account").await.status, 200, "and not in public");
}

#[tokio::test]
async fn inside_there_is_nothing_else() {
    let server = TestServer::spawn_with(&INSIDE).await;
    let owner = inside(&server);
    for path in ["/account", "/account/security", "/authorize", "/consent", "/setup", "/register"] {
        assert_eq!(owner.get(path).await.status, 404, "{path}");
    }
    for goal in ["account", "security", "elsewhere"] {
        assert_eq!(owner.get(&format!("/sign-in?to={goal}")).await.status, 400, "{goal}");
    }
}

#[tokio::test]
async fn inside_a_form_comes_from_the_address_that_it_is_sent_to() {
    let server = TestServer::spawn_with(&INSIDE).await;
    let owner = inside(&server);
    sign_in(&owner, USER, PASSWORD, "owner").await;
    let proof = owner.get("/owner/emergency/pause").await.csrf("/owner/emergency/pause");
    let send = async |origin: &str| {
        let request = owner.http.post(format!("{}/owner/emergency/pause", owner.url));
        page(request.header(ORIGIN, origin).form(&[("csrf", &*proof), ("id", "")])).await.status
    };
    for foreign in [&*server.url, "https://evil.example", "null", "http://127.0.0.1"] {
        assert_eq!(send(foreign).await, 403, "{foreign}");
    }
    assert_eq!(send(&owner.url).await, 303);
}

#[tokio::test]
async fn inside_nobody_signs_in_by_a_strangers_name() {
    let header = [("proxy_header", "Remote-User"), ("proxy_header_from", "127.0.0.1")];
    let server = TestServer::spawn_with(&[&INSIDE[..], &header].concat()).await;
    let owner = inside(&server);
    // DNS rebinding: the page of a stranger is of the same origin, and its script adds any header.
    let send = async |host: &str| {
        let request = owner.http.get(format!("{}/sign-in?to=owner", owner.url));
        let form = page(request.header(HOST, host).header("Remote-User", USER)).await;
        let csrf = form.field("csrf");
        let request = owner.http.post(format!("{}/sign-in/proxy", owner.url));
        let request = request.header(HOST, host).header(ORIGIN, format!("http://{host}"));
        let fields = [("to", "owner"), ("csrf", &*csrf), ("name", USER)];
        page(request.header("Remote-User", USER).form(&fields)).await
    };
    let refused = send("evil.example:9090").await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(refused.text.contains("MCP_OAUTH_INTERNAL_NAMES"), "{refused:?}");
    assert_eq!(send("box.lan:9090").await.status, 303);
}

#[tokio::test]
async fn below_a_path_the_issuer_is_https_and_inside_is_plain_http() {
    let issuer = ("issuer", "https://auth.example.org/as");
    let server = TestServer::spawn_with(&[INSIDE[0], INSIDE[1], issuer, ("limits", "on")]).await;
    let mut owner = inside(&server);
    owner.url += "/as";
    assert_eq!(owner.get("/owner").await.header("location"), "/as/sign-in?to=owner");
    let form = owner.get("/sign-in?to=owner").await;
    let csrf = form.field("csrf");
    let fields = [("to", "owner"), ("csrf", &*csrf), ("username", USER), ("password", PASSWORD)];
    let request = owner.http.post(format!("{}/sign-in", owner.url));
    let sent = page(request.header(ORIGIN, &server.internal_url).form(&fields)).await;
    assert_eq!((sent.status, sent.header("location")), (303, "/as/owner"), "{sent:?}");
    assert_eq!(owner.get("/owner").await.status, 200);
}

#[tokio::test]
async fn what_is_paused_inside_is_paused_outside() {
    let server = TestServer::spawn_with(&INSIDE).await;
    let client = OAuthClient::register(&server).await;
    let token = client.connect(&signed_in(&server, USER).await).await.text("access_token");
    let introspect = async || {
        let request = reqwest::Client::new().post(format!("{}/introspect", server.internal_url));
        let (id, secret) = crate::support::INTROSPECTION;
        let request = request.basic_auth(id, Some(secret)).form(&[("token", &token)]);
        page(request).await.text
    };
    assert!(introspect().await.contains("\"active\":true"));
    let owner = inside(&server);
    sign_in(&owner, USER, PASSWORD, "owner").await;
    confirm(&owner, "/owner/emergency/pause", "").await;
    assert_eq!(introspect().await, "{\"active\":false}");
}
