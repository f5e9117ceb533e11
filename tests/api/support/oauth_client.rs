//! A client: it registers, exchanges, refreshes, revokes; and a resource that introspects.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use data_encoding::BASE64URL_NOPAD;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Browser, INTROSPECTION, TestServer};

/// The next client's version: each is one of its own, and not the one before again.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

pub fn challenge(verifier: &str) -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(verifier))
}

/// What an endpoint answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Self { status, headers, body }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// A member that is text.
    pub fn text(&self, member: &str) -> String {
        self.body[member].as_str().unwrap_or_else(|| panic!("{member}: {self:?}")).to_owned()
    }

    /// Status and error code.
    pub fn error(&self) -> (u16, &str) {
        (self.status, self.body["error"].as_str().unwrap_or(""))
    }
}

/// A registered client.
pub struct OAuthClient {
    pub url: String,
    pub id: String,
    pub secret: Option<String>,
    pub redirect_uri: String,
    http: reqwest::Client,
}

impl OAuthClient {
    /// A public client with a loopback redirect.
    pub async fn register(server: &TestServer) -> Self {
        Self::register_with(server, json!({ "token_endpoint_auth_method": "none" })).await
    }

    /// With more metadata than the redirect URI.
    pub async fn register_with(server: &TestServer, metadata: Value) -> Self {
        let http = reqwest::Client::new();
        let version = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
        let mut body = json!({ "redirect_uris": ["http://127.0.0.1/callback"],
            "client_name": "Test", "software_version": version });
        body.as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
        let answer = Answer::of(http.post(format!("{}/register", server.url)).json(&body)).await;
        Self::of(server, &answer)
    }

    /// The one that was registered with this answer.
    pub fn of(server: &TestServer, answer: &Answer) -> Self {
        assert_eq!(answer.status, 201, "{answer:?}");
        Self {
            url: server.url.clone(),
            id: answer.text("client_id"),
            secret: answer.body["client_secret"].as_str().map(str::to_owned),
            redirect_uri: answer.body["redirect_uris"][0].as_str().unwrap().to_owned(),
            http: reqwest::Client::new(),
        }
    }

    /// A public client that has not registered: its id is an address.
    pub fn known_as(server: &TestServer, id: &str, redirect_uri: &str) -> Self {
        Self {
            url: server.url.clone(),
            id: id.to_owned(),
            secret: None,
            redirect_uri: redirect_uri.to_owned(),
            http: reqwest::Client::new(),
        }
    }

    /// The parameters of a good authorization request.
    pub fn request(&self) -> BTreeMap<String, String> {
        [
            ("response_type", "code"),
            ("client_id", self.id.as_str()),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("state", "xyz"),
            ("code_challenge", challenge(VERIFIER).as_str()),
            ("code_challenge_method", "S256"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// A code to which a person has said yes.
    pub async fn code(&self, browser: &Browser) -> String {
        self.code_for(browser, &[]).await
    }

    /// With other parameters.
    pub async fn code_for(&self, browser: &Browser, parameters: &[(&str, &str)]) -> String {
        let mut request = self.request();
        request.extend(parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        browser.approve(&request).await["code"].clone()
    }

    /// Tokens to which a person has said yes.
    pub async fn connect(&self, browser: &Browser) -> Answer {
        let code = self.code(browser).await;
        let answer = self.exchange(&code).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    pub async fn exchange(&self, code: &str) -> Answer {
        let form =
            [("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER)];
        self.token(&form).await
    }

    pub async fn refresh(&self, token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// With this client's identification, in the body.
    pub async fn token(&self, form: &[(&str, &str)]) -> Answer {
        let mut form = form.to_vec();
        form.push(("client_id", &self.id));
        form.extend(self.secret.as_deref().map(|secret| ("client_secret", secret)));
        Answer::of(self.http.post(format!("{}/token", self.url)).form(&form)).await
    }

    pub async fn revoke(&self, token: &str) -> Answer {
        let form = [("token", token), ("client_id", self.id.as_str())];
        Answer::of(self.http.post(format!("{}/revoke", self.url)).form(&form)).await
    }

    /// As the resource that the tokens are for.
    pub async fn introspect(&self, token: &str) -> Answer {
        let (id, secret) = INTROSPECTION;
        let request = self.http.post(format!("{}/introspect", self.url));
        Answer::of(request.basic_auth(id, Some(secret)).form(&[("token", token)])).await
    }

    pub async fn is_active(&self, token: &str) -> bool {
        let answer = self.introspect(token).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["active"].as_bool().unwrap()
    }
}
