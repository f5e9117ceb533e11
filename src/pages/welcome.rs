//! Behind a one-time link: somebody who was invited, or has lost the way in, sets a password,
//! or comes in to add another way.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, REFERRER_POLICY};
use askama::Template;
use secrecy::SecretString;

use super::doorstep::go_on;
use super::error::PageError;
use super::visit::{PageForm, Visit};
use super::{ContentPolicy, Frame, render};
use crate::accounts::Username;
use crate::accounts::invitation::{self, Invited};
use crate::accounts::password::NewPassword;
use crate::accounts::sign_in::Passed;
use crate::oauth::Parameters;
use crate::storage::Method;
use crate::storage::sign_ins::Goal;

/// The form behind the link.
#[derive(Template)]
#[template(path = "welcome.html", config = "src/pages/askama.toml")]
pub struct Welcome {
    /// Around the content.
    pub frame: Frame,
    /// The one-time token, which also proves that the form is ours.
    pub token: String,
    /// Whose link it is.
    pub username: String,
    /// Whether the person comes for the first time.
    pub is_new: bool,
    /// Whether people sign in by password here.
    pub by_password: bool,
    /// What is wrong with the password, which is never shown again.
    pub problem: Option<String>,
}

/// The form, while the link is good. To look at it uses nothing up: programs look at links in mails.
///
/// # Errors
/// A dead link, and the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, PageError> {
    let query =
        Parameters::parse(visit.http.query_string()).map_err(|error| visit.failed(error))?;
    let token = query.get("token").unwrap_or_default();
    let invited = check(&visit, token).await?;
    Ok(form(&visit, token, &invited, None))
}

/// Sets the password, where people sign in by one, and goes on as after any first factor. A password
/// that is refused costs nothing: the link stays good.
///
/// # Errors
/// A dead link, and the database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, PageError> {
    let token = sent.text("token").to_owned();
    // Before the password is hashed, which strangers shall not make us do.
    let invited = check(&visit, &token).await?;
    if !visit.app.config.sign_in.password {
        return come_in(&visit, token).await;
    }
    let name = &invited.user().username;
    let username = Username::parse(name).map_err(|error| visit.failed(error))?;
    let password = match NewPassword::parse(SecretString::from(sent.text("password")), &username) {
        Ok(password) => password,
        Err(why) => return Ok(form(&visit, &token, &invited, Some(why.description.into_owned()))),
    };
    let hashed = visit.app.passwords.hash(password).await;
    let password = hashed.map_err(|error| visit.failed(error))?;
    let (browser, terms) = (visit.browser(Method::Link), visit.app.sign_in_terms());
    let change =
        move |conn: &mut _| invitation::set_password(conn, &token, &password, &browser, &terms);
    let passed = visit.write_surely(change).await?;
    // A network is known from where somebody came in, not from where somebody has a link.
    if matches!(passed, Passed::SignedIn(_)) {
        visit.app.limits.sign_ins.remember(name, visit.client_ip.network());
    }
    go_on(&visit, passed, Goal::Account, None)
}

/// There is no password to set: on to where another way is added.
async fn come_in(visit: &Visit, token: String) -> Result<HttpResponse, PageError> {
    let (browser, terms) = (visit.browser(Method::Link), visit.app.sign_in_terms());
    let change = move |conn: &mut _| invitation::come_in(conn, &token, &browser, &terms);
    let passed = visit.write_surely(change).await?;
    go_on(visit, passed, Goal::Security, None)
}

async fn check(visit: &Visit, token: &str) -> Result<Invited, PageError> {
    let now = visit.app.clock.now();
    let checked = visit.app.storage.read(|conn| invitation::check(conn, token, now)).await;
    checked.map_err(|error| visit.failed(error))
}

fn form(visit: &Visit, token: &str, invited: &Invited, problem: Option<String>) -> HttpResponse {
    let status = match problem {
        None => StatusCode::OK,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = Welcome {
        frame: visit.frame(),
        token: token.to_owned(),
        username: invited.user().username.clone(),
        is_new: invited.is_new(),
        by_password: visit.app.config.sign_in.password,
        problem,
    };
    let mut response = render(status, &page, ContentPolicy::Closed);
    // The token is in the address: what is loaded from here learns the host at the most.
    let policy = HeaderValue::from_static("strict-origin");
    response.headers_mut().insert(REFERRER_POLICY, policy);
    response
}
