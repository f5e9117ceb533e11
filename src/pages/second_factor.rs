//! `/sign-in/second-factor`: a code, or a recovery code, from somebody who has passed the first
//! factor in this browser.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use askama::Template;

use super::doorstep::{doorstep_url, go_on};
use super::error::PageError;
use super::lock_out;
use super::side::Side;
use super::visit::{PageForm, Visit, see_other};
use super::{ContentPolicy, Frame, cookies, render};
use crate::accounts::passkeys;
use crate::accounts::second_factor::{self, Answer, Available};
use crate::accounts::sign_in::{self, FirstFactor, Passed};
use crate::clock::Seconds;
use crate::error::Error;
use crate::metrics::SignIn as Labels;
use crate::oauth::{ErrorCode, Parameters, TokenKind, TokenSecret};
use crate::storage::Step;
use crate::words;

pub(super) const PATH: &str = "/sign-in/second-factor";

/// The page.
#[derive(Template)]
#[template(path = "second_factor.html", config = "src/pages/askama.toml")]
pub struct SecondFactor {
    /// Around the content.
    pub frame: Frame,
    /// The step.
    pub step: String,
    /// Proves that the forms are ours.
    pub csrf: String,
    /// Who it is about.
    pub username: String,
    /// What the person has.
    pub available: Available,
    /// Why the last answer did not succeed.
    pub problem: Option<Problem>,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The code is wrong, or was taken before.
    WrongCode,
    /// The recovery code is.
    WrongRecoveryCode,
    /// Too many attempts, of this account or from this address.
    TooManyAttempts(Seconds),
}

impl SecondFactor {
    fn code_problem(&self) -> Option<&'static str> {
        match self.problem? {
            Problem::WrongCode => {
                Some(words!("This code is not right, or was used before. Type the next one."))
            }
            Problem::TooManyAttempts(_) => {
                Some(words!("Too many attempts. Please wait a minute, then try again."))
            }
            Problem::WrongRecoveryCode => None,
        }
    }

    fn recovery_problem(&self) -> Option<&'static str> {
        let wrong = self.problem == Some(Problem::WrongRecoveryCode);
        wrong.then_some(words!("This recovery code is not right, or was used before."))
    }
}

/// The form.
///
/// # Errors
/// A step that is not this browser's or is over, and the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, PageError> {
    let query =
        Parameters::parse(visit.http.query_string()).map_err(|error| visit.failed(error))?;
    let cookie = visit.step_cookie(query.get("step").unwrap_or_default())?;
    let (passed, available) = find(&visit, &cookie).await?;
    if available.passkey && !available.totp {
        let page = format!("{PATH}/passkey?step={}", cookie.id());
        return Ok(see_other(&visit.here(&page)));
    }
    Ok(form(&visit, &cookie, (&passed, available), None))
}

/// Looks at the answer, and goes on.
///
/// # Errors
/// A step that is not this browser's or is over, a form that is not ours, and the database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, PageError> {
    let cookie = visit.step_cookie(sent.text("step"))?;
    if !cookie.verifies(PATH, sent.text("csrf")) {
        return Err(visit.stale_form());
    }
    let (passed, available) = find(&visit, &cookie).await?;
    if sent.text("do") == "cancel" {
        return cancel(&visit, cookie, &passed).await;
    }
    let (wrong, answer) = match (sent.text("recovery"), sent.text("code")) {
        ("", code) => (Problem::WrongCode, Answer::Code(code.to_owned())),
        (code, _) => (Problem::WrongRecoveryCode, Answer::RecoveryCode(code.to_owned())),
    };
    let problem = match look_at(&visit, sent.text("step"), &passed, answer).await? {
        Looked::Right(onward) => return go_on(&visit, onward, passed.goal(), Some(cookie.id())),
        Looked::Wrong => wrong,
        Looked::NotNow(wait) => Problem::TooManyAttempts(wait),
    };
    Ok(form(&visit, &cookie, (&passed, available), Some(problem)))
}

