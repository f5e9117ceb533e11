//! Another service at which people sign in, OpenID Connect or GitHub, that says what the test wants.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{Browser, Page, challenge};

/// What it says, and what it was asked.
#[derive(Default)]
pub struct Script {
    /// In place of what it would say at a path: a status and a body.
    pub instead: Vec<(&'static str, u16, Value)>,
    /// Members of user-info, or of GitHub's user.
    pub user: Value,
    /// Of GitHub's user.
    pub emails: Value,
    /// Active memberships at GitHub.
    pub organisations: Vec<&'static str>,
    /// Claims that the ID token has in place of the right ones.
    pub claims: Value,
    /// Code challenge and nonce of each code: the code is its place.
    pub codes: Vec<(String, String)>,
    /// Paths, with their authorization header and body.
    pub asked: Vec<(String, String, String)>,
}

/// A running provider. It stops when it is dropped.
pub struct TestProvider {
    pub url: String,
    script: Arc<Mutex<Script>>,
    running: Option<(ServerHandle, JoinHandle<()>)>,
}

impl TestProvider {
    /// With an account of this `sub`.
    pub fn spawn(subject: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let user = json!({ "sub": subject, "id": 4711, "login": "Octo-Ada" });
        let script = Script { user, emails: json!([]), claims: json!({}), ..Script::default() };
        let script = Arc::new(Mutex::new(script));
        let shared = web::Data::from(script.clone());
        let own = url.clone();
        let (sender, handle) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || {
                    let own = web::Data::new(own.clone());
                    let route = web::to(answer);
                    App::new().app_data(shared.clone()).app_data(own).default_service(route)
                };
                let server = HttpServer::new(app).workers(1).disable_signals();
                let server = server.listen(listener).unwrap().run();
                sender.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        Self { url, script, running: Some((handle.recv().unwrap(), thread)) }
    }

    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    /// Settings of the server that sends people here as to an OpenID provider.
    pub fn openid(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("oidc_issuer", self.url.as_str()),
            ("oidc_client_id", "us & them"),
            ("oidc_client_secret", "p:a ss%"),
            ("oidc_label", "Example <ID>"),
        ]
    }

    /// The same, as to GitHub.
    pub fn github(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("github_url", self.url.as_str()),
            ("github_client_id", "Iv1"),
            ("github_client_secret", "a secret"),
        ]
    }

    /// The browser is sent to this provider, and says yes there: the address of the way back.
    pub fn consent(&self, sent: &Page) -> String {
        assert!(sent.header("location").starts_with(&self.url), "{sent:?}");
        let query = sent.redirect_query();
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["code_challenge_method"], "S256");
        let mut script = self.script();
        let nonce = query.get("nonce").cloned().unwrap_or_default();
        script.codes.push((query["code_challenge"].clone(), nonce));
        let (_, place) = query["redirect_uri"].split_once("/sign-in").unwrap();
        format!("/sign-in{place}?code={}&state={}", script.codes.len() - 1, query["state"])
    }

    /// Stops it.
    pub async fn stop(&mut self) {
        if let Some((handle, thread)) = self.running.take() {
            handle.stop(false).await;
            tokio::task::spawn_blocking(|| thread.join()).await.unwrap().unwrap();
        }
    }
}

impl Drop for TestProvider {
    fn drop(&mut self) {
        if let Some((handle, thread)) = self.running.take() {
            drop(handle.stop(false));
            drop(thread);
        }
    }
}

/// Chooses the provider on the page; what the browser is answered.
pub async fn choose(browser: &Browser, form: &Page, provider: &str) -> Page {
    let (to, csrf) = (form.field("to"), form.field("csrf"));
    let fields = [("to", &*to), ("csrf", &*csrf), ("provider", provider)];
    browser.post("/sign-in/provider", &fields).await
}

async fn answer(
    http: HttpRequest,
    body: String,
    script: web::Data<Mutex<Script>>,
    own: web::Data<String>,
) -> HttpResponse {
    let mut script = script.lock().unwrap();
    let authorization = http.headers().get("authorization");
    let authorization = authorization.map_or("", |value| value.to_str().unwrap()).to_owned();
    script.asked.push((http.path().to_owned(), authorization.clone(), body.clone()));
    let instead = script.instead.iter().find(|(path, ..)| *path == http.path());
    if let Some((_, status, body)) = instead {
        return HttpResponse::build((*status).try_into().unwrap()).json(body);
    }
    let is_bearer = authorization == "Bearer an-access-token";
    match http.path() {
        "/.well-known/openid-configuration" => HttpResponse::Ok().json(json!({
            "issuer": **own,
            "authorization_endpoint": format!("{}/authorize", **own),
            "token_endpoint": format!("{}/token", **own),
            "userinfo_endpoint": format!("{}/userinfo", **own),
        })),
        "/token" | "/login/oauth/access_token" => token(&script, &body, &own),
        "/userinfo" | "/api/v3/user" if is_bearer => HttpResponse::Ok().json(&script.user),
        "/api/v3/user/emails" if is_bearer => HttpResponse::Ok().json(&script.emails),
        path if is_bearer && path.starts_with("/api/v3/user/memberships/orgs/") => {
            let name = path.rsplit('/').next().unwrap();
            if !script.organisations.contains(&name) {
                return HttpResponse::NotFound().json(json!({ "message": "Not Found" }));
            }
            let organization = json!({ "login": name });
            HttpResponse::Ok().json(json!({ "state": "active", "organization": organization }))
        }
        _ => HttpResponse::Unauthorized().json(json!({ "message": "Requires authentication" })),
    }
}

fn token(script: &Script, body: &str, own: &str) -> HttpResponse {
    let form: std::collections::BTreeMap<String, String> =
        url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let code = form["code"].parse().ok().and_then(|place: usize| script.codes.get(place));
    let Some((_, nonce)) = code.filter(|(known, _)| *known == challenge(&form["code_verifier"]))
    else {
        return HttpResponse::BadRequest().json(json!({ "error": "invalid_grant" }));
    };
    let mut claims =
        json!({ "iss": own, "sub": script.user["sub"], "aud": "us & them", "nonce": nonce });
    claims.as_object_mut().unwrap().extend(script.claims.as_object().unwrap().clone());
    let claims = BASE64URL_NOPAD.encode(claims.to_string().as_bytes());
    HttpResponse::Ok().json(json!({
        "access_token": "an-access-token",
        "token_type": "bearer",
        "id_token": format!("e30.{claims}.c2ln"),
    }))
}

/// All of a sign-in at a provider; the last page.
pub async fn sign_in_at(browser: &Browser, provider: &TestProvider, name: &str) -> Page {
    let form = browser.get("/sign-in?to=account").await;
    let sent = choose(browser, &form, name).await;
    browser.get(&provider.consent(&sent)).await
}
