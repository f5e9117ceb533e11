//! `/gate/…` and `/ext_authz/…`: what a reverse proxy is told.

use mcp_oauthd::clock::UnixTime;
use mcp_oauthd::gate::rule_book;
use mcp_oauthd::mcp::{Rule, RuleKind};
use mcp_oauthd::oauth::Scope;
use mcp_oauthd::storage::{DbConnection, StorageError, resources};
use reqwest::Method;

use crate::support::{Answer, Browser, INTROSPECTION, OAuthClient, RESOURCE, TestServer, USER};

const METADATA: &str = "https://wiki.example.org/.well-known/oauth-protected-resource/mcp";
const SCOPES: (&str, &str) = ("scopes", "wiki:read wiki:write wiki:admin");
const IDENTITY: [&str; 7] = [
    "x-auth-subject",
    "x-auth-username",
    "x-auth-client-id",
    "x-auth-client-name",
    "x-auth-scope",
    "x-auth-grant-id",
    "x-auth-expires",
];

async fn ask(server: &TestServer, address: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = reqwest::Client::new().get(format!("{}{address}", server.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(request).await
}

/// Sends the bytes as they are, and reads until the server closes.
async fn raw(server: &TestServer, request: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = server.url.strip_prefix("http://").unwrap();
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).await.unwrap();
    text
}

/// Asks with a token and the headers of a call.
async fn call(server: &TestServer, token: &str, method: &str, name: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let mut headers = vec![
        ("Authorization", bearer.as_str()),
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", method),
    ];
    if !name.is_empty() {
        headers.push(("Mcp-Name", name));
    }
    ask(server, "/gate/wiki", &headers).await
}

/// A token of this scope.
async fn token(server: &TestServer, scope: &str) -> String {
    let client = OAuthClient::register(server).await;
    let code = client.code_for(&Browser::new(server), &[("scope", scope)]).await;
    client.exchange(&code).await.text("access_token")
}

async fn add_rules(server: &TestServer, rules: &[(RuleKind, &str, &str)]) {
    let offered = Scope::requested(SCOPES.1);
    let rule = |(kind, scope, name): &(RuleKind, &str, &str)| {
        Rule::for_names(*kind, scope, None, &[(*name).to_owned()], &offered).unwrap()
    };
    let rules: Vec<Rule> = rules.iter().flat_map(rule).collect();
    let add = move |conn: &mut _| {
        let resource = resources::find(conn, &INTROSPECTION.0.parse().unwrap())?.unwrap();
        let now = UnixTime(0);
        rules
            .iter()
            .try_for_each(|rule| rule_book::add(conn, &resource, rule, false, now).map(drop))
    };
    server.storage.write::<_, StorageError>(add).await.unwrap();
}

fn challenge(parameters: &str) -> String {
    format!("Bearer resource_metadata=\"{METADATA}\"{parameters}")
}

#[tokio::test]
async fn a_good_token_passes_with_every_identity_header_and_an_empty_body() {
    let server = TestServer::spawn().await;
    let metadata = serde_json::json!({
        "token_endpoint_auth_method": "none", "client_name": "Müller 100%",
    });
    let client = OAuthClient::register_with(&server, metadata).await;
    let tokens = client.connect(&Browser::new(&server)).await;
    let bearer = format!("bEaReR {}", tokens.text("access_token"));
    let answer = ask(&server, "/gate/wiki", &[("Authorization", &bearer)]).await;
    assert_eq!((answer.status, &answer.body), (200, &serde_json::json!("")));
    let introspected = client.introspect(&tokens.text("access_token")).await;
    for (name, value) in [
        ("x-auth-subject", introspected.text("sub")),
        ("x-auth-username", USER.to_owned()),
        ("x-auth-client-id", client.id.clone()),
        ("x-auth-client-name", "M%C3%BCller 100%25".to_owned()),
        ("x-auth-scope", "mcp".to_owned()),
        ("x-auth-expires", introspected.body["exp"].to_string()),
        ("cache-control", "no-store".to_owned()),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    assert!(answer.header("x-auth-grant-id").parse::<i64>().is_ok());
    assert!(!format!("{:?}", answer.headers).contains(&tokens.text("access_token")));
}

#[tokio::test]
async fn headers_of_which_nothing_is_known_are_empty_and_there() {
    let server = TestServer::spawn().await;
    let metadata = serde_json::json!({
        "token_endpoint_auth_method": "none", "client_name": "",
    });
    let client = OAuthClient::register_with(&server, metadata).await;
    let tokens = client.connect(&Browser::new(&server)).await;
    let bearer = format!("Bearer {}", tokens.text("access_token"));
    let spoofed = [("Authorization", bearer.as_str()), ("X-Auth-Client-Name", "root")];
    let answer = ask(&server, "/gate/wiki", &spoofed).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers.get("x-auth-client-name").unwrap(), "");
    for name in IDENTITY {
        assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{name}");
    }
}

#[tokio::test]
async fn nobody_is_challenged_without_an_error_code() {
    let server = TestServer::spawn().await;
    for headers in [&[][..], &[("Authorization", "Basic eDp5")], &[("Cookie", "mcp_session=x")]] {
        let answer = ask(&server, "/gate/wiki", headers).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, &*challenge("")));
        assert_eq!((answer.header("cache-control"), &answer.body), ("no-store", &"".into()));
        assert!(IDENTITY.iter().all(|name| !answer.headers.contains_key(*name)));
    }
    let answer = ask(&server, "/gate/wiki/mcp", &[]).await;
    assert_eq!(answer.header("www-authenticate"), challenge(", scope=\"mcp\""));
}

