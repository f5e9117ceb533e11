//! `/account/totp`: codes of an authenticator app, and recovery codes.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::super::error::PageError;
use super::super::guard::Instead;
use super::super::offer::Offer;
use super::super::visit::{PageForm, Visit, Visitor};
use super::super::{ContentPolicy, Frame, render};
use super::security::{self, Done};
use crate::accounts::second_factor_change::{self, TurnedOn};
use crate::accounts::session::Recently;
use crate::clock::UnixTime;
use crate::error::Error;
use crate::oauth::{ErrorCode, Parameters, TokenSecret};
use crate::storage::sign_ins::Goal;
use crate::storage::{recovery_codes, totp_secrets};
use crate::words;

pub(super) const PATH: &str = "/account/totp";

/// The page.
#[derive(Template)]
#[template(path = "account/totp.html", config = "src/pages/askama.toml")]
pub struct Totp {
    /// Around the content.
    pub frame: Frame,
    /// Proves that the forms are ours.
    pub csrf: String,
    /// Whether nobody signs in here without a second factor.
    pub is_required: bool,
    /// What there is, and what can be done.
    pub state: State,
}

/// Whether codes are asked for.
pub enum State {
    /// They are not; this sets them up.
    Off(Offer),
    /// They are.
    On {
        /// Since when.
        since: UnixTime,
        /// How many recovery codes are left.
        left: i64,
        /// What the person is asked about.
        question: Option<Question>,
    },
}

/// What is asked before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// No codes any more?
    TurnOff,
    /// Other recovery codes?
    NewCodes,
}

/// Recovery codes, for the one time that they are shown.
#[derive(Template)]
#[template(path = "recovery_codes.html", config = "src/pages/askama.toml")]
pub struct RecoveryCodes {
    /// Around the content.
    pub frame: Frame,
    /// All of them.
    pub codes: Vec<String>,
    /// Path of the page to go on to, below the issuer's.
    pub next: String,
}

/// The page; `ask` is what the person wants to do.
///
/// # Errors
/// The way to the sign-in, and the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _) = visit.recent(Goal::Security).await?;
    let query =
        Parameters::parse(visit.http.query_string()).map_err(|error| visit.failed(error))?;
    let question = match query.get("ask").unwrap_or_default() {
        "off" => Some(Question::TurnOff),
        "codes" => Some(Question::NewCodes),
        _ => None,
    };
    Ok(show(&visit, &visitor, question, false).await?)
}

/// Does it.
///
/// # Errors
/// The way to the sign-in, a form that is not ours, and the database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (visitor, recently) = visit.recent(Goal::Security).await?;
    visitor.check_csrf(&visit, PATH, sent.text("csrf"))?;
    let now = visit.app.clock.now();
    match sent.text("do") {
        "on" => turn_on(&visit, visitor, recently, sent.text("code")).await,
        "off" => {
            let off = move |conn: &mut _| second_factor_change::turn_off(conn, &recently, now);
            let cookie = visit.write_surely::<_, Error>(off).await?;
            Ok(security::back(&visit, visitor.renewed(cookie), Done::TotpOff))
        }
        "codes" => {
            let new = move |conn: &mut _| second_factor_change::replace_codes(conn, &recently, now);
            let turned = visit.write_surely::<_, Error>(new).await?;
            Ok(show_codes(&visit, visitor, turned))
        }
        _ => {
            let why = words!("What to do was not said. Go back and choose");
            Err(visit.failed(ErrorCode::InvalidRequest.because(why)).into())
        }
    }
}

async fn turn_on(
    visit: &Visit,
    visitor: Visitor,
    recently: Recently,
    code: &str,
) -> Result<HttpResponse, Instead> {
    let (secret, code) = (visitor.offered_secret(), code.to_owned());
    let now = visit.app.clock.now();
    let on =
        move |conn: &mut _| second_factor_change::turn_on(conn, &recently, (&secret, &code), now);
    match visit.write_surely::<_, Error>(on).await? {
        Some(turned) => Ok(show_codes(visit, visitor, turned)),
        None => Ok(show(visit, &visitor, None, true).await?),
    }
}

async fn show(
    visit: &Visit,
    visitor: &Visitor,
    question: Option<Question>,
    is_wrong: bool,
) -> Result<HttpResponse, PageError> {
    let user = visitor.signed_in.user();
    let known = visit.app.storage.read(|conn| {
        let secret = totp_secrets::find(conn, &user.id)?;
        Ok::<_, Error>((secret, recovery_codes::count_unused(conn, &user.id)?))
    });
    let (secret, left) = known.await.map_err(|error| visit.failed(error))?;
    let issuer = &visit.app.config.issuer;
    let state = match secret {
        Some(secret) => State::On { since: secret.created_at, left, question },
        None => State::Off(Offer::of(&visitor.offered_secret(), issuer, &user.username, is_wrong)),
    };
    let page = Totp {
        frame: visit.frame_for(visitor, security::PATH),
        csrf: visitor.csrf(PATH),
        is_required: visit.app.config.sign_in.second_factor_required,
        state,
    };
    let status = if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(render(status, &page, ContentPolicy::Closed))
}

/// At once, and not at an address of its own: the codes are nowhere any more.
fn show_codes(visit: &Visit, visitor: Visitor, turned: TurnedOn<TokenSecret>) -> HttpResponse {
    let visitor = visitor.renewed(turned.next);
    let page = RecoveryCodes {
        frame: visit.frame_for(&visitor, security::PATH),
        codes: turned.codes.reveal(),
        next: security::PATH.to_owned(),
    };
    let mut response = render(StatusCode::OK, &page, ContentPolicy::Closed);
    visitor.set_cookie(visit, &mut response);
    response
}
