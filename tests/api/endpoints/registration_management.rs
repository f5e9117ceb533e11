//! `/register/{client_id}`: RFC 7592.

use serde_json::{Value, json};

use crate::support::{Answer, Browser, OAuthClient, TestServer};

/// What a registration of its own answered.
async fn register(server: &TestServer, members: Value) -> Answer {
    let mut body = json!({"redirect_uris": ["http://127.0.0.1/callback"],
        "token_endpoint_auth_method": "none"});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let request = reqwest::Client::new().post(format!("{}/register", server.url));
    let answer = Answer::of(request.json(&body)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer
}

/// A request to the registration's own address with its own token.
fn own(method: &str, registered: &Answer) -> reqwest::RequestBuilder {
    let method = method.parse().unwrap();
    reqwest::Client::new()
        .request(method, registered.text("registration_client_uri"))
        .bearer_auth(registered.text("registration_access_token"))
}

fn update(registered: &Answer, members: &Value) -> reqwest::RequestBuilder {
    let mut body = json!({"client_id": registered.text("client_id"),
        "redirect_uris": ["http://127.0.0.1/callback"], "token_endpoint_auth_method": "none"});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    own("PUT", registered).json(&body)
}

#[tokio::test]
async fn a_client_reads_replaces_and_ends_its_registration() {
    let server = TestServer::spawn().await;
    let registered = register(&server, json!({"client_name": "A"})).await;
    let token = registered.text("registration_access_token");
    assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{token}");
    let read = Answer::of(own("GET", &registered)).await;
    assert_eq!((read.status, read.header("cache-control")), (200, "no-store"));
    assert_eq!(read.body, registered.body, "all of it, and the token is still the same");

    let changed =
        Answer::of(update(&registered, &json!({"client_uri": "https://a.example"}))).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.body["client_uri"], "https://a.example");
    assert!(changed.body.get("client_name").is_none(), "what is left out is deleted");
    assert_eq!(Answer::of(own("GET", &registered)).await.body, changed.body);

    let ended = Answer::of(own("DELETE", &registered)).await;
    assert_eq!((ended.status, ended.body.as_str()), (204, Some("")));
    for method in ["GET", "PUT", "DELETE"] {
        assert_eq!(Answer::of(own(method, &registered)).await.error(), (401, "invalid_token"));
    }
}