#[tokio::test]
async fn whatever_is_no_living_token_of_this_resource_is_invalid() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let browser = Browser::new(&server);
    let code = client.code(&browser).await;
    let tokens = client.connect(&browser).await;
    let access = tokens.text("access_token");
    for token in [
        "",
        "garbage",
        &access[..50],
        &format!("{access}x"),
        &format!("{access} x"),
        &access.replace("mat_", "mrt_"),
        &tokens.text("refresh_token"),
        &code,
    ] {
        let bearer = format!("Bearer {token}");
        let answer = ask(&server, "/gate/wiki", &[("Authorization", &bearer)]).await;
        assert_eq!(answer.error(), (401, "invalid_token"), "{token}");
        let said = answer.header("www-authenticate");
        assert!(said.starts_with(&challenge(", error=\"invalid_token\"")), "{said}");
        assert!(IDENTITY.iter().all(|name| !answer.headers.contains_key(*name)));
    }
    let bearer = format!("Bearer {access}");
    let right = ("Authorization", bearer.as_str());
    let twice = ask(&server, "/gate/wiki", &[right, right]).await;
    assert_eq!(twice.error(), (401, "invalid_token"));
    let other = ask(&server, "/gate/notes", &[right]).await;
    assert_eq!(other.error(), (401, "invalid_token"), "another resource's");
    let in_query = ask(&server, &format!("/gate/wiki?access_token={access}"), &[]).await;
    assert_eq!(in_query.status, 401);
    assert_eq!(ask(&server, "/gate/wiki", &[right]).await.status, 200);
    server.advance(3600);
    assert_eq!(ask(&server, "/gate/wiki", &[right]).await.error(), (401, "invalid_token"));
}

#[tokio::test]
async fn revoked_is_revoked_at_the_next_question() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let tokens = client.connect(&Browser::new(&server)).await;
    let bearer = format!("Bearer {}", tokens.text("access_token"));
    assert_eq!(ask(&server, "/gate/wiki", &[("Authorization", &bearer)]).await.status, 200);
    assert_eq!(client.revoke(&tokens.text("refresh_token")).await.status, 200);
    let refused = ask(&server, "/gate/wiki", &[("Authorization", &bearer)]).await;
    assert_eq!(refused.error(), (401, "invalid_token"));
}

#[tokio::test]
async fn a_missing_scope_is_forbidden_and_every_needed_one_is_named() {
    let server = TestServer::spawn_with(&[SCOPES]).await;
    let bearer = format!("Bearer {}", token(&server, "wiki:read").await);
    let right = [("Authorization", bearer.as_str())];
    assert_eq!(ask(&server, "/gate/wiki/wiki:read", &right).await.status, 200);
    assert_eq!(ask(&server, "/gate/wiki/wiki%3Aread", &right).await.status, 200);
    assert_eq!(ask(&server, "/gate/wiki/-", &right).await.status, 200);
    let refused = ask(&server, "/gate/wiki/wiki:write+wiki:read", &right).await;
    assert_eq!(refused.error(), (403, "insufficient_scope"));
    let said = refused.header("www-authenticate");
    assert!(said.starts_with(&challenge(", error=\"insufficient_scope\"")), "{said}");
    assert!(said.ends_with(", scope=\"wiki:read wiki:write\""), "{said}");
    assert_eq!(refused.header("cache-control"), "no-store");
}

