//! Who is there? User name and password.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use askama::Template;
use secrecy::SecretString;

use super::error::PageError;
use super::visit::{PageForm, Visit, see_other};
use super::{ContentPolicy, Frame, cookies, render};
use crate::accounts::{Username, session};
use crate::authorization::consent;
use crate::clock::Seconds;
use crate::error::Error;
use crate::metrics::SignIn as Labels;
use crate::oauth::{Parameters, TokenSecret};
use crate::storage::sessions;
use crate::storage::users::{self, User};

/// The page with the form.
#[derive(Template)]
#[template(path = "sign_in.html", config = "src/pages/askama.toml")]
pub struct SignIn {
    /// Around the content.
    pub frame: Frame,
    /// The pending authorization request to go on with.
    pub request: String,
    /// Proves that the form is ours.
    pub csrf: String,
    /// What the person typed before; empty at first.
    pub username: String,
    /// Why the last attempt did not succeed.
    pub problem: Option<Problem>,
}

/// Why somebody is not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The same for unknown names, wrong passwords and disabled accounts.
    WrongCredentials,
    /// Too many attempts, of this account or from this address.
    TooManyAttempts,
    /// The form is not the one that we gave to this browser.
    StaleForm,
}

impl Problem {
    fn words(self) -> &'static str {
        match self {
            Self::WrongCredentials => "The user name or the password is not right.",
            Self::TooManyAttempts => "Too many attempts. Please wait a minute, then try again.",
            Self::StaleForm => "This page was open for too long. Please sign in again.",
        }
    }
}

impl SignIn {
    fn fields_are_wrong(&self) -> bool {
        self.problem == Some(Problem::WrongCredentials)
    }
}

/// What the form's proof is made of.
const FORM: &str = "sign-in";
/// The longest user name that is shown again.
const LONGEST_NAME: usize = 64;

/// The form.
///
/// # Errors
/// A request that is not this browser's, and the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, PageError> {
    let query =
        Parameters::parse(visit.http.query_string()).map_err(|error| visit.failed(error))?;
    let Some(request) = query.get("request") else { return Ok(see_other(&visit.here("/"))) };
    let cookie = visit.pending_cookie(request)?;
    let now = visit.app.clock.now();
    let pending = visit.app.storage.read(|conn| consent::find(conn, &cookie, now)).await;
    pending.map_err(|error| visit.failed(error))?;
    Ok(form(&visit, &cookie, "", None))
}

/// Signs in, and goes on with the request.
///
/// # Errors
/// A form that is not ours, and the database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, PageError> {
    let cookie = visit.pending_cookie(sent.text("request"))?;
    let typed = sent.text("username");
    if !cookie.verifies(FORM, sent.text("csrf")) {
        return Ok(form(&visit, &cookie, typed, Some((Problem::StaleForm, Seconds(0)))));
    }
    // A name that nobody can have is looked up all the same: it takes as long to be refused.
    let name = Username::parse(typed).map_or_else(|_| String::new(), |name| name.to_string());
    let (sign_ins, now) = (&visit.app.limits.sign_ins, visit.app.clock.now_millis());
    let attempt = match sign_ins.begin(&name, visit.client_ip.0, now) {
        Ok(attempt) => attempt,
        Err(wait) => {
            count(&visit, "throttled");
            return Ok(form(&visit, &cookie, typed, Some((Problem::TooManyAttempts, wait))));
        }
    };
    let password = SecretString::from(sent.text("password"));
    let signed_in = sign_in(&visit, &name, password).await;
    let Some(secret) = signed_in.inspect_err(|_| sign_ins.take_back(&attempt))? else {
        count(&visit, "refused");
        return Ok(form(&visit, &cookie, typed, Some((Problem::WrongCredentials, Seconds(0)))));
    };
    sign_ins.succeeded(&attempt);
    count(&visit, "accepted");
    let mut response = see_other(&visit.here(&format!("/consent?request={}", cookie.id())));
    let age = visit.app.config.lifetimes.session;
    cookies::set_session(&visit.app.config.issuer, &mut response, secret, age);
    Ok(response)
}

/// The cookie of a new session; none for whatever reason, after the same time.
async fn sign_in(
    visit: &Visit,
    name: &str,
    password: SecretString,
) -> Result<Option<TokenSecret>, PageError> {
    let app = &visit.app;
    let found = app.storage.read(|conn| users::find_by_name(conn, name)).await;
    let user = found.map_err(|error| visit.failed(error))?;
    let stored = user.as_ref().map(|user| user.password_hash.clone());
    let matches = app.passwords.verify(password, stored).await;
    let matches = matches.map_err(|error| visit.failed(error))?;
    let enabled = |user: &User| user.disabled_at.is_none();
    let Some(user) = user.filter(|user| matches && enabled(user)) else { return Ok(None) };
    let (lifetimes, now) = (app.session_lifetimes(), app.clock.now());
    let address = visit.client_ip.0.to_string();
    let before = cookies::session(&app.config.issuer, &visit.http);
    let before = before.map(|secret| (secret.id(), secret.hash()));
    let start = move |conn: &mut _| {
        // A browser has one session: whoever was signed in here before is not any more.
        if let Some((id, hash)) = &before {
            sessions::remove(conn, *id, hash)?;
        }
        Ok(session::sign_in(conn, &user, Some(&address), lifetimes, now)?)
    };
    visit.write_surely::<_, Error>(start).await
}

fn form(
    visit: &Visit,
    cookie: &TokenSecret,
    typed: &str,
    problem: Option<(Problem, Seconds)>,
) -> HttpResponse {
    let page = SignIn {
        frame: visit.frame(),
        request: cookie.id().to_string(),
        csrf: cookie.sign(FORM),
        username: typed.chars().take(LONGEST_NAME).collect(),
        problem: problem.map(|(problem, _)| problem),
    };
    let status = match problem {
        None => StatusCode::OK,
        Some((Problem::WrongCredentials, _)) => StatusCode::UNAUTHORIZED,
        Some((Problem::TooManyAttempts, _)) => StatusCode::TOO_MANY_REQUESTS,
        Some((Problem::StaleForm, _)) => StatusCode::FORBIDDEN,
    };
    let mut response = render(status, &page, ContentPolicy::Closed);
    if let Some((Problem::TooManyAttempts, wait)) = problem {
        response.headers_mut().insert(RETRY_AFTER, wait.0.into());
    }
    response
}

fn count(visit: &Visit, outcome: &'static str) {
    visit.app.metrics.sign_ins.get_or_create(&Labels { outcome }).inc();
}
