//! A passkey as the second factor: one of the person who has passed the first.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::{Offer, begin, checked, party};
use crate::accounts::passkeys::ceremony::{Answer, RelyingParty};
use crate::accounts::passkeys::pending::{self, Purpose};
use crate::accounts::sign_in::{self, FirstFactor, Passed};
use crate::error::Error;
use crate::oauth::{Parameters, TokenKind, TokenSecret};
use crate::pages::doorstep::go_on;
use crate::pages::error::PageError;
use crate::pages::visit::{PageForm, Visit};
use crate::pages::{ContentPolicy, Frame, cookies, render};
use crate::storage::passkeys::{self, Passkey};
use crate::storage::{Step, totp_secrets};

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
    /// The host for which the person's passkeys were made, if they all were for another than this.
    pub elsewhere: Option<String>,
}

/// What the form's proof is made of.
const FORM: &str = "sign-in/second-factor/passkey";

/// The page.
///
/// # Errors
/// A step that is not this browser's or is over, and the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, PageError> {
    let party = party(&visit)?;
    let query =
        Parameters::parse(visit.http.query_string()).map_err(|error| visit.failed(error))?;
    let asked = Asked::of(&visit, query.get("step").unwrap_or_default()).await?;
    asked.page(&visit, &party, None)
}

/// Begins the ceremony, with the person's own passkeys.
///
/// # Errors
/// A form that is not ours, a step that is over, and the database's.
pub async fn options(visit: Visit, sent: PageForm) -> Result<HttpResponse, PageError> {
    let party = party(&visit)?;
    let asked = Asked::of(&visit, sent.text("step")).await?;
    asked.check_csrf(&visit, &sent)?;
    let begun = party.request(&asked.passkeys).map_err(|error| visit.failed(error))?;
    let passed = &asked.passed;
    begin(&visit, &sent, (Purpose::second_factor(passed), passed.goal()), begun).await
}

/// Checks the answer, and goes on.
///
/// # Errors
/// A form that is not ours, a step or a ceremony that is over, and the database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, PageError> {
    let party = party(&visit)?;
    let asked = Asked::of(&visit, sent.text("step")).await?;
    asked.check_csrf(&visit, &sent)?;
    let ceremony = super::cookie(&visit, &sent)?;
    let (answered, goal) = (ceremony.id(), asked.passed.goal());
    let outcome = pass(&visit, &party, (ceremony, &asked.passed), sent.text("credential")).await;
    let mut response = match checked(&visit, outcome)? {
        Ok(outcome) => go_on(&visit, outcome, goal, Some(asked.cookie.id()))?,
        Err(problem) => asked.page(&visit, &party, Some(problem))?,
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
struct Asked {
    cookie: TokenSecret,
    passed: FirstFactor,
    totp: bool,
    passkeys: Vec<Passkey>,
}

impl Asked {
    async fn of(visit: &Visit, id: &str) -> Result<Self, PageError> {
        let (cookie, now) = (visit.step_cookie(id)?, visit.app.clock.now());
        let found = visit.app.storage.read(|conn| {
            let passed = sign_in::passed_first_factor(conn, &cookie, Step::SecondFactor, now)?;
            let id = &passed.user().id;
            let (totp, passkeys) =
                (totp_secrets::exists(conn, id)?, passkeys::list_of_user(conn, id)?);
            Ok::<_, Error>((passed, totp, passkeys))
        });
        let (passed, totp, passkeys) = found.await.map_err(|error| visit.failed(error))?;
        Ok(Self { cookie, passed, totp, passkeys })
    }

    fn check_csrf(&self, visit: &Visit, sent: &PageForm) -> Result<(), PageError> {
        let right = self.cookie.verifies(FORM, sent.text("csrf"));
        if right { Ok(()) } else { Err(visit.stale_form()) }
    }

    /// The host of the person's passkeys, if none of them signs in here: the service has moved.
    fn elsewhere(&self, party: &RelyingParty) -> Option<String> {
        let hosts = self.passkeys.iter().map(|passkey| passkey.elsewhere(party.id()));
        hosts.collect::<Option<Vec<_>>>()?.last().map(ToString::to_string)
    }

    fn page(
        &self,
        visit: &Visit,
        party: &RelyingParty,
        problem: Option<String>,
    ) -> Result<HttpResponse, PageError> {
        let status = if problem.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        let offer = Offer::of(visit, self.cookie.sign(FORM));
        let offer = offer.ok_or_else(|| visit.stale_form())?;
        let page = SecondFactor {
            frame: visit.frame(),
            step: self.cookie.id().to_string(),
            username: self.passed.user().username.clone(),
            totp: self.totp,
            passkey: Offer { problem, ..offer },
            elsewhere: self.elsewhere(party),
        };
        Ok(render(status, &page, ContentPolicy::Scripted))
    }
}