#[tokio::test]
async fn nothing_else_decides() {
    let server = TestServer::spawn().await;
    let bearer = format!("Bearer {}", token(&server, "mcp").await);
    let http = reqwest::Client::new();
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "CONNECTX"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        for (authorization, status) in [(Some(&bearer), 200), (None, 401)] {
            let url = format!("{}/gate/wiki?mode=off&token=x", server.url);
            let mut request = http.request(method.clone(), url).header("Host", "evil.example");
            for (name, value) in [
                ("X-Forwarded-Uri", "/livez"),
                ("X-Forwarded-Method", "OPTIONS"),
                ("X-Original-URI", "http://[::bad"),
                ("X-Forwarded-For", "127.0.0.1"),
                ("X-HTTP-Method-Override", "OPTIONS"),
                ("User-Agent", "GoogleHC/1.0"),
                ("Upgrade", "websocket"),
                ("X-Auth-Subject", "root"),
            ] {
                request = request.header(name, value);
            }
            if let Some(bearer) = authorization {
                request = request.header("Authorization", bearer);
            }
            let answer = Answer::of(request).await;
            assert_eq!(answer.status, status, "{method}");
            let challenged = answer.header("www-authenticate") == challenge("");
            assert_eq!(challenged, status == 401, "{method}");
        }
    }
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let server = TestServer::spawn().await;
    let text = raw(&server, "GET /gate/wiki HTTP/1.0\r\n\r\n").await;
    assert!(text.starts_with("HTTP/1.0 401"), "{text}");
    assert!(text.to_lowercase().contains("www-authenticate: bearer"), "{text}");
}

#[tokio::test]
async fn envoys_address_ends_where_the_clients_path_begins() {
    let server = TestServer::spawn_with(&[SCOPES]).await;
    let right = format!("Authorization: Bearer {}\r\n", token(&server, "wiki:read").await);
    for path in ["", "/", "/mcp", "/mcp/../../notes/-/", "//x;y%2f..%2f?a=b", "/gate/wiki"] {
        let open = format!("/ext_authz/wiki/-{path}");
        let closed = format!("/ext_authz/wiki/wiki:admin{path}");
        for (address, authorization, status) in
            [(&open, &*right, 200), (&open, "", 401), (&closed, &right, 403)]
        {
            let request = format!("PUT {address} HTTP/1.0\r\n{authorization}\r\n");
            let text = raw(&server, &request).await;
            assert!(text.starts_with(&format!("HTTP/1.0 {status}")), "{address}: {text}");
        }
    }
}

#[tokio::test]
async fn an_address_that_the_operator_got_wrong_is_a_404() {
    let server = TestServer::spawn().await;
    let bearer = format!("Bearer {}", token(&server, "mcp").await);
    for address in [
        "/gate/",
        "/gate/nobody",
        "/gate/nobody/mcp",
        "/gate/wiki/admin",
        "/gate/wiki/mcp/mcp",
        "/gate/wiki/",
        "/gate/wiki//",
        "/gate/wiki/+",
        "/gate/wiki/mcp+",
        "/ext_authz/wiki/",
        "/ext_authz/wiki/+/mcp",
        "/gate/%ff",
        "/gate/wiki/%22",
        "/ext_authz/",
        "/ext_authz/wiki",
        "/ext_authz/nobody/-/mcp",
        "/ext_authz/wiki/admin/mcp",
    ] {
        let answer = ask(&server, address, &[("Authorization", &bearer)]).await;
        assert_eq!(answer.error(), (404, "not_found"), "{address}");
    }
}

