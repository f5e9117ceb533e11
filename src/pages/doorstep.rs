//! Before and between the steps of a sign-in: where it leads, and how the browser gets there.

use actix_web::HttpResponse;

use super::cookies;
use super::error::PageError;
use super::side::Side;
use super::visit::{Visit, see_other};
use crate::accounts::sign_in::{PATIENCE, Passed};
use crate::authorization::consent;
use crate::oauth::{ErrorCode, TokenId, TokenKind, TokenSecret};
use crate::storage::Step;
use crate::storage::sign_ins::Goal;
use crate::words;

/// Where somebody stands who is about to sign in. The goal is a word of ours, or a request that this
/// browser has started; never an address.
pub struct Doorstep {
    /// Where the sign-in leads.
    pub goal: Goal,
    /// What makes the forms ours: the cookie of the request, or one that means nothing else.
    cookie: TokenSecret,
    is_new: bool,
}

impl Doorstep {
    /// By the parameter `request` of the page or its form, or else by `to`. None without either.
    ///
    /// # Errors
    /// A request that is not this browser's or has expired, a goal that there is not, and the
    /// database's.
    pub async fn of(visit: &Visit, (request, to): (&str, &str)) -> Result<Option<Self>, PageError> {
        if !request.is_empty() {
            let cookie = visit.pending_cookie(request)?;
            let now = visit.app.clock.now();
            let pending = visit.app.storage.read(|conn| consent::find(conn, &cookie, now)).await;
            pending.map_err(|error| visit.failed(error))?;
            let goal = Goal::Request(cookie.id());
            return Ok(Some(Self { goal, cookie, is_new: false }));
        }
        let goal = match to {
            "" => return Ok(None),
            "account" if visit.side != Side::Internal => Goal::Account,
            "security" if visit.side != Side::Internal => Goal::Security,
            "owner" if visit.has_owner_pages() => Goal::Owner,
            _ => {
                let why = words!("There is no such page");
                return Err(visit.failed(ErrorCode::InvalidRequest.because(why)));
            }
        };
        let held = cookies::doorstep(visit.side, &visit.http);
        let is_new = held.is_none();
        let cookie = held.unwrap_or_else(|| TokenSecret::generate(TokenKind::SignIn, TokenId(0)));
        Ok(Some(Self { goal, cookie, is_new }))
    }

    /// Proof for one form that it was made for this browser and goal.
    #[must_use]
    pub fn csrf(&self, form: &str) -> String {
        self.cookie.sign(&self.message(form))
    }

    /// Whether a form is the one that [`Doorstep::csrf`] was made for.
    #[must_use]
    pub fn verifies(&self, form: &str, csrf: &str) -> bool {
        !self.is_new && self.cookie.verifies(&self.message(form), csrf)
    }

    /// A page on which [`Doorstep::csrf`] stands.
    #[must_use]
    pub fn with_page(self, visit: &Visit, mut page: HttpResponse) -> HttpResponse {
        if self.is_new {
            cookies::set_doorstep(visit.side, &mut page, self.cookie);
        }
        page
    }

    fn message(&self, form: &str) -> String {
        format!("{form} {}", self.goal)
    }
}

/// On to wherever the passing of a factor leads. `used` is the step that is over, if there was one.
///
/// # Errors
/// A page for an account that was switched off meanwhile.
pub fn go_on(
    visit: &Visit,
    passed: Passed,
    goal: Goal,
    used: Option<TokenId>,
) -> Result<HttpResponse, PageError> {
    let place = match &passed {
        Passed::SwitchedOff => {
            let why = words!("This account has been switched off");
            return Err(visit.failed(ErrorCode::AccessDenied.because(why)));
        }
        Passed::Next(secret, step) => step_url(*step, secret.id()),
        Passed::SignedIn(_) => goal_path(goal),
    };
    let mut response = see_other(&visit.here(&place));
    carry_on(visit, &mut response, passed);
    if let Some(id) = used {
        cookies::untie(visit.side, &mut response, TokenKind::SignIn, id);
    }
    Ok(response)
}

/// Gives the browser the cookie that goes on, if there is one.
pub(super) fn carry_on(visit: &Visit, response: &mut HttpResponse, passed: Passed) {
    match passed {
        Passed::SwitchedOff => {}
        Passed::Next(secret, _) => {
            let tied = (TokenKind::SignIn, secret);
            cookies::tie(visit.side, (&visit.http, response), tied, PATIENCE);
        }
        Passed::SignedIn(secret) => {
            let age = visit.app.config.lifetimes.session;
            cookies::set_session(visit.side, response, secret, age);
        }
    }
}

/// The page of the step with this id.
pub(super) fn step_url(step: Step, id: TokenId) -> String {
    format!("{}?step={id}", step_path(step))
}

/// The page of a step; those that are answered elsewhere have none, and begin again.
fn step_path(step: Step) -> &'static str {
    match step {
        Step::SecondFactor => "/sign-in/second-factor",
        Step::NewSecondFactor => "/sign-in/new-second-factor",
        Step::Passkey | Step::Provider | Step::LinkProvider | Step::NewPasskey => "/sign-in",
    }
}

/// Where a sign-in ends.
pub(super) fn goal_path(goal: Goal) -> String {
    match goal {
        Goal::Request(id) => format!("/consent?request={id}"),
        Goal::Account => "/account".to_owned(),
        Goal::Security => "/account/security".to_owned(),
        Goal::Owner => "/owner".to_owned(),
    }
}

/// Where somebody signs in who wants to get there.
pub(crate) fn doorstep_url(goal: Goal) -> String {
    match goal {
        Goal::Request(id) => format!("/sign-in?request={id}"),
        page => format!("/sign-in?to={page}"),
    }
}
