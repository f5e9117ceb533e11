//! An https issuer with a path, behind a proxy that ends TLS: what most people run.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::json;

use crate::support::{
    Answer, INTROSPECTION, PASSWORD, Page, TestServer, USER, VERIFIER, challenge, page,
};

const ORIGIN: &str = "https://h.example";
const SETTINGS: [(&str, &str); 2] = [("issuer", "https://h.example/as"), ("limits", "on")];

/// A browser at the far side of the proxy. It sends `Secure` cookies, because there it is https.
struct FarBrowser {
    url: String,
    cookies: RefCell<BTreeMap<String, String>>,
    /// `Set-Cookie`, as it came.
    seen: RefCell<Vec<String>>,
}

impl FarBrowser {
    fn new(server: &TestServer) -> Self {
        Self { url: server.url.clone(), cookies: RefCell::default(), seen: RefCell::default() }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Page {
        let cookies = self.cookies.borrow().iter().map(|(k, v)| format!("{k}={v}")).collect();
        let cookies: Vec<String> = cookies;
        let request = request.header("X-Forwarded-Proto", "https").header("Host", "h.example");
        let answer = page(request.header("Cookie", cookies.join("; "))).await;
        for line in answer.headers.get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let (name, rest) = line.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
            self.seen.borrow_mut().push(line.to_owned());
        }
        answer
    }

    fn http() -> reqwest::Client {
        let never = reqwest::redirect::Policy::none();
        reqwest::Client::builder().redirect(never).build().unwrap()
    }

    async fn get(&self, place: &str) -> Page {
        self.send(Self::http().get(format!("{}{place}", self.url))).await
    }

    async fn post(&self, place: &str, form: &[(&str, &str)]) -> Page {
        let request = Self::http().post(format!("{}{place}", self.url));
        self.send(request.header("Origin", ORIGIN).form(form)).await
    }

    /// From the app's link to the question.
    async fn question(&self, client_id: &str) -> Page {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", client_id),
                ("redirect_uri", "https://app.example/cb"),
                ("code_challenge", &challenge(VERIFIER)),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        let sent = self.get(&format!("/as/authorize?{query}")).await;
        assert!(sent.header("location").starts_with("/as/sign-in?request="), "{sent:?}");
        let form = self.get(sent.header("location")).await;
        let (request, csrf) = (form.field("request"), form.field("csrf"));
        let fields =
            [("request", &*request), ("csrf", &*csrf), ("username", USER), ("password", PASSWORD)];
        let signed_in = self.post("/as/sign-in", &fields).await;
        assert!(signed_in.header("location").starts_with("/as/consent?request="), "{signed_in:?}");
        self.get(signed_in.header("location")).await
    }
}

async fn register(server: &TestServer) -> String {
    let request = reqwest::Client::new().post(format!("{}/as/register", server.url));
    let body = json!({"redirect_uris": ["https://app.example/cb"],
        "token_endpoint_auth_method": "none"});
    Answer::of(request.json(&body)).await.text("client_id")
}

#[tokio::test]
async fn a_person_connects_an_app_below_the_path() {
    let server = TestServer::spawn_with(&SETTINGS).await;
    let client_id = register(&server).await;
    let browser = FarBrowser::new(&server);
    let question = browser.question(&client_id).await;
    assert_eq!(question.status, 200, "{question:?}");
    let mut places = 0;
    for attribute in ["href=\"", "src=\"", "action=\""] {
        for rest in question.text.split(attribute).skip(1) {
            let place = rest.split('"').next().unwrap();
            assert!(place.starts_with("/as/"), "{place} would be another service's");
            places += 1;
        }
    }
    assert!(places >= 3, "a style sheet and two forms: {question:?}");
    let form = ["request", "csrf", "shown"].map(|name| (name, question.field(name)));
    let mut fields: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.push(("decision", "allow"));
    let told = browser.post("/as/consent", &fields).await.redirect_query();
    assert_eq!(told["iss"], "https://h.example/as");

    let http = reqwest::Client::new();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*told["code"]),
        ("code_verifier", VERIFIER),
        ("client_id", &*client_id),
    ];
    let tokens = Answer::of(http.post(format!("{}/as/token", server.url)).form(&form)).await;
    let (id, secret) = INTROSPECTION;
    let introspect = http.post(format!("{}/as/introspect", server.url));
    let introspect = introspect.basic_auth(id, Some(secret));
    let token = tokens.text("access_token");
    let answer = Answer::of(introspect.form(&[("token", &*token)])).await;
    assert_eq!(answer.body["active"], true, "{answer:?}");
    assert_eq!(answer.body["iss"], "https://h.example/as");
}

#[tokio::test]
async fn every_cookie_is_secure_and_held_to_the_host() {
    let server = TestServer::spawn_with(&SETTINGS).await;
    let browser = FarBrowser::new(&server);
    browser.question(&register(&server).await).await;
    let cookies = browser.seen.borrow();
    assert!(cookies.iter().any(|line| line.starts_with("__Host-session=mse_")), "{cookies:?}");
    assert!(cookies.iter().any(|line| line.starts_with("__Host-request-")), "{cookies:?}");
    for line in cookies.iter() {
        // What `__Host-` demands, or browsers throw the cookie away.
        let attributes: Vec<_> = line.split("; ").skip(1).collect();
        for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(attributes.contains(&attribute), "{attribute}: {line}");
        }
        assert!(!line.contains("Domain"), "{line}");
    }
}

/// Over plain http somebody on the wire can set cookies, but none of these names.
#[tokio::test]
async fn a_cookie_without_its_prefix_is_nobodys() {
    let server = TestServer::spawn_with(&SETTINGS).await;
    let browser = FarBrowser::new(&server);
    browser.question(&register(&server).await).await;
    assert!(browser.get("/as/").await.text.contains("Signed in as"));
    let bare = browser.cookies.borrow().iter().fold(BTreeMap::new(), |mut bare, (name, value)| {
        bare.insert(name.trim_start_matches("__Host-").to_owned(), value.clone());
        bare
    });
    *browser.cookies.borrow_mut() = bare;
    assert!(!browser.get("/as/").await.text.contains("Signed in as"));
}

#[tokio::test]
async fn forms_come_from_the_public_origin_whatever_the_proxy_calls_it() {
    let server = TestServer::spawn_with(&SETTINGS).await;
    let browser = FarBrowser::new(&server);
    let question = browser.question(&register(&server).await).await;
    let (request, csrf) = (question.field("request"), question.field("csrf"));
    let fields = [("request", &*request), ("csrf", &*csrf), ("decision", "deny")];
    let url = format!("{}/as/consent", server.url);
    for origin in [&*server.url, "http://h.example", "https://h.example:8443", "https://h.example."]
    {
        let request = FarBrowser::http().post(&url).header("Origin", origin).form(&fields);
        assert_eq!(browser.send(request).await.status, 403, "{origin}");
    }
    assert_eq!(browser.post("/as/consent", &fields).await.status, 303);
}