#[tokio::test]
async fn a_tool_that_needs_more_is_stepped_up_to() {
    let server = TestServer::spawn_with(&[SCOPES]).await;
    add_rules(
        &server,
        &[(RuleKind::Needs, "wiki:admin", "delete_*"), (RuleKind::Only, "wiki:read", "get_*")],
    )
    .await;
    let read = token(&server, "wiki:read").await;
    for (method, name) in [("tools/call", "get_page"), ("tools/list", ""), ("server/discover", "")]
    {
        assert_eq!(call(&server, &read, method, name).await.status, 200, "{method} {name}");
    }
    for (name, scope) in [
        // Deleting takes the one that the rule names, and it is good for the call.
        ("delete_page", "wiki:admin"),
        ("=?base64?ZGVsZXRlX3BhZ2U=?=", "wiki:admin"),
        // Nothing is said of editing: the scope that no rule is about.
        ("edit_page", "wiki:write"),
    ] {
        let refused = call(&server, &read, "tools/call", name).await;
        assert_eq!(refused.error(), (403, "insufficient_scope"), "{name}");
        let said = refused.header("www-authenticate").to_owned();
        assert!(said.ends_with(&format!(", scope=\"{scope}\"")), "{name}: {said}");
        let better = token(&server, &format!("wiki:read {scope}")).await;
        assert_eq!(call(&server, &better, "tools/call", name).await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn nobody_is_asked_for_what_cannot_be_had() {
    let server = TestServer::spawn_with(&[SCOPES]).await;
    add_rules(&server, &[(RuleKind::Needs, "wiki:admin", "delete_*")]).await;
    // The operator has limited a client.
    let limited = OAuthClient::register(&server).await;
    let code = limited.code_for(&Browser::new(&server), &[("scope", "wiki:read")]).await;
    let read = limited.exchange(&code).await.text("access_token");
    let limit = |DbConnection::Sqlite(conn): &mut _| {
        use diesel::connection::SimpleConnection as _;
        let sql = "UPDATE oauth_clients SET ceiling = 'wiki:read'";
        Ok::<_, StorageError>(conn.batch_execute(sql)?)
    };
    assert_eq!(call(&server, &read, "tools/call", "delete_page").await.error().0, 403);
    server.storage.write(limit).await.unwrap();
    let refused = call(&server, &read, "tools/call", "delete_page").await;
    assert_eq!(refused.error(), (403, "access_denied"));
    assert!(!refused.header("www-authenticate").contains("scope="));
    assert_eq!(call(&server, &read, "tools/call", "get_page").await.status, 200);
}

#[tokio::test]
async fn a_scope_that_is_offered_no_longer_is_good_for_nothing() {
    let mut server = TestServer::spawn_with(&[("scopes", "mcp wiki:read wiki:admin")]).await;
    let old = token(&server, "mcp").await;
    add_rules(&server, &[(RuleKind::Only, "wiki:read", "get_*")]).await;
    add_rules(&server, &[(RuleKind::Needs, "wiki:admin", "delete_*")]).await;
    assert_eq!(call(&server, &old, "tools/call", "edit_page").await.status, 200);
    server.restart_with(&[("scopes", "wiki:read")]).await;
    assert_eq!(
        call(&server, &old, "tools/call", "edit_page").await.error(),
        (403, "access_denied")
    );
    let get = call(&server, &old, "tools/call", "get_page").await;
    assert_eq!(get.error(), (403, "insufficient_scope"));
    assert!(get.header("www-authenticate").ends_with(", scope=\"wiki:read\""), "{get:?}");
    // The rule has outlived its scope.
    let delete =
        call(&server, &token(&server, "wiki:read").await, "tools/call", "delete_page").await;
    assert_eq!(delete.error(), (403, "access_denied"));
}

#[tokio::test]
async fn a_client_without_a_token_is_told_all_that_its_call_takes() {
    let server = TestServer::spawn_with(&[SCOPES]).await;
    let rules = [
        (RuleKind::Only, "wiki:read", "get_*"),
        (RuleKind::Needs, "wiki:read", "purge"),
        (RuleKind::Needs, "wiki:admin", "delete_*"),
    ];
    add_rules(&server, &rules).await;
    for (name, scope) in [
        ("purge", ", scope=\"wiki:read wiki:write\""),
        ("delete_page", ", scope=\"wiki:admin\""),
        ("edit_page", ""),
    ] {
        let answer = ask(
            &server,
            "/gate/wiki",
            &[
                ("MCP-Protocol-Version", "2026-07-28"),
                ("Mcp-Method", "tools/call"),
                ("Mcp-Name", name),
            ],
        )
        .await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, &*challenge(scope)));
    }
}

#[tokio::test]
async fn rules_are_applied_only_where_headers_can_be_believed() {
    let server = TestServer::spawn_with(&[SCOPES]).await;
    let bearer = format!("Bearer {}", token(&server, "wiki:admin").await);
    let right = ("Authorization", bearer.as_str());
    let (new, old) =
        (("MCP-Protocol-Version", "2026-07-28"), ("MCP-Protocol-Version", "2025-11-25"));
    let (list, delete) = (("Mcp-Method", "tools/list"), ("Mcp-Name", "delete_page"));
    let undecidable: [&[(&str, &str)]; 10] = [
        &[right],
        &[right, old, list],
        &[right, new],
        &[right, new, ("Mcp-Method", "tools/call")],
        &[right, new, ("Mcp-Method", "tools/call"), ("Mcp-Name", "=?base64?%?=")],
        &[right, new, ("Mcp-Method", "tools/call"), delete, ("Mcp-Name", "get_page")],
        &[right, new, new, list],
        &[right, new, list, ("Mcp_Name", "delete_page")],
        &[right, new, list, ("mcp.method", "tools/call")],
        &[right, new, ("Mcp-Method", "tools/call"), ("Mcp-Name", "get_page,delete_page")],
    ];
    for headers in undecidable {
        assert_eq!(ask(&server, "/gate/wiki", headers).await.status, 200, "without rules");
    }
    add_rules(&server, &[(RuleKind::Needs, "wiki:admin", "delete_*")]).await;
    for headers in undecidable {
        let refused = ask(&server, "/gate/wiki", headers).await;
        assert_eq!(refused.error(), (403, "invalid_request"), "{headers:?}");
        assert!(
            !refused.header("www-authenticate").contains("scope="),
            "no reason to ask a person"
        );
    }
    let refused = ask(&server, "/gate/wiki", &[right, old, list]).await;
    assert!(refused.text("error_description").contains("2026-07-28"), "{refused:?}");
    assert_eq!(ask(&server, "/gate/wiki", &[right, new, list]).await.status, 200);
    // Whoever has no token is told so first: clients look for the challenge with any request.
    assert_eq!(ask(&server, "/gate/wiki", &[old, list]).await.status, 401);
    let asked = ask(&server, "/gate/wiki", &[new, ("Mcp-Method", "tools/call"), delete]).await;
    assert_eq!(asked.header("www-authenticate"), challenge(", scope=\"wiki:admin\""));
}

#[tokio::test]
async fn a_pass_confirms_that_the_pair_has_arrived() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register(&server).await;
    let first = client.connect(&Browser::new(&server)).await;
    let second = client.refresh(&first.text("refresh_token")).await;
    let bearer = format!("Bearer {}", second.text("access_token"));
    assert_eq!(ask(&server, "/gate/wiki", &[("Authorization", &bearer)]).await.status, 200);
    // A write that follows is behind the confirmation in the queue.
    server.storage.write(|_| Ok::<_, StorageError>(())).await.unwrap();
    server.advance(121);
    let replay = client.refresh(&first.text("refresh_token")).await;
    assert_eq!(
        replay.error(),
        (400, "invalid_grant"),
        "after the grace a confirmed pair is no retry"
    );
    let refused = ask(&server, "/gate/wiki", &[("Authorization", &bearer)]).await;
    assert_eq!(refused.error(), (401, "invalid_token"));
}

