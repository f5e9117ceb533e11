//! A passkey for somebody who has passed the first factor, has no second one, and may not go on
//! without.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::{Offer, begin, checked, party, refused};
use crate::accounts::passkeys::ceremony::RelyingParty;
use crate::accounts::passkeys::pending::{self, Purpose};
use crate::accounts::passkeys::{self, Name};
use crate::accounts::sign_in::{self, FirstFactor, Passed};
use crate::error::Error;
use crate::oauth::{Parameters, TokenKind, TokenSecret};
use crate::pages::doorstep::go_on;
use crate::pages::error::PageError;
use crate::pages::visit::{PageForm, Visit};
use crate::pages::{ContentPolicy, Frame, cookies, render};
use crate::storage::Step;

/// The page with the button.
#[derive(Template)]
#[template(path = "passkey_new_second_factor.html", config = "src/pages/askama.toml")]
pub struct NewSecondFactor {
    /// Around the content.
    pub frame: Frame,
    /// The step, which this browser's cookie has too.
    pub step: String,
    /// Who has passed the first factor.
    pub username: String,
    /// What the person has typed as the name.
    pub name: String,
    /// The button.
    pub passkey: Offer,
}

/// What the form's proof is made of.
const FORM: &str = "sign-in/new-second-factor/passkey";

/// The page.
///
/// # Errors
/// A step that is not this browser's or is over, and the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, PageError> {
    party(&visit)?;
    let query =
        Parameters::parse(visit.http.query_string()).map_err(|error| visit.failed(error))?;
    let (cookie, passed) = step(&visit, query.get("step").unwrap_or_default()).await?;
    page(&visit, &cookie, (&passed, ""), None)
}

/// Begins the ceremony.
///
/// # Errors
/// A form that is not ours, a step that is over, and the database's.
pub async fn options(visit: Visit, sent: PageForm) -> Result<HttpResponse, PageError> {
    let party = party(&visit)?;
    let (cookie, passed) = step(&visit, sent.text("step")).await?;
    check_csrf(&visit, &cookie, &sent)?;
    if let Err(error) = Name::parse(sent.text("name")) {
        return Ok(refused(&visit, &error));
    }
    let begun = party.creation(passed.user(), &[]).map_err(|error| visit.failed(error))?;
    begin(&visit, &sent, (Purpose::new_second_factor(&passed), passed.goal()), begun).await
}

/// Adds the passkey, and goes on.
///
/// # Errors
/// A form that is not ours, a step or a ceremony that is over, and the database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, PageError> {
    let party = party(&visit)?;
    let (cookie, passed) = step(&visit, sent.text("step")).await?;
    check_csrf(&visit, &cookie, &sent)?;
    let ceremony = super::cookie(&visit, &sent)?;
    let answered = ceremony.id();
    let outcome = add(&visit, &party, (ceremony, &passed), &sent).await;
    let mut response = match checked(&visit, outcome)? {
        Ok(outcome) => go_on(&visit, outcome, passed.goal(), Some(cookie.id()))?,
        Err(problem) => page(&visit, &cookie, (&passed, sent.text("name")), Some(problem))?,
    };
    cookies::untie(visit.side, &mut response, TokenKind::SignIn, answered);
    Ok(response)
}

async fn add(
    visit: &Visit,
    party: &RelyingParty,
    (ceremony, passed): (TokenSecret, &FirstFactor),
    sent: &PageForm,
) -> Result<Passed, Error> {
    let name = Name::parse(sent.text("name"))?;
    let (terms, purpose) = (visit.app.sign_in_terms(), Purpose::new_second_factor(passed));
    let take = move |conn: &mut _| pending::take(conn, &ceremony, &purpose, terms.now);
    let (state, _) = visit.write_to_the_end(take).await?;
    let proved = party.created(&passed.user().id, &state, sent.text("credential"))?;
    let (browser, passed) = (visit.browser(passed.method()), passed.clone());
    let pass = move |conn: &mut _| {
        passkeys::add_as_second_factor(conn, &passed, &proved, &name, terms.now)?;
        sign_in::second_factor(conn, &passed, &browser, &terms)
    };
    visit.write_to_the_end(pass).await
}

/// Who has passed the first factor in this browser.
async fn step(visit: &Visit, id: &str) -> Result<(TokenSecret, FirstFactor), PageError> {
    let (cookie, now) = (visit.step_cookie(id)?, visit.app.clock.now());
    let find =
        |conn: &mut _| sign_in::passed_first_factor(conn, &cookie, Step::NewSecondFactor, now);
    let passed = visit.app.storage.read(find).await.map_err(|error| visit.failed(error))?;
    Ok((cookie, passed))
}

fn check_csrf(visit: &Visit, step: &TokenSecret, sent: &PageForm) -> Result<(), PageError> {
    if step.verifies(FORM, sent.text("csrf")) { Ok(()) } else { Err(visit.stale_form()) }
}

fn page(
    visit: &Visit,
    step: &TokenSecret,
    (passed, name): (&FirstFactor, &str),
    problem: Option<String>,
) -> Result<HttpResponse, PageError> {
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let Some(offer) = Offer::of(visit, step.sign(FORM)) else { return Err(visit.stale_form()) };
    let page = NewSecondFactor {
        frame: visit.frame(),
        step: step.id().to_string(),
        username: passed.user().username.clone(),
        name: name.chars().take(passkeys::LONGEST_NAME).collect(),
        passkey: Offer { problem, ..offer },
    };
    Ok(render(status, &page, ContentPolicy::Scripted))
}
