//! `/sign-in/new-second-factor`: for somebody who has passed the first factor, has no second one, and
//! is not let in without.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::account::totp::RecoveryCodes;
use super::doorstep::{go_on, goal_path};
use super::error::PageError;
use super::offer::Offer;
use super::second_factor::cancel;
use super::side::Side;
use super::visit::{PageForm, Visit};
use super::{ContentPolicy, Frame, cookies, render};
use crate::accounts::passkeys;
use crate::accounts::second_factor_change::{self, TurnedOn};
use crate::accounts::sign_in::{self, FirstFactor, Passed};
use crate::accounts::totp::Secret;
use crate::error::Error;
use crate::oauth::{Parameters, TokenKind, TokenSecret};
use crate::storage::Step;

pub(super) const PATH: &str = "/sign-in/new-second-factor";

/// The page.
#[derive(Template)]
#[template(path = "new_second_factor.html", config = "src/pages/askama.toml")]
pub struct NewSecondFactor {
    /// Around the content.
    pub frame: Frame,
    /// The step.
    pub step: String,
    /// Proves that the forms are ours.
    pub csrf: String,
    /// Who it is about.
    pub username: String,
    /// What the person sets the app up with.
    pub offer: Offer,
    /// Whether a passkey will do as well.
    pub passkeys_offered: bool,
}

/// The form.
///
/// # Errors
/// A step that is not this browser's or is over, and the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, PageError> {
    let query =
        Parameters::parse(visit.http.query_string()).map_err(|error| visit.failed(error))?;
    let cookie = visit.step_cookie(query.get("step").unwrap_or_default())?;
    let passed = find(&visit, &cookie).await?;
    Ok(form(&visit, &cookie, &passed, false))
}

/// Looks at the first code, and lets in.
///
/// # Errors
/// A step that is not this browser's or is over, a form that is not ours, and the database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, PageError> {
    let cookie = visit.step_cookie(sent.text("step"))?;
    if !cookie.verifies(PATH, sent.text("csrf")) {
        return Err(visit.stale_form());
    }
    let passed = find(&visit, &cookie).await?;
    if sent.text("do") == "cancel" {
        return cancel(&visit, cookie, &passed).await;
    }
    let (code, presented) = (sent.text("code").to_owned(), visit.step_cookie(sent.text("step"))?);
    let (browser, terms) = (visit.browser(passed.method()), visit.app.sign_in_terms());
    let work = move |conn: &mut _| {
        let step = Step::NewSecondFactor;
        let passed = sign_in::passed_first_factor(conn, &presented, step, terms.now)?;
        let offered = (&Secret::offered_to(&presented), code.as_str());
        second_factor_change::turn_on_at_sign_in(conn, &passed, offered, &browser, &terms)
    };
    match visit.write_surely::<_, Error>(work).await? {
        None => Ok(form(&visit, &cookie, &passed, true)),
        Some(turned) => let_in(&visit, &cookie, &passed, turned),
    }
}

/// At once, and not at an address of its own: the codes are nowhere any more.
fn let_in(
    visit: &Visit,
    step: &TokenSecret,
    passed: &FirstFactor,
    turned: TurnedOn<Passed>,
) -> Result<HttpResponse, PageError> {
    let goal = passed.goal();
    let session = match turned.next {
        Passed::SignedIn(session) => session,
        elsewhere => return go_on(visit, elsewhere, goal, Some(step.id())),
    };
    let (frame, next) = (visit.frame(), goal_path(goal));
    let page = RecoveryCodes { frame, codes: turned.codes.reveal(), next };
    let mut response = render(StatusCode::OK, &page, ContentPolicy::Closed);
    cookies::set_session(visit.side, &mut response, session, visit.app.config.lifetimes.session);
    cookies::untie(visit.side, &mut response, TokenKind::SignIn, step.id());
    Ok(response)
}

async fn find(visit: &Visit, cookie: &TokenSecret) -> Result<FirstFactor, PageError> {
    let now = visit.app.clock.now();
    let found = visit
        .app
        .storage
        .read(|conn| sign_in::passed_first_factor(conn, cookie, Step::NewSecondFactor, now));
    found.await.map_err(|error| visit.failed(error))
}

fn form(visit: &Visit, cookie: &TokenSecret, passed: &FirstFactor, is_wrong: bool) -> HttpResponse {
    let username = passed.user().username.clone();
    let secret = Secret::offered_to(cookie);
    let page = NewSecondFactor {
        frame: visit.frame(),
        step: cookie.id().to_string(),
        csrf: cookie.sign(PATH),
        offer: Offer::of(&secret, &visit.app.config.issuer, &username, is_wrong),
        passkeys_offered: visit.side != Side::Internal
            && passkeys::are_offered(&visit.app.config, visit.issuer()),
        username,
    };
    let status = if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    render(status, &page, ContentPolicy::Closed)
}
