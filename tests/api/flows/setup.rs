//! The first start.

use mcp_oauthd::accounts::setup::{add_resource, new_link};
use mcp_oauthd::oauth::TokenHash;
use mcp_oauthd::storage::StorageError;

use crate::support::{Answer, Browser, INTROSPECTION, PASSWORD, RESOURCE, TestServer, page};

/// What `serve` prints at each start.
async fn link(server: &TestServer) -> Option<String> {
    let now = server.clock.now();
    let made: Result<_, StorageError> = server.storage.write(move |conn| new_link(conn, now)).await;
    made.unwrap().map(|secret| format!("/setup?token={}", secret.reveal()))
}

fn fields<'a>(
    token: &'a str,
    username: &'a str,
    password: &'a str,
) -> [(&'static str, &'a str); 4] {
    [("token", token), ("username", username), ("password", password), ("resource", RESOURCE)]
}

#[tokio::test]
async fn the_link_makes_the_owner_and_the_first_resource_once() {
    let server = TestServer::spawn_empty(&[]);
    let browser = Browser::new(&server);
    assert!(browser.get("/").await.text.contains("Not set up yet"));
    let link = link(&server).await.unwrap();
    let token = browser.get(&link).await.field("token");
    let done = browser.post("/setup", &fields(&token, " Ada ", PASSWORD)).await;
    assert_eq!((done.status, done.header("cache-control")), (200, "no-store"));
    let word = |prefix: &str, length: usize| {
        let at = done.text.find(prefix).unwrap();
        done.text[at..at + prefix.len() + length].to_owned()
    };
    let (id, secret) = (word("mcpr", 22), word("mcpk", 43));
    for snippet in ["IntrospectionTokenVerifier", "requireBearerAuth", "rmcp", "curl"] {
        assert!(done.text.contains(snippet), "{snippet}");
    }
    let request = reqwest::Client::new().post(format!("{}/introspect", server.url));
    let answer = Answer::of(request.basic_auth(id, Some(&secret)).form(&[("token", "x")])).await;
    assert_eq!(answer.status, 200);
    assert!(browser.get("/").await.text.contains("Signed in as <bdi>ada"));
    for again in
        [browser.get(&link).await, browser.post("/setup", &fields(&token, "eve", PASSWORD)).await]
    {
        assert_eq!(again.status, 403);
        assert!(!again.text.contains(&secret));
    }
    assert!(self::link(&server).await.is_none(), "there is an owner");
}

#[tokio::test]
async fn an_mcp_server_that_is_at_work_already_stays_so() {
    let settings = [("internal_listen", "127.0.0.1:1"), ("issuer", "https://h.example/as")];
    let settings = [&settings[..], &[("limits", "on")]].concat();
    let server = TestServer::spawn_empty(&settings);
    let now = server.clock.now();
    let declare = move |conn: &mut _| {
        let named = ("wiki".parse().unwrap(), None);
        let hash = TokenHash::of(INTROSPECTION.1);
        add_resource(conn, &RESOURCE.parse().unwrap(), named, Some(&hash), now)
    };
    server.storage.write::<_, StorageError>(declare).await.unwrap();
    let browser = Browser::new(&server);
    let link = link(&server).await.unwrap();
    let token = browser.get(&format!("/as{link}")).await.field("token");
    let sent = browser.http.post(format!("{}/as/setup", server.url));
    let done = page(sent.form(&fields(&token, "ada", PASSWORD))).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert!(done.text.contains("The secret is not shown here."), "{done:?}");
    assert!(!done.text.contains("mcpk") && !done.text.contains("shown only now"), "{done:?}");
    assert!(done.text.contains("http://127.0.0.1:1/as/introspect"), "{done:?}");
    assert!(!done.text.contains("https://h.example/as/introspect"), "it is not there");
    let (id, secret) = INTROSPECTION;
    let request = reqwest::Client::new().post(format!("{}/as/introspect", server.internal_url));
    let answer = Answer::of(request.basic_auth(id, Some(secret)).form(&[("token", "x")])).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_wrong_field_is_said_and_costs_nothing() {
    let server = TestServer::spawn_empty(&[("resource", "https://named.example/mcp")]);
    let browser = Browser::new(&server);
    let form = browser.get(&link(&server).await.unwrap()).await;
    assert!(form.text.contains("https://named.example/mcp"), "the setting is proposed");
    let token = form.field("token");
    for (username, password, said) in [
        ("a b", PASSWORD, "username-problem"),
        ("ada", "short", "password-problem"),
        ("ada", "password1", "password-problem"),
        ("adaadaada", "AdaAdaAda", "password-problem"),
    ] {
        let page = browser.post("/setup", &fields(&token, username, password)).await;
        assert_eq!(page.status, 422, "{username} {password}");
        assert!(page.text.contains(said) && !page.text.contains(password), "{username} {password}");
    }
    let mut wrong = fields(&token, "ada", PASSWORD);
    wrong[3].1 = "wiki";
    assert!(browser.post("/setup", &wrong).await.text.contains("resource-problem"));
    assert_eq!(browser.post("/setup", &fields(&token, "ada", PASSWORD)).await.status, 200);
}

#[tokio::test]
async fn each_start_replaces_the_link_and_strangers_have_none() {
    let server = TestServer::spawn_empty(&[]);
    let browser = Browser::new(&server);
    let (first, second) = (link(&server).await.unwrap(), link(&server).await.unwrap());
    assert_eq!(browser.get(&first).await.status, 403);
    for wrong in ["/setup", "/setup?token=", "/setup?token=mln_x", &second[..second.len() - 1]] {
        assert_eq!(browser.get(wrong).await.status, 403, "{wrong}");
    }
    assert_eq!(browser.get(&second).await.status, 200);
}

#[tokio::test]
async fn of_many_who_use_the_link_at_once_one_becomes_the_owner() {
    let server = TestServer::spawn_empty(&[]);
    let link = link(&server).await.unwrap();
    let token = Browser::new(&server).get(&link).await.field("token");
    let attempts: Vec<_> = (0..8)
        .map(|n| {
            let (browser, token, name) = (Browser::new(&server), token.clone(), format!("ada{n}"));
            tokio::spawn(async move {
                browser.post("/setup", &fields(&token, &name, PASSWORD)).await.status
            })
        })
        .collect();
    let mut statuses = vec![];
    for attempt in attempts {
        statuses.push(attempt.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403, 403, 403, 403, 403, 403, 403]);
}

#[tokio::test]
async fn a_form_from_elsewhere_does_not_use_the_link() {
    let server = TestServer::spawn_empty(&[]);
    let browser = Browser::new(&server);
    let token = browser.get(&link(&server).await.unwrap()).await.field("token");
    let fields = fields(&token, "eve", PASSWORD);
    for origin in ["https://evil.example", "null"] {
        let foreign = browser.http.post(format!("{}/setup", server.url)).header("Origin", origin);
        assert_eq!(foreign.form(&fields).send().await.unwrap().status(), 403, "{origin}");
    }
    assert_eq!(browser.post("/setup", &fields).await.status, 200);
}