async fn all_refused_alike(requests: Vec<reqwest::RequestBuilder>, challenge: &str) {
    let mut bodies = vec![];
    for request in requests {
        let answer = Answer::of(request).await;
        assert_eq!(answer.error(), (401, "invalid_token"), "{answer:?}");
        assert_eq!(answer.header("www-authenticate"), challenge);
        bodies.push(answer.body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
}

#[tokio::test]
async fn nobody_else_learns_or_changes_anything() {
    let server = TestServer::spawn().await;
    let mine = register(&server, json!({"client_name": "A"})).await;
    let theirs = register(&server, json!({"client_name": "B"})).await;
    let http = reqwest::Client::new();
    let uri = mine.text("registration_client_uri");
    let unknown = format!("{}/register/mcpcNobody", server.url);
    let odd = format!("{}/register/%ff%00", server.url);
    let token = mine.text("registration_access_token");
    let other = theirs.text("registration_access_token");
    for method in ["GET", "PUT", "DELETE"] {
        let ask = |uri: &str| http.request(method.parse().unwrap(), uri);
        let without = [
            ask(&uri),
            ask(&unknown),
            ask(&uri).bearer_auth(""),
            ask(&uri).basic_auth(&token, Some("")),
            ask(&uri).bearer_auth(&token).bearer_auth(&token),
            ask(&uri).query(&[("access_token", &token)]),
        ];
        // No error code for who brought no token: RFC 6750 section 3.1.
        all_refused_alike(without.into(), r#"Bearer realm="mcp-oauthd""#).await;
        let wrong = [
            ask(&uri).bearer_auth(&other),
            ask(&unknown).bearer_auth(&token),
            ask(&odd).bearer_auth(&token),
        ];
        let challenge = r#"Bearer realm="mcp-oauthd", error="invalid_token""#;
        all_refused_alike(wrong.into(), challenge).await;
    }
    assert_eq!(Answer::of(own("GET", &mine)).await.body["client_name"], "A");
}

#[tokio::test]
async fn an_update_is_refused_in_the_words_of_a_registration() {
    let server = TestServer::spawn().await;
    let registered = register(&server, json!({"client_name": "A"})).await;
    for (members, error) in [
        (json!({"redirect_uris": []}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["javascript:alert(1)"]}), "invalid_redirect_uri"),
        (json!({"client_id": "another"}), "invalid_client_metadata"),
        (json!({"client_id": null}), "invalid_client_metadata"),
        (json!({"client_secret": "chosen"}), "invalid_client_metadata"),
        (json!({"registration_access_token": "x"}), "invalid_client_metadata"),
        (json!({"grant_types": ["password"]}), "invalid_client_metadata"),
    ] {
        let answer = Answer::of(update(&registered, &members)).await;
        assert_eq!(answer.error(), (400, error), "{members}");
    }
    let back = Answer::of(own("PUT", &registered).json(&registered.body)).await;
    let named = "registration_access_token, registration_client_uri, client_id_issued_at";
    assert!(back.text("error_description").ends_with(named), "{back:?}");
    let form = own("PUT", &registered).header("Content-Type", "text/plain").body("{}");
    assert_eq!(Answer::of(form).await.error(), (400, "invalid_client_metadata"));
    assert_eq!(Answer::of(own("GET", &registered)).await.body, registered.body);
}

#[tokio::test]
async fn a_secret_is_given_once_when_a_client_needs_one() {
    let server = TestServer::spawn().await;
    let registered = register(&server, json!({"client_name": "A"})).await;
    let with_secret = json!({"token_endpoint_auth_method": "client_secret_post"});
    let changed = Answer::of(update(&registered, &with_secret)).await;
    assert_eq!(changed.body["client_secret_expires_at"], 0);
    let secret = changed.text("client_secret");
    for request in [own("GET", &registered), update(&registered, &with_secret)] {
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.body.to_string().contains("client_secret\""), "{answer:?}");
    }
    let id = registered.text("client_id");
    let revoke = async |secret: &str| {
        let form = [("token", "x"), ("client_id", &id), ("client_secret", secret)];
        let request = reqwest::Client::new().post(format!("{}/revoke", server.url));
        Answer::of(request.form(&form)).await.status
    };
    assert_eq!((revoke(&secret).await, revoke("wrong").await), (200, 401));
}

#[tokio::test]
async fn other_methods_are_refused_and_a_browser_may_ask() {
    let server = TestServer::spawn().await;
    let registered = register(&server, json!({"client_name": "A"})).await;
    for method in ["POST", "PATCH"] {
        let answer = Answer::of(own(method, &registered)).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, PUT, DELETE, OPTIONS"));
    }
    let uri = registered.text("registration_client_uri");
    for method in ["GET", "PUT", "DELETE"] {
        let preflight = reqwest::Client::new()
            .request(reqwest::Method::OPTIONS, &uri)
            .header("Origin", "https://inspector.example")
            .header("Access-Control-Request-Method", method)
            .header("Access-Control-Request-Headers", "authorization, content-type");
        let answer = Answer::of(preflight).await;
        assert_eq!(answer.status, 200, "{method} {answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert!(answer.header("access-control-allow-methods").contains(method));
    }
    let refused = reqwest::Client::new().get(&uri).header("Origin", "https://inspector.example");
    assert_eq!(Answer::of(refused).await.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn its_address_is_below_the_issuers_path() {
    let server = TestServer::spawn_with(&[("issuer", "http://127.0.0.1:9/as")]).await;
    let post = reqwest::Client::new().post(format!("{}/as/register", server.url));
    let answer = Answer::of(post.json(&json!({"redirect_uris": ["https://a.example/"]}))).await;
    let path = format!("/as/register/{}", answer.text("client_id"));
    assert_eq!(answer.text("registration_client_uri"), format!("http://127.0.0.1:9{path}"));
    let get = reqwest::Client::new().get(format!("{}{path}", server.url));
    let read = Answer::of(get.bearer_auth(answer.text("registration_access_token"))).await;
    assert_eq!(read.status, 200, "{read:?}");
}

#[tokio::test]
async fn it_is_limited_for_each_network() {
    let limits = [("limits", "on"), ("limit_registrations_per_address", "1")];
    let server = TestServer::spawn_with(&limits).await;
    let registered = register(&server, json!({"client_name": "A"})).await;
    let from = |address: &str| own("GET", &registered).header("X-Forwarded-For", address);
    for _ in 0..4 {
        assert_eq!(Answer::of(from("192.0.2.1")).await.status, 200);
    }
    let held = Answer::of(from("192.0.2.1")).await;
    assert_eq!(held.error(), (429, "temporarily_unavailable"));
    assert!(!held.header("retry-after").is_empty());
    assert_eq!(Answer::of(from("192.0.2.2")).await.status, 200);
}

#[tokio::test]
async fn what_was_had_by_a_registration_ends_with_it() {
    let server = TestServer::spawn().await;
    let browser = Browser::new(&server);
    let registered = register(&server, json!({"client_name": "A"})).await;
    let client = OAuthClient::of(&server, &registered);
    let tokens = client.connect(&browser).await;
    assert!(client.is_active(&tokens.text("access_token")).await);
    assert_eq!(Answer::of(own("DELETE", &registered)).await.status, 204);
    assert!(!client.is_active(&tokens.text("access_token")).await);
    let refresh = client.refresh(&tokens.text("refresh_token")).await;
    assert_eq!(refresh.error(), (401, "invalid_client"));
}

#[tokio::test]
async fn a_person_who_is_being_asked_is_not_sent_where_the_client_is_no_more() {
    let server = TestServer::spawn().await;
    let browser = Browser::new(&server);
    let registered = register(&server, json!({"client_name": "A"})).await;
    let client = OAuthClient::of(&server, &registered);
    let question = browser.question(&client.request()).await;
    let moved = json!({"redirect_uris": ["https://app.example/elsewhere"]});
    assert_eq!(Answer::of(update(&registered, &moved)).await.status, 200);
    for decision in ["allow", "deny"] {
        let page = browser.decide(&question, decision).await;
        assert_eq!((page.status, page.header("location")), (403, ""), "{page:?}");
        assert!(page.text.contains("has changed where its answers go"), "{page:?}");
    }
    let authorize = browser.authorize(&client.request()).await;
    assert_eq!((authorize.status, authorize.header("location")), (400, ""));
}
