//! How clients prove who they are: RFC 6749 section 2.3, at `/token` and `/revoke` alike.

use data_encoding::{BASE64, BASE64_NOPAD};
use serde_json::json;

use crate::support::{Answer, Browser, OAuthClient, TestServer};

const PLACES: [&str; 2] = ["/token", "/revoke"];

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{id}:{secret}").as_bytes()))
}

/// What a request is refused for: the client, or, when the client is right, the token in it.
async fn ask(
    server: &TestServer,
    place: &str,
    header: Option<&str>,
    form: &[(&str, &str)],
) -> Answer {
    let mut all = vec![("grant_type", "refresh_token"), ("refresh_token", "x"), ("token", "x")];
    all.extend(form);
    let mut request = reqwest::Client::new().post(format!("{}{place}", server.url)).form(&all);
    if let Some(header) = header {
        request = request.header("Authorization", header);
    }
    Answer::of(request).await
}

fn is_known(answer: &Answer) -> bool {
    answer.status == 200 || answer.error() == (400, "invalid_grant")
}

#[tokio::test]
async fn a_secret_is_read_in_every_way_that_clients_send_it() {
    let server = TestServer::spawn().await;
    for method in ["client_secret_basic", "client_secret_post"] {
        let metadata = json!({"token_endpoint_auth_method": method});
        let client = OAuthClient::register_with(&server, metadata).await;
        let (id, secret) = (client.id.clone(), client.secret.clone().unwrap());
        let everything_encoded = |text: &str| {
            format!(
                "%{}",
                text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join("%")
            )
        };
        let unpadded = BASE64_NOPAD.encode(format!("{id}:{secret}").as_bytes());
        for header in [
            basic(&id, &secret),
            basic(&everything_encoded(&id), &everything_encoded(&secret)),
            basic(&id, &everything_encoded(&secret)),
            basic(&id, &secret).replace("Basic ", "BASIC  "),
            format!("Basic {unpadded}"),
        ] {
            for place in PLACES {
                let answer = ask(&server, place, Some(&header), &[]).await;
                assert!(is_known(&answer), "{method} {place} {header}: {answer:?}");
            }
        }
        let post = [("client_id", &*id), ("client_secret", &*secret)];
        for place in PLACES {
            let answer = ask(&server, place, None, &post).await;
            assert!(is_known(&answer), "{method} {place}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_wrong_proof_is_refused_and_basic_is_named_if_it_was_tried() {
    let server = TestServer::spawn().await;
    let confidential = OAuthClient::register_with(&server, json!({})).await;
    let public = OAuthClient::register(&server).await;
    let other = OAuthClient::register_with(&server, json!({})).await;
    let foreign = other.secret.clone().unwrap();
    for place in PLACES {
        for header in [
            basic(&confidential.id, "wrong"),
            basic(&confidential.id, ""),
            basic(&confidential.id, &foreign),
            basic(&public.id, "a-secret"),
            basic("nobody", "x"),
            "Bearer mat_x".to_owned(),
            "Basic".to_owned(),
            "Basic !!!".to_owned(),
        ] {
            let answer = ask(&server, place, Some(&header), &[]).await;
            assert_eq!(answer.error(), (401, "invalid_client"), "{place} {header}");
            let scheme = answer.header("www-authenticate");
            assert!(scheme.starts_with("Basic realm="), "{place} {header}: {scheme}");
        }
        for form in [
            &[][..],
            &[("client_id", "nobody")],
            &[("client_id", &*confidential.id)],
            &[("client_id", &*confidential.id), ("client_secret", "wrong")],
            &[("client_id", &*confidential.id), ("client_secret", &*foreign)],
            &[("client_id", &*public.id), ("client_secret", "a-secret")],
            &[("client_secret", &*foreign)],
        ] {
            let answer = ask(&server, place, None, form).await;
            assert_eq!(answer.error(), (401, "invalid_client"), "{place} {form:?}");
            assert_eq!(answer.header("www-authenticate"), "", "{place} {form:?}");
            assert_eq!(answer.header("cache-control"), "no-store");
        }
    }
}

#[tokio::test]
async fn one_way_at_a_time_and_one_client() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register_with(&server, json!({})).await;
    let other = OAuthClient::register_with(&server, json!({})).await;
    let secret = client.secret.clone().unwrap();
    let header = basic(&client.id, &secret);
    for place in PLACES {
        for form in [
            &[("client_secret", &*secret)][..],
            &[("client_id", &*client.id), ("client_secret", &*secret)],
            &[("client_id", &*other.id)],
        ] {
            let answer = ask(&server, place, Some(&header), form).await;
            assert_eq!(answer.error(), (400, "invalid_request"), "{place} {form:?}");
        }
        let same = ask(&server, place, Some(&header), &[("client_id", &client.id)]).await;
        assert!(is_known(&same), "{place}: {same:?}");
    }
}

#[tokio::test]
async fn a_stranger_learns_nothing_about_the_token() {
    let server = TestServer::spawn().await;
    let client = OAuthClient::register_with(&server, json!({})).await;
    let tokens = client.connect(&Browser::new(&server)).await;
    let live = tokens.text("refresh_token");
    let asked = async |token: &str| {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", &*client.id),
            ("client_secret", "wrong"),
        ];
        let url = format!("{}/token", server.url);
        let answer = Answer::of(reqwest::Client::new().post(url).form(&form)).await;
        (answer.status, answer.body)
    };
    assert_eq!(asked(&live).await, asked("garbage").await);
    assert_eq!(client.refresh(&live).await.status, 200, "and has ended nothing");
}

#[tokio::test]
async fn whoever_guesses_is_held_up_and_honest_neighbours_never() {
    let server = TestServer::spawn_with(&[("limit_token_failures_per_address", "5")]).await;
    let client = OAuthClient::register(&server).await;
    let mut token = client.connect(&Browser::new(&server)).await.text("refresh_token");
    for _ in 0..20 {
        token = client.refresh(&token).await.text("refresh_token");
    }
    for _ in 0..5 {
        let guess = client.refresh("mrt_guess").await;
        assert_eq!(guess.error(), (400, "invalid_grant"));
    }
    let form = [("grant_type", "refresh_token"), ("client_id", &*client.id)];
    let request = reqwest::Client::new().post(format!("{}/token", server.url)).form(&form);
    let held = Answer::of(request.header("Origin", "https://browser.example")).await;
    assert_eq!(held.error(), (429, "temporarily_unavailable"));
    assert_eq!(held.header("access-control-allow-origin"), "*", "browser clients can read it");
    assert_eq!(client.refresh(&token).await.status, 200, "a good token is never held up");
    server.advance(held.header("retry-after").parse().unwrap());
    assert_eq!(client.refresh("mrt_guess").await.error(), (400, "invalid_grant"));
}