/// What has become of an answer.
enum Looked {
    Right(Passed),
    Wrong,
    NotNow(Seconds),
}

/// Counts like a password: the same attempts of the same account, and of the same network.
async fn look_at(
    visit: &Visit,
    step: &str,
    passed: &FirstFactor,
    answer: Answer,
) -> Result<Looked, PageError> {
    let (sign_ins, now) = (&visit.app.limits.sign_ins, visit.app.clock.ticks());
    let attempt = match sign_ins.begin(&passed.user().username, visit.client_ip.0, now) {
        Ok(attempt) => attempt,
        Err(wait) => {
            count(visit, "throttled");
            lock_out::note(visit, &passed.user().username);
            return Ok(Looked::NotNow(wait));
        }
    };
    let cookie = visit.step_cookie(step)?;
    let (browser, terms) = (visit.browser(passed.method()), visit.app.sign_in_terms());
    let work = move |conn: &mut _| {
        // Asked once more, in the transaction that uses the step up.
        let passed = sign_in::passed_first_factor(conn, &cookie, Step::SecondFactor, terms.now)?;
        second_factor::answer(conn, &passed, &answer, &browser, &terms)
    };
    let onward = visit.write_surely::<_, Error>(work).await;
    let Some(onward) = onward.inspect_err(|_| sign_ins.take_back(&attempt))? else {
        count(visit, "refused");
        return Ok(Looked::Wrong);
    };
    sign_ins.succeeded(&attempt);
    count(visit, "accepted");
    Ok(Looked::Right(onward))
}

async fn find(visit: &Visit, cookie: &TokenSecret) -> Result<(FirstFactor, Available), PageError> {
    let now = visit.app.clock.now();
    let found = visit.app.storage.read(|conn| {
        let passed = sign_in::passed_first_factor(conn, cookie, Step::SecondFactor, now)?;
        let available = second_factor::available(conn, passed.user())?;
        Ok::<_, Error>((passed, available))
    });
    let (passed, mut available) = found.await.map_err(|error| visit.failed(error))?;
    let inside = visit.side == Side::Internal;
    available.passkey &= passkeys::are_offered(&visit.app.config, visit.issuer()) && !inside;
    if inside && !available.totp {
        let why = words!(
            "Your second factor is a passkey, which works at the public address only. Set up an \
             authenticator app there first"
        );
        return Err(visit.failed(ErrorCode::AccessDenied.because(why)));
    }
    Ok((passed, available))
}

fn form(
    visit: &Visit,
    cookie: &TokenSecret,
    (passed, available): (&FirstFactor, Available),
    problem: Option<Problem>,
) -> HttpResponse {
    let page = SecondFactor {
        frame: visit.frame(),
        step: cookie.id().to_string(),
        csrf: cookie.sign(PATH),
        username: passed.user().username.clone(),
        available,
        problem,
    };
    let (status, wait) = match problem {
        None => (StatusCode::OK, None),
        Some(Problem::TooManyAttempts(wait)) => (StatusCode::TOO_MANY_REQUESTS, Some(wait)),
        Some(_) => (StatusCode::UNPROCESSABLE_ENTITY, None),
    };
    let mut response = render(status, &page, ContentPolicy::Closed);
    if let Some(wait) = wait {
        response.headers_mut().insert(RETRY_AFTER, wait.0.into());
    }
    response
}

/// Nothing is left of the sign-in.
pub(super) async fn cancel(
    visit: &Visit,
    cookie: TokenSecret,
    passed: &FirstFactor,
) -> Result<HttpResponse, PageError> {
    let id = cookie.id();
    let forget = move |conn: &mut _| Ok(sign_in::cancel(conn, &cookie)?);
    visit.write_surely::<(), Error>(forget).await?;
    let mut response = see_other(&visit.here(&doorstep_url(passed.goal())));
    cookies::untie(visit.side, &mut response, TokenKind::SignIn, id);
    Ok(response)
}

fn count(visit: &Visit, outcome: &'static str) {
    visit.app.metrics.sign_ins.get_or_create(&Labels { outcome }).inc();
}
