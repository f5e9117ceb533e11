//! The first visit: the owner's account and the first MCP server.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use secrecy::SecretString;

use super::doorstep::{carry_on, step_url};
use super::error::PageError;
use super::instructions::ShownRecipe;
use super::recipes::RecipeError;
use super::snippets::Snippets;
use super::visit::{PageForm, Visit};
use super::{ContentPolicy, Frame, render};
use crate::accounts::Username;
use crate::accounts::password::NewPassword;
use crate::accounts::setup::{self, Done};
use crate::accounts::sign_in::Passed;
use crate::oauth::{MachineSecret, OAuthError, Parameters, ResourceUri};
use crate::storage::Method;

/// The form behind the one-time link.
#[derive(Template)]
#[template(path = "setup.html", config = "src/pages/askama.toml")]
pub struct Setup {
    /// Around the content.
    pub frame: Frame,
    /// The one-time token, which also proves that the form is ours.
    pub token: String,
    /// The owner's user name.
    pub username: Field,
    /// Whether people sign in by password here.
    pub by_password: bool,
    /// What is wrong with the password, which is never shown again.
    pub password_problem: Option<String>,
    /// The MCP server's URL.
    pub resource: Field,
}

/// What was typed, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Field {
    /// Empty at first, or a proposal.
    pub value: String,
    /// In plain words.
    pub problem: Option<String>,
}

/// What the owner needs next. It shows the secret, once.
#[derive(Template)]
#[template(path = "setup_done.html", config = "src/pages/askama.toml")]
pub struct SetupDone {
    /// Around the content.
    pub frame: Frame,
    /// The new owner.
    pub username: String,
    /// The credentials, and code that has them filled in.
    pub snippets: Snippets,
    /// Path of the page where the owner gets a second factor, if nobody signs in without.
    pub second_factor: Option<String>,
    /// Whether the owner's pages are at this side.
    pub owner_pages: bool,
    /// Whether the new owner can sign in again: by the password.
    pub by_password: bool,
    /// For a server that knows nothing about OAuth; or why there are none.
    pub recipes: Result<Vec<ShownRecipe>, RecipeError>,
}

/// The form, while the link is good.
///
/// # Errors
/// A dead link, and the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, PageError> {
    let query =
        Parameters::parse(visit.http.query_string()).map_err(|error| visit.failed(error))?;
    let token = query.get("token").unwrap_or_default();
    let checked = visit.app.storage.read(|conn| setup::check_link(conn, token)).await;
    checked.map_err(|error| visit.failed(error))?;
    let proposed = visit.app.default_resource().map(ToString::to_string);
    let page = Setup {
        frame: visit.frame(),
        token: token.to_owned(),
        username: Field::default(),
        by_password: visit.app.config.sign_in.password,
        password_problem: None,
        resource: Field { value: proposed.unwrap_or_default(), problem: None },
    };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}

/// Makes the account and the resource. A field that is wrong costs nothing: the link stays good.
///
/// # Errors
/// A dead link, and the database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, PageError> {
    let token = sent.text("token").to_owned();
    // Before the password is hashed, which strangers shall not make us do.
    let checked = visit.app.storage.read(|conn| setup::check_link(conn, &token)).await;
    checked.map_err(|error| visit.failed(error))?;
    let by_password = visit.app.config.sign_in.password;
    let (username, password, resource) = match fields(&visit.frame(), &sent, by_password) {
        Ok(fields) => fields,
        Err(problems) => return Ok(form_again(&visit, &sent, *problems)),
    };
    let name = username.to_string();
    let password = match password {
        Some(password) => {
            let hashed = visit.app.passwords.hash(password).await;
            Some(hashed.map_err(|error| visit.failed(error))?)
        }
        None => None,
    };
    let browser = visit.browser(Method::Link);
    let wanted = setup::Setup { username, password, resource, browser };
    let terms = visit.app.sign_in_terms();
    let complete = move |conn: &mut _| setup::complete(conn, &token, &wanted, &terms);
    let done = visit.write_surely(complete).await?;
    if matches!(done.next, Passed::SignedIn(_)) {
        visit.app.limits.sign_ins.remember(&name, visit.client_ip.network());
    }
    Ok(ready(&visit, name, done))
}

/// Shows the secret, and lets the owner go on.
fn ready(visit: &Visit, username: String, done: Done) -> HttpResponse {
    let config = &visit.app.config;
    let secret = done.secret.map(MachineSecret::reveal);
    let resource = done.resource;
    let (uri, id) = (resource.uri.clone(), resource.id.clone());
    let page = SetupDone {
        frame: visit.frame(),
        username,
        second_factor: match &done.next {
            Passed::Next(step, at) => Some(step_url(*at, step.id())),
            Passed::SignedIn(_) | Passed::SwitchedOff => None,
        },
        owner_pages: visit.has_owner_pages(),
        by_password: config.sign_in.password,
        recipes: ShownRecipe::all(config, &uri, &id),
        snippets: Snippets::new(config, uri, id, secret).of(&resource),
    };
    let mut response = render(StatusCode::OK, &page, ContentPolicy::Closed);
    carry_on(visit, &mut response, done.next);
    response
}

/// What is wrong with each field.
#[derive(Default)]
struct Problems {
    username: Option<String>,
    password: Option<String>,
    resource: Option<String>,
}

fn fields(
    frame: &Frame,
    sent: &PageForm,
    by_password: bool,
) -> Result<(Username, Option<NewPassword>, ResourceUri), Box<Problems>> {
    let words = |error: OAuthError| Some(format!("{}.", frame.t(&error.description)));
    let address = |why| frame.t("This address {}.").replace("{}", frame.t(why));
    let username = Username::parse(sent.text("username"));
    let password = SecretString::from(sent.text("password"));
    let resource = sent.text("resource").trim().parse::<ResourceUri>();
    let password = match &username {
        _ if !by_password => Ok(None),
        Ok(username) => NewPassword::parse(password, username).map(Some).map_err(words),
        // Not judged before there is a name: it must not be the name.
        Err(_) => Err(None),
    };
    match (username, password, resource) {
        (Ok(username), Ok(password), Ok(resource)) => Ok((username, password, resource)),
        (username, password, resource) => Err(Box::new(Problems {
            username: username.err().and_then(words),
            password: password.err().flatten(),
            resource: resource.err().map(address),
        })),
    }
}

fn form_again(visit: &Visit, sent: &PageForm, problems: Problems) -> HttpResponse {
    let field = |name: &str, problem| Field { value: sent.text(name).to_owned(), problem };
    let page = Setup {
        frame: visit.frame(),
        token: sent.text("token").to_owned(),
        username: field("username", problems.username),
        by_password: visit.app.config.sign_in.password,
        password_problem: problems.password,
        resource: field("resource", problems.resource),
    };
    render(StatusCode::UNPROCESSABLE_ENTITY, &page, ContentPolicy::Closed)
}
