//! A browser with a person in front of it.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, ORIGIN};

use super::{PASSWORD, TestServer, USER};

/// Keeps cookies, follows nothing by itself.
pub struct Browser {
    pub url: String,
    pub http: reqwest::Client,
}

/// What came back.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Page {
    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The value of a field of a form.
    pub fn field(&self, name: &str) -> String {
        let (_, rest) = self
            .text
            .split_once(&format!("name=\"{name}\" value=\""))
            .unwrap_or_else(|| panic!("no {name} in {}", self.text));
        rest.split('"').next().unwrap().to_owned()
    }

    /// The proof in the form that is sent to this path: there may be one to sign out before it.
    pub fn csrf(&self, action: &str) -> String {
        let (_, form) = self
            .text
            .split_once(&format!("action=\"{action}\""))
            .unwrap_or_else(|| panic!("no form to {action} in {}", self.text));
        let (_, rest) = form.split_once("name=\"csrf\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    /// The value of a field of a form in the page's content, and not in what is around it.
    pub fn own_field(&self, name: &str) -> String {
        let (_, main) = self.text.split_once("<main").unwrap();
        Self { text: main.to_owned(), headers: HeaderMap::new(), ..*self }.field(name)
    }

    /// The query of the address that it redirects to.
    pub fn redirect_query(&self) -> BTreeMap<String, String> {
        assert_eq!(self.status, 303, "{self:?}");
        url::Url::parse(self.header("location")).unwrap().query_pairs().into_owned().collect()
    }
}

impl Browser {
    pub fn new(server: &TestServer) -> Self {
        Self::build(server, |builder| builder)
    }

    /// One that says what it is.
    pub fn with_agent(server: &TestServer, user_agent: &str) -> Self {
        Self::build(server, |builder| builder.user_agent(user_agent))
    }

    /// One that sends these cookies, until it is given others of their names.
    pub fn with_cookie(server: &TestServer, cookie: &str) -> Self {
        let jar = reqwest::cookie::Jar::default();
        jar.add_cookie_str(cookie, &server.url.parse().unwrap());
        Self::build(server, |builder| builder.cookie_provider(jar.into()))
    }

    fn build(
        server: &TestServer,
        with: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Self {
        let builder = reqwest::Client::builder().cookie_store(true);
        let http = with(builder.redirect(reqwest::redirect::Policy::none())).build();
        Self { url: server.url.clone(), http: http.unwrap() }
    }

    pub async fn get(&self, path: &str) -> Page {
        page(self.http.get(format!("{}{path}", self.url))).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Page {
        let request = self.http.post(format!("{}{path}", self.url));
        page(request.header(ORIGIN, &self.url).form(form)).await
    }

    pub async fn authorize(&self, request: &BTreeMap<String, String>) -> Page {
        page(self.http.get(format!("{}/authorize", self.url)).query(request)).await
    }

    /// Opens the form to sign in for a request; the place where it was sent from.
    pub async fn sign_in_form(&self, request: &BTreeMap<String, String>) -> Page {
        let sent = self.authorize(request).await;
        assert_eq!(sent.status, 303, "{sent:?}");
        let place = sent.header("location").to_owned();
        assert!(place.starts_with("/sign-in?"), "{place}");
        self.get(&place).await
    }

    pub async fn send_password(&self, form: &Page, username: &str, password: &str) -> Page {
        let (request, csrf) = (form.field("request"), form.field("csrf"));
        let fields = [
            ("request", &*request),
            ("csrf", &*csrf),
            ("username", username),
            ("password", password),
        ];
        self.post("/sign-in", &fields).await
    }

    /// The question, after signing in if that is asked for.
    pub async fn question(&self, request: &BTreeMap<String, String>) -> Page {
        let sent = self.authorize(request).await;
        assert_eq!(sent.status, 303, "{sent:?}");
        let mut place = sent.header("location").to_owned();
        if place.starts_with("/sign-in?") {
            let form = self.get(&place).await;
            let signed_in = self.send_password(&form, USER, PASSWORD).await;
            assert_eq!(signed_in.status, 303, "{signed_in:?}");
            signed_in.header("location").clone_into(&mut place);
        }
        let question = self.get(&place).await;
        assert_eq!(question.status, 200, "{question:?}");
        question
    }

    pub async fn decide(&self, question: &Page, decision: &str) -> Page {
        let (request, csrf) = (question.field("request"), question.field("csrf"));
        let mut fields = vec![("request", &*request), ("csrf", &*csrf), ("decision", decision)];
        // Not every page that can be answered has it.
        let shown = question.text.contains("name=\"shown\"").then(|| question.field("shown"));
        fields.extend(shown.as_deref().map(|shown| ("shown", shown)));
        self.post("/consent", &fields).await
    }

    /// Says yes; what the client is told.
    pub async fn approve(&self, request: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let question = self.question(request).await;
        self.decide(&question, "allow").await.redirect_query()
    }
}

pub async fn page(request: reqwest::RequestBuilder) -> Page {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Page { status, headers, text: response.text().await.unwrap() }
}
