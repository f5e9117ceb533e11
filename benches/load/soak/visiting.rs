//! A person who connects an app, with a new browser each time, and then disconnects it: sign-in by
//! password, consent, code exchange, introspection, revocation, and introspection of what has ended.

use std::collections::BTreeMap;

use super::crowd::live;
use crate::data::{CHALLENGE, PASSWORD, REDIRECT_URI, USERNAME, VERIFIER};
use crate::exchange::Answer;
use crate::generator::Script;
use crate::parts::{introspection, posted};
use crate::scripts::Template;

/// One after the other.
pub(super) struct Visiting {
    client_id: String,
    cookies: BTreeMap<String, String>,
    step: Step,
}

/// What is done next. Of tokens: the access token.
enum Step {
    Open(String),
    /// A form, to be sent to this place.
    Fill(&'static str, String),
    Redeem(String),
    Ask(String),
    Revoke(String),
    /// It has ended.
    AskInVain(String),
}

impl Visiting {
    /// With this app.
    pub(super) fn of(client_id: &str) -> Self {
        let client_id = client_id.to_owned();
        Self { step: begin(&client_id), client_id, cookies: BTreeMap::new() }
    }

    /// With the cookies of the browser.
    fn browse(&self, line: String, form: Option<&str>) -> Template {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let headers = match &cookies[..] {
            [] => vec![],
            cookies => vec![format!("Cookie: {}", cookies.join("; "))],
        };
        Template { line, headers, form: form.map(str::to_owned), expect: String::new() }
    }

    fn keep_cookies(&mut self, answer: &Answer<'_>) {
        for line in answer.head.lines() {
            let Some((name, value)) = line.split_once(": ") else { continue };
            if name.eq_ignore_ascii_case("set-cookie") {
                let cookie = value.split(';').next().unwrap();
                let (name, value) = cookie.split_once('=').unwrap();
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// What a page asks for: a form, or to go elsewhere.
    fn follow(&mut self, answer: &Answer<'_>) -> Step {
        self.keep_cookies(answer);
        if answer.status == 200 {
            return fill(answer.body);
        }
        assert_eq!(answer.status, 303, "{}{}", answer.head, answer.body);
        let place = answer.header("location").unwrap();
        match place.strip_prefix(REDIRECT_URI) {
            Some(query) => Step::Redeem(parameter(query, "code")),
            None => Step::Open(place.to_owned()),
        }
    }
}

impl Script for Visiting {
    fn request(&mut self, request: &mut Vec<u8>) -> bool {
        let client_id = &self.client_id;
        let (template, token) = match &self.step {
            Step::Open(place) => (self.browse(format!("GET {place}"), None), ""),
            Step::Fill(place, form) => (self.browse(format!("POST {place}"), Some(form)), ""),
            Step::Redeem(code) => {
                let form = "grant_type=authorization_code&client_id={client_id}&code={token}";
                (posted("/token", &format!("{form}&code_verifier={VERIFIER}")), code.as_str())
            }
            Step::Ask(token) => (live(), token.as_str()),
            Step::Revoke(token) => {
                (posted("/revoke", "client_id={client_id}&token={token}"), token.as_str())
            }
            Step::AskInVain(token) => (introspection(""), token.as_str()),
        };
        let rendered = template.render(&[("client_id", client_id), ("token", token)]);
        request.extend_from_slice(rendered.as_bytes());
        true
    }

    fn answered(&mut self, answer: &Answer<'_>) {
        let right = |expected: &str| {
            let right = answer.status == 200 && answer.body.contains(expected);
            assert!(right, "{}{}", answer.head, answer.body);
        };
        self.step = match &self.step {
            Step::Open(_) | Step::Fill(..) => self.follow(answer),
            Step::Redeem(_) => {
                right("refresh_token");
                Step::Ask(answer.member("access_token").to_owned())
            }
            Step::Ask(token) => {
                right("\"active\":true");
                Step::Revoke(token.clone())
            }
            Step::Revoke(token) => {
                right("");
                Step::AskInVain(token.clone())
            }
            Step::AskInVain(_) => {
                right("\"active\":false");
                self.cookies.clear();
                begin(&self.client_id)
            }
        };
    }

    fn is_patient(&self) -> bool {
        true
    }

    /// A person begins anew, also where a code was on its way, which is good for one use (OAuth 2.1
    /// section 4.1.2). With a token an app asks the same again.
    fn lost(&mut self) {
        if matches!(self.step, Step::Open(_) | Step::Fill(..) | Step::Redeem(_)) {
            self.cookies.clear();
            self.step = begin(&self.client_id);
        }
    }
}

/// Where the app sends the person.
fn begin(client_id: &str) -> Step {
    Step::Open(format!(
        "/authorize?response_type=code&client_id={client_id}&redirect_uri={REDIRECT_URI}&state=soak&code_challenge={CHALLENGE}&code_challenge_method=S256"
    ))
}

/// The password, or a yes.
fn fill(page: &str) -> Step {
    let (place, answer) = if page.contains("action=\"/consent\"") {
        ("/consent", "decision=allow".to_owned())
    } else {
        ("/sign-in", format!("username={USERNAME}&password={PASSWORD}"))
    };
    let (_, form) = page.split_once(&format!("action=\"{place}\"")).unwrap();
    let (form, _) = form.split_once("</form>").unwrap();
    let hidden = form.split("type=\"hidden\" name=\"").skip(1).map(|field| {
        let (name, rest) = field.split_once("\" value=\"").unwrap();
        format!("{name}={}&", rest.split('"').next().unwrap())
    });
    Step::Fill(place, format!("{}{answer}", hidden.collect::<String>()))
}

fn parameter(query: &str, name: &str) -> String {
    let pairs = query.trim_start_matches('?').split('&').filter_map(|pair| pair.split_once('='));
    let found = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next();
    found.unwrap_or_else(|| panic!("no {name} in {query}"))
}
