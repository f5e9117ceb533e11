//! Who is there? User name and password, and the other ways in.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use askama::Template;
use secrecy::SecretString;
use tracing::debug;

use super::doorstep::{Doorstep, go_on};
use super::error::PageError;
use super::lock_out;
use super::passkey::Offer;
use super::problem::Problem;
use super::side::Side;
use super::visit::{PageForm, Visit, see_other};
use super::{ContentPolicy, Frame, proxy_header, render};
use crate::accounts::Username;
use crate::accounts::password_change::keep_up;
use crate::accounts::providers::Provider;
use crate::accounts::sign_in::{self, Passed};
use crate::error::Error;
use crate::metrics::SignIn as Labels;
use crate::oauth::{ErrorCode, Parameters};
use crate::storage::Method;
use crate::storage::sign_ins::Goal;
use crate::storage::users::{self, User};
use crate::words;

/// The page with the form.
#[derive(Template)]
#[template(path = "sign_in.html", config = "src/pages/askama.toml")]
pub struct SignIn {
    /// Around the content.
    pub frame: Frame,
    /// Where it leads.
    pub goal: Goal,
    /// Proves that the form is ours.
    pub csrf: String,
    /// What the person typed before; empty at first.
    pub username: String,
    /// What is offered.
    pub ways: Ways,
    /// Why the last attempt did not succeed.
    pub problem: Option<Problem>,
    /// The button for a passkey, where they are offered.
    pub passkey: Option<Offer>,
}

/// The ways to sign in that are on.
#[derive(Debug, Clone, Default)]
pub struct Ways {
    /// By user name and password.
    pub password: bool,
    /// At other services: their names in addresses, and for people.
    pub providers: Vec<(String, String)>,
    /// As whom the proxy says it is.
    pub proxy: Option<String>,
}

impl Ways {
    fn of(visit: &Visit) -> Self {
        let named = |one: &Provider| (one.settings.name.clone(), one.settings.label.clone());
        Self {
            password: visit.app.config.sign_in.password,
            // They send people back to the issuer.
            providers: if visit.side == Side::Internal {
                vec![]
            } else {
                visit.app.providers.iter().map(named).collect()
            },
            proxy: proxy_header::claim(visit).map(|name| name.to_string()),
        }
    }
}

impl SignIn {
    /// Whether an app is waiting for the person.
    fn is_for_an_app(&self) -> bool {
        matches!(self.goal, Goal::Request(_))
    }

    /// What the person is here for.
    fn purpose(&self) -> &'static str {
        match self.goal {
            Goal::Request(_) => words!(
                "An app asks to use an MCP server for you. After signing in you see which app it \
                 is and what it wants, and you decide."
            ),
            Goal::Account => words!("To see which apps are connected, and to end what should end."),
            Goal::Security => {
                words!("Before anything changes about how you sign in, show that it is you.")
            }
            Goal::Owner => {
                words!("The pages behind this sign-in are for the owner of this server.")
            }
        }
    }

    fn policy(&self) -> ContentPolicy {
        // A form that is sent on to a provider: Chrome holds that against `form-action`.
        match (self.passkey.is_some(), self.ways.providers.is_empty()) {
            (true, true) => ContentPolicy::Scripted,
            (true, false) => ContentPolicy::ScriptedLeadsElsewhere,
            (false, true) => ContentPolicy::Closed,
            (false, false) => ContentPolicy::LeadsElsewhere,
        }
    }

    /// What the form says where it leads.
    fn goal_field(&self) -> &'static str {
        if self.is_for_an_app() { "request" } else { "to" }
    }

    fn fields_are_wrong(&self) -> bool {
        self.problem == Some(Problem::WrongCredentials)
    }
}

/// What the form's proof is made of.
pub(super) const FORM: &str = "sign-in";
/// The same for the button for a passkey.
pub(super) const PASSKEY_FORM: &str = "sign-in/passkey";
/// The longest user name that is shown again.
const LONGEST_NAME: usize = 64;

/// The form.
///
/// # Errors
/// A request that is not this browser's, and the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, PageError> {
    let query =
        Parameters::parse(visit.http.query_string()).map_err(|error| visit.failed(error))?;
    let named = |name| query.get(name).unwrap_or_default();
    let doorstep = Doorstep::of(&visit, (named("request"), named("to"))).await?;
    let Some(doorstep) = doorstep else { return Ok(see_other(&visit.here("/"))) };
    Ok(form(&visit, doorstep, "", None))
}

