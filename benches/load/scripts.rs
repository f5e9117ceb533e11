//! What connections say: the same with another token each time, a chain of refreshes, what can be
//! said once only, a sign-in.

use std::sync::{Arc, Mutex};

use crate::data::{Login, PASSWORD, USERNAME};
use crate::exchange::Answer;
use crate::generator::Script;

/// A request line with its headers, and a form if it has one; `{…}` is filled in.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct Template {
    /// `POST /token`
    pub(crate) line: String,
    #[serde(default)]
    pub(crate) headers: Vec<String>,
    pub(crate) form: Option<String>,
    /// What stands in the right answer.
    #[serde(default)]
    pub(crate) expect: String,
}

impl Template {
    /// The whole request.
    pub(crate) fn render(&self, filled: &[(&str, &str)]) -> String {
        let mut form = self.form.clone();
        let mut head = format!("{} HTTP/1.1\r\nHost: 127.0.0.1\r\n", self.line);
        self.headers.iter().for_each(|header| head = format!("{head}{header}\r\n"));
        for (name, value) in filled {
            let name = format!("{{{name}}}");
            head = head.replace(&name, value);
            form = form.map(|form| form.replace(&name, value));
        }
        let Some(form) = form else { return format!("{head}\r\n") };
        let kind = if form.starts_with('{') { "json" } else { "x-www-form-urlencoded" };
        let length = form.len();
        format!("{head}Content-Type: application/{kind}\r\nContent-Length: {length}\r\n\r\n{form}")
    }
}

/// The same request each time, with one of many tokens that are equally long.
#[derive(Clone)]
pub(crate) struct Drawn {
    before: String,
    after: String,
    tokens: Arc<Vec<String>>,
    status: u16,
    expect: String,
}

impl Drawn {
    /// The template has a `{token}`.
    pub(crate) fn new(template: &Template, tokens: &Arc<Vec<String>>, status: u16) -> Self {
        let length = tokens[0].len();
        assert!(tokens.iter().all(|token| token.len() == length), "tokens differ in length");
        let stand_in = "#".repeat(length);
        let request = template.render(&[("token", &stand_in)]);
        let (before, after) = request.split_once(&stand_in).unwrap();
        Self {
            before: before.to_owned(),
            after: after.to_owned(),
            tokens: tokens.clone(),
            status,
            expect: template.expect.clone(),
        }
    }
}

impl Script for Drawn {
    fn request(&mut self, request: &mut Vec<u8>) -> bool {
        let token = &self.tokens[rand::random_range(0..self.tokens.len())];
        for part in [&self.before, token, &self.after] {
            request.extend_from_slice(part.as_bytes());
        }
        true
    }

    fn answered(&mut self, answer: &Answer<'_>) {
        let right = answer.status == self.status && answer.body.contains(&self.expect);
        assert!(right, "{}{}", answer.head, answer.body);
    }
}

/// Refreshes with the token that came last.
pub(crate) struct Refreshing {
    pub(crate) template: Template,
    pub(crate) login: Login,
}

impl Script for Refreshing {
    fn request(&mut self, request: &mut Vec<u8>) -> bool {
        let Login { client_id, refresh, .. } = &self.login;
        let filled = [("client_id", client_id.as_str()), ("token", refresh)];
        request.extend_from_slice(self.template.render(&filled).as_bytes());
        true
    }

    fn answered(&mut self, answer: &Answer<'_>) {
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.member("refresh_token").clone_into(&mut self.login.refresh);
    }
}

/// What can be said once, which all connections share; and what came of it.
#[derive(Clone)]
pub(crate) struct Once {
    requests: Arc<Mutex<dyn Iterator<Item = String> + Send>>,
    status: u16,
    /// A member of the answers that is kept, after what was kept before.
    keeps: Option<(&'static str, Arc<Mutex<Vec<String>>>)>,
}

impl Once {
    /// With the status of a right answer.
    pub(crate) fn new(
        requests: impl Iterator<Item = String> + Send + 'static,
        status: u16,
    ) -> Self {
        Self { requests: Arc::new(Mutex::new(requests)), status, keeps: None }
    }

    /// Keeps this member of each answer.
    pub(crate) fn keeping(self, member: &'static str, kept: &Arc<Mutex<Vec<String>>>) -> Self {
        Self { keeps: Some((member, kept.clone())), ..self }
    }
}

impl Script for Once {
    fn request(&mut self, request: &mut Vec<u8>) -> bool {
        let next = self.requests.lock().unwrap().next();
        request.extend_from_slice(next.as_deref().unwrap_or_default().as_bytes());
        next.is_some()
    }

    fn answered(&mut self, answer: &Answer<'_>) {
        assert_eq!(answer.status, self.status, "{}", answer.body);
        if let Some((member, kept)) = &self.keeps {
            kept.lock().unwrap().push(answer.member(member).to_owned());
        }
    }
}

/// A browser that opens the page once, and then sends its form again and again.
#[derive(Default)]
pub(crate) struct SigningIn {
    /// The cookie and the proof that the form is the service's.
    page: Option<(String, String)>,
}

impl Script for SigningIn {
    fn request(&mut self, request: &mut Vec<u8>) -> bool {
        let template = |line: &str, headers, form| Template {
            line: line.to_owned(),
            headers,
            form,
            expect: String::new(),
        };
        let template = match &self.page {
            None => template("GET /sign-in?to=account", vec![], None),
            Some((cookie, csrf)) => {
                let form =
                    format!("to=account&csrf={csrf}&username={USERNAME}&password={PASSWORD}");
                template("POST /sign-in", vec![format!("Cookie: {cookie}")], Some(form))
            }
        };
        request.extend_from_slice(template.render(&[]).as_bytes());
        true
    }

    fn answered(&mut self, answer: &Answer<'_>) {
        if self.page.is_some() {
            return assert_eq!(answer.status, 303, "{}", answer.body);
        }
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap();
        let (_, rest) = answer.body.split_once("name=\"csrf\" value=\"").unwrap();
        let csrf = rest.split('"').next().unwrap();
        self.page = Some((cookie.to_owned(), csrf.to_owned()));
    }
}
