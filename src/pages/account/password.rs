//! `/account/password`: a new one, or the first.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use askama::Template;
use secrecy::SecretString;

use super::super::error::PageError;
use super::super::guard::Instead;
use super::super::visit::{PageForm, Visit, Visitor};
use super::super::{ContentPolicy, Frame, render};
use super::security::{self, Done};
use crate::accounts::Username;
use crate::accounts::password::NewPassword;
use crate::accounts::password_change::change_own;
use crate::accounts::session::Recently;
use crate::clock::Seconds;
use crate::error::Error;
use crate::oauth::{ErrorCode, TokenSecret};
use crate::pages::lock_out;
use crate::storage::sign_ins::Goal;
use crate::words;

pub(super) const PATH: &str = "/account/password";

/// The form.
#[derive(Template)]
#[template(path = "account/password.html", config = "src/pages/askama.toml")]
pub struct Password {
    /// Around the content.
    pub frame: Frame,
    /// Proves that the form is ours.
    pub csrf: String,
    /// Whether people sign in by password here.
    pub is_offered: bool,
    /// Whose password managers keep it.
    pub username: String,
    /// Whether there is a password, which has to be typed first.
    pub has_password: bool,
    /// Whether all apps are to be disconnected as well.
    pub disconnects: bool,
    /// What is not right.
    pub problem: Option<Problem>,
}

/// Why the password stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The current one is another one.
    WrongPassword,
    /// Too many attempts, of this account or from this address.
    TooManyAttempts(Seconds),
    /// The new one is too easy.
    TooEasy(String),
}

impl Password {
    /// About the current password.
    fn current_problem(&self) -> Option<&str> {
        match self.problem {
            Some(Problem::WrongPassword) => Some(words!("This is not your current password.")),
            Some(Problem::TooManyAttempts(_)) => {
                Some(words!("Too many attempts. Please wait a minute, then try again."))
            }
            _ => None,
        }
    }

    /// About the new one.
    fn new_problem(&self) -> Option<&str> {
        match &self.problem {
            Some(Problem::TooEasy(why)) => Some(why),
            _ => None,
        }
    }
}

/// The form.
///
/// # Errors
/// The way to the sign-in, and the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _) = visit.recent(Goal::Security).await?;
    Ok(form(&visit, &visitor, false, None))
}

/// Looks at the current password, and sets the new one.
///
/// # Errors
/// The way to the sign-in, a form that is not ours, and the database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (visitor, recently) = visit.recent(Goal::Security).await?;
    visitor.check_csrf(&visit, PATH, sent.text("csrf"))?;
    if !visit.app.config.sign_in.password {
        let why = words!("Passwords are switched off on this server");
        return Err(visit.failed(ErrorCode::AccessDenied.because(why)).into());
    }
    let disconnects = sent.text("apps") == "disconnect";
    match change(&visit, &recently, &sent, disconnects).await? {
        Ok(cookie) => Ok(security::back(&visit, visitor.renewed(cookie), Done::Password)),
        Err(problem) => Ok(form(&visit, &visitor, disconnects, Some(problem))),
    }
}

/// The cookie from now on, or what is not right.
async fn change(
    visit: &Visit,
    recently: &Recently,
    sent: &PageForm,
    disconnects: bool,
) -> Result<Result<TokenSecret, Problem>, PageError> {
    let (app, user) = (&visit.app, recently.signed_in().user());
    if user.password_hash.is_some()
        && let Some(problem) = check_current(visit, recently, sent.text("current")).await?
    {
        return Ok(Err(problem));
    }
    let username = Username::parse(&user.username).map_err(|error| visit.failed(error))?;
    let new = match NewPassword::parse(sent.text("password").into(), &username) {
        Ok(new) => new,
        Err(error) => return Ok(Err(Problem::TooEasy(error.description.into_owned()))),
    };
    let hashed = app.passwords.hash(new).await.map_err(|error| visit.failed(error))?;
    let (recently, now) = (recently.clone(), app.clock.now());
    let change = move |conn: &mut _| change_own(conn, &recently, &hashed, disconnects, now);
    visit.write_surely::<_, Error>(change).await.map(Ok)
}

/// Counts like a sign-in, so that nobody guesses here who has found a browser open.
async fn check_current(
    visit: &Visit,
    recently: &Recently,
    typed: &str,
) -> Result<Option<Problem>, PageError> {
    let (app, user) = (&visit.app, recently.signed_in().user());
    let (sign_ins, now) = (&app.limits.sign_ins, app.clock.ticks());
    let attempt = match sign_ins.begin(&user.username, visit.client_ip.0, now) {
        Ok(attempt) => attempt,
        Err(wait) => {
            lock_out::note(visit, &user.username);
            return Ok(Some(Problem::TooManyAttempts(wait)));
        }
    };
    let verified =
        app.passwords.verify(SecretString::from(typed), user.password_hash.clone()).await;
    let matches = verified.map_err(|error| {
        sign_ins.take_back(&attempt);
        visit.failed(error)
    })?;
    if matches {
        sign_ins.succeeded(&attempt);
    }
    Ok((!matches).then_some(Problem::WrongPassword))
}

fn form(
    visit: &Visit,
    visitor: &Visitor,
    disconnects: bool,
    problem: Option<Problem>,
) -> HttpResponse {
    let user = visitor.signed_in.user();
    let (status, wait) = match problem {
        None => (StatusCode::OK, None),
        Some(Problem::TooManyAttempts(wait)) => (StatusCode::TOO_MANY_REQUESTS, Some(wait)),
        Some(_) => (StatusCode::UNPROCESSABLE_ENTITY, None),
    };
    let page = Password {
        frame: visit.frame_for(visitor, security::PATH),
        csrf: visitor.csrf(PATH),
        is_offered: visit.app.config.sign_in.password,
        username: user.username.clone(),
        has_password: user.password_hash.is_some(),
        disconnects,
        problem,
    };
    let mut response = render(status, &page, ContentPolicy::Closed);
    if let Some(wait) = wait {
        response.headers_mut().insert(RETRY_AFTER, wait.0.into());
    }
    response
}