#[tokio::test]
async fn who_cannot_decide_says_so_and_lets_nobody_pass() {
    use diesel::connection::SimpleConnection as _;
    let server = TestServer::spawn().await;
    let bearer = format!("Bearer {}", token(&server, "mcp").await);
    let right = [("Authorization", bearer.as_str())];
    assert_eq!(ask(&server, "/gate/wiki", &right).await.status, 200);
    let damage = |DbConnection::Sqlite(conn): &mut _| {
        Ok::<_, StorageError>(conn.batch_execute("ALTER TABLE oauth_grants RENAME TO lost")?)
    };
    server.storage.write(damage).await.unwrap();
    let refused = ask(&server, "/gate/wiki", &right).await;
    assert_eq!(refused.error(), (503, "temporarily_unavailable"));
    assert!(refused.headers.contains_key("retry-after"));
    assert!(IDENTITY.iter().all(|name| !refused.headers.contains_key(*name)));
}

#[tokio::test]
async fn the_gate_stays_at_the_root_and_goes_with_the_internal_listener() {
    let server = TestServer::spawn_with(&[
        ("issuer", "http://127.0.0.1:8080/as"),
        ("internal_listen", "127.0.0.1:1"),
    ])
    .await;
    let at = |base: &str, path: &str| reqwest::Client::new().get(format!("{base}{path}"));
    for path in ["/gate/wiki", "/ext_authz/wiki/-/mcp"] {
        let inside = Answer::of(at(&server.internal_url, path)).await;
        assert_eq!((inside.status, inside.header("www-authenticate")), (401, &*challenge("")));
        assert_eq!(Answer::of(at(&server.url, path)).await.status, 404, "public");
        assert_eq!(Answer::of(at(&server.internal_url, &format!("/as{path}"))).await.status, 404);
    }
    assert_eq!(RESOURCE, "https://wiki.example.org/mcp");
}