/// Looks at the password, and goes on.
///
/// # Errors
/// A form that is not ours, and the database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, PageError> {
    let doorstep = Doorstep::of(&visit, (sent.text("request"), sent.text("to"))).await?;
    let Some(doorstep) = doorstep else { return Err(visit.stale_form()) };
    if !visit.app.config.sign_in.password {
        return Err(
            visit.failed(ErrorCode::AccessDenied.because("Nobody signs in by password here"))
        );
    }
    let typed = sent.text("username");
    if !doorstep.verifies(FORM, sent.text("csrf")) {
        return Ok(form(&visit, doorstep, typed, Some(Problem::StaleForm)));
    }
    // A name that nobody can have is looked up all the same: it takes as long to be refused.
    let name = Username::parse(typed).map_or_else(|_| String::new(), |name| name.to_string());
    let (sign_ins, now) = (&visit.app.limits.sign_ins, visit.app.clock.ticks());
    let attempt = match sign_ins.begin(&name, visit.client_ip.0, now) {
        Ok(attempt) => attempt,
        Err(wait) => {
            count(&visit, "throttled");
            lock_out::note(&visit, &name);
            return Ok(form(&visit, doorstep, typed, Some(Problem::TooManyAttempts(wait))));
        }
    };
    let password = SecretString::from(sent.text("password"));
    let passed = pass(&visit, &name, password, doorstep.goal).await;
    let Some(passed) = passed.inspect_err(|_| sign_ins.take_back(&attempt))? else {
        count(&visit, "refused");
        return Ok(form(&visit, doorstep, typed, Some(Problem::WrongCredentials)));
    };
    match &passed {
        // A network is known from where somebody came in, not from where somebody knows half.
        Passed::Next(..) => sign_ins.take_back(&attempt),
        Passed::SignedIn(_) | Passed::SwitchedOff => sign_ins.succeeded(&attempt),
    }
    count(&visit, "accepted");
    go_on(&visit, passed, doorstep.goal, None)
}

/// What the right password leads to; none for whatever reason, after the same time.
async fn pass(
    visit: &Visit,
    name: &str,
    password: SecretString,
    goal: Goal,
) -> Result<Option<Passed>, PageError> {
    let app = &visit.app;
    // Once more if the account has another hash by now: the same password may have been hashed anew.
    for _ in 0..2 {
        let Some(user) = look_at(visit, name, password.clone()).await? else { break };
        let (seen, browser, terms) =
            (user.clone(), visit.browser(Method::Password), app.sign_in_terms());
        let pass =
            move |conn: &mut _| Ok(sign_in::by_password(conn, &seen, goal, &browser, &terms)?);
        let passed = visit.write_surely::<_, Error>(pass).await?;
        if passed.is_none() {
            continue;
        }
        if let Err(error) = keep_up(&app.passwords, &app.storage, &user, password).await {
            debug!(%error, "a password was not hashed anew");
        }
        return Ok(passed);
    }
    Ok(None)
}

/// Whose password it is.
async fn look_at(
    visit: &Visit,
    name: &str,
    password: SecretString,
) -> Result<Option<User>, PageError> {
    let app = &visit.app;
    let found = app.storage.read(|conn| users::find_by_name(conn, name)).await;
    let user = found.map_err(|error| visit.failed(error))?;
    let stored = user.as_ref().and_then(|user| user.password_hash.clone());
    let matches = app.passwords.verify(password, stored).await;
    let matches = matches.map_err(|error| visit.failed(error))?;
    Ok(user.filter(|user| matches && user.disabled_at.is_none()))
}

/// The page, for somebody who stands here.
pub(super) fn form(
    visit: &Visit,
    doorstep: Doorstep,
    typed: &str,
    problem: Option<Problem>,
) -> HttpResponse {
    let status = problem.as_ref().map_or(StatusCode::OK, Problem::status);
    let wait = match problem {
        Some(Problem::TooManyAttempts(wait)) => Some(wait),
        _ => None,
    };
    let page = page(visit, &doorstep, typed, problem);
    let mut response = render(status, &page, page.policy());
    if let Some(wait) = wait {
        response.headers_mut().insert(RETRY_AFTER, wait.0.into());
    }
    doorstep.with_page(visit, response)
}

/// The form once more, after a passkey that was refused.
#[cfg(feature = "passkeys")]
pub(super) fn with_passkey_problem(
    visit: &Visit,
    doorstep: Doorstep,
    problem: String,
) -> HttpResponse {
    let mut page = page(visit, &doorstep, "", None);
    page.passkey = page.passkey.map(|offer| Offer { problem: Some(problem), ..offer });
    let response = render(StatusCode::UNAUTHORIZED, &page, page.policy());
    doorstep.with_page(visit, response)
}

fn page(visit: &Visit, doorstep: &Doorstep, typed: &str, problem: Option<Problem>) -> SignIn {
    SignIn {
        frame: visit.frame(),
        goal: doorstep.goal,
        csrf: doorstep.csrf(FORM),
        username: typed.chars().take(LONGEST_NAME).collect(),
        ways: Ways::of(visit),
        problem,
        passkey: Offer::of(visit, doorstep.csrf(PASSKEY_FORM)),
    }
}

pub(super) fn count(visit: &Visit, outcome: &'static str) {
    visit.app.metrics.sign_ins.get_or_create(&Labels { outcome }).inc();
}
