//! A passkey as the second factor: one of the person who has passed the first.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::{Offer, begin, checked, party};
use crate::accounts::passkeys::ceremony::{Answer, RelyingParty};
use crate::accounts::passkeys::pending::{self, Purpose};
use crate::accounts::second_factor::{self, Available};
use crate::accounts::sign_in::{self, FirstFactor, Passed};
use crate::error::Error;
use crate::oauth::{Parameters, TokenKind, TokenSecret};
use crate::pages::doorstep::go_on;
use crate::pages::error::PageError;
use crate::pages::visit::{PageForm, Visit};
use crate::pages::{ContentPolicy, Frame, cookies, render};
use crate::storage::{Step, passkeys};

/// The page with the button.
#[derive(Template)]
#[template(path = "passkey_second_factor.html", config = "src/pages/askama.toml")]
pub struct SecondFactor {
    /// Around the content.
    pub frame: Frame,
    /// The step, which this browser's cookie has too.
    pub step: String,
    /// Who has passed the first factor.
    pub username: String,
    /// Whether a code does as well.
    pub totp: bool,
    /// The button.
    pub passkey: Offer,
}

/// What the form's proof is made of.
const FORM: &str = "sign-in/second-factor/passkey";

/// The page.
///
/// # Errors
/// A step that is not this browser's or is over, and the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, PageError> {
    party(&visit)?;
    let query =
        Parameters::parse(visit.http.query_string()).map_err(|error| visit.failed(error))?;
    let (cookie, passed, available) = step(&visit, query.get("step").unwrap_or_default()).await?;
    page(&visit, &cookie, (&passed, available), None)
}

/// Begins the ceremony, with the person's own passkeys.
///
/// # Errors
/// A form that is not ours, a step that is over, and the database's.
pub async fn options(visit: Visit, sent: PageForm) -> Result<HttpResponse, PageError> {
    let party = party(&visit)?;
    let (cookie, passed, _) = step(&visit, sent.text("step")).await?;
    check_csrf(&visit, &cookie, &sent)?;
    let id = &passed.user().id;
    let known = visit.app.storage.read(|conn| passkeys::list_of_user(conn, id)).await;
    let known = known.map_err(|error| visit.failed(error))?;
    let begun = party.request(&known).map_err(|error| visit.failed(error))?;
    begin(&visit, &sent, (Purpose::second_factor(&passed), passed.goal()), begun).await
}

/// Checks the answer, and goes on.
///
/// # Errors
/// A form that is not ours, a step or a ceremony that is over, and the database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, PageError> {
    let party = party(&visit)?;
    let (cookie, passed, available) = step(&visit, sent.text("step")).await?;
    check_csrf(&visit, &cookie, &sent)?;
    let ceremony = super::cookie(&visit, &sent)?;
    let answered = ceremony.id();
    let outcome = pass(&visit, &party, (ceremony, &passed), sent.text("credential")).await;
    let mut response = match checked(&visit, outcome)? {
        Ok(outcome) => go_on(&visit, outcome, passed.goal(), Some(cookie.id()))?,
        Err(problem) => page(&visit, &cookie, (&passed, available), Some(problem))?,
    };
    cookies::untie(visit.side, &mut response, TokenKind::SignIn, answered);
    Ok(response)
}

async fn pass(
    visit: &Visit,
    party: &RelyingParty,
    (ceremony, passed): (TokenSecret, &FirstFactor),
    answer: &str,
) -> Result<Passed, Error> {
    let (terms, purpose) = (visit.app.sign_in_terms(), Purpose::second_factor(passed));
    let take = move |conn: &mut _| pending::take(conn, &ceremony, &purpose, terms.now);
    let (state, _) = visit.write_to_the_end(take).await?;
    let (answer, id) = (Answer::parse(answer)?, &passed.user().id);
    let find = |conn: &mut _| pending::identify_of(conn, id, &answer);
    let used = party.used(&state, &answer, visit.app.storage.read(find).await?)?;
    let (browser, passed) = (visit.browser(passed.method()), passed.clone());
    let pass = move |conn: &mut _| pending::second_factor(conn, &used, &passed, &browser, &terms);
    visit.write_to_the_end(pass).await
}

/// Who has passed the first factor in this browser, and what there is for the second.
async fn step(visit: &Visit, id: &str) -> Result<(TokenSecret, FirstFactor, Available), PageError> {
    let (cookie, now) = (visit.step_cookie(id)?, visit.app.clock.now());
    let found = visit.app.storage.read(|conn| {
        let passed = sign_in::passed_first_factor(conn, &cookie, Step::SecondFactor, now)?;
        let available = second_factor::available(conn, passed.user())?;
        Ok::<_, Error>((passed, available))
    });
    let (passed, available) = found.await.map_err(|error| visit.failed(error))?;
    Ok((cookie, passed, available))
}

fn check_csrf(visit: &Visit, step: &TokenSecret, sent: &PageForm) -> Result<(), PageError> {
    if step.verifies(FORM, sent.text("csrf")) { Ok(()) } else { Err(visit.stale_form()) }
}

fn page(
    visit: &Visit,
    step: &TokenSecret,
    (passed, available): (&FirstFactor, Available),
    problem: Option<String>,
) -> Result<HttpResponse, PageError> {
    let status = if problem.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    let Some(offer) = Offer::of(visit, step.sign(FORM)) else { return Err(visit.stale_form()) };
    let page = SecondFactor {
        frame: visit.frame(),
        step: step.id().to_string(),
        username: passed.user().username.clone(),
        totp: available.totp,
        passkey: Offer { problem, ..offer },
    };
    Ok(render(status, &page, ContentPolicy::Scripted))
}
