//! `/account/sessions`: the browsers that are signed in, and how to sign them out.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::super::guard::Instead;
use super::super::visit::{PageForm, Visit, see_other};
use super::super::{ContentPolicy, Frame, cookies, render};
use super::PAGE;
use super::security;
use super::user_agent::{self, Program};
use crate::accounts::session::{self, Recently, Where};
use crate::clock::UnixTime;
use crate::error::Error;
use crate::oauth::{ErrorCode, Parameters, TokenId};
use crate::storage::sessions::Session;
use crate::storage::sign_ins::Goal;
use crate::storage::{Method, sessions};
use crate::words;

pub(super) const PATH: &str = "/account/sessions";

/// The page.
#[derive(Template)]
#[template(path = "account/sessions.html", config = "src/pages/askama.toml")]
pub struct Sessions {
    /// Around the content.
    pub frame: Frame,
    /// Proves that the forms are ours.
    pub csrf: String,
    /// The newest sign-in first.
    pub browsers: Vec<SignedInBrowser>,
    /// Whether there are newer ones on another page.
    pub is_later_page: bool,
    /// Where the page with the older ones begins, if there are any.
    pub next: Option<String>,
}

/// One of them.
pub struct SignedInBrowser {
    /// The session.
    pub id: String,
    /// Whether it is the one that looks at the page.
    pub is_this: bool,
    /// Which program it seems to be.
    pub program: Program,
    /// From where it signed in.
    pub address: Option<String>,
    /// By what.
    pub method: Method,
    /// When.
    pub since: UnixTime,
    /// When it was last used, to within some minutes.
    pub last_seen_at: UnixTime,
}

impl SignedInBrowser {
    fn of(session: Session, this: TokenId) -> Self {
        Self {
            id: session.id.to_string(),
            is_this: session.id == this,
            program: user_agent::read(session.arrival.user_agent.as_deref().unwrap_or_default()),
            address: session.arrival.address,
            method: session.arrival.method,
            since: session.created_at,
            last_seen_at: session.last_seen_at,
        }
    }

    fn method_words(&self) -> &'static str {
        match self.method {
            Method::Password => words!("with a password"),
            Method::Passkey => words!("with a passkey"),
            Method::Provider => words!("with an account elsewhere"),
            Method::ProxyHeader => words!("by the proxy in front of this server"),
            Method::Link => words!("with a link that worked once"),
        }
    }
}

/// The list; `before` is the session behind which it begins.
///
/// # Errors
/// The way to the sign-in, and the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _) = visit.recent(Goal::Security).await?;
    let query =
        Parameters::parse(visit.http.query_string()).map_err(|error| visit.failed(error))?;
    let before = query.get("before").and_then(|id| id.parse().ok()).map(TokenId);
    let (user_id, now) = (&visitor.signed_in.user().id, visit.app.clock.now());
    let alive = (now, now - visit.app.config.lifetimes.session_idle);
    let found = visit.app.storage.read(|conn| {
        let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
        let before = before.unwrap_or(TokenId(i64::MAX));
        Ok::<_, Error>(sessions::live_of_user(conn, user_id, before, alive, limit)?)
    });
    let mut found = found.await.map_err(|error| visit.failed(error))?;
    let there_are_more = found.len() > PAGE;
    found.truncate(PAGE);
    let this = visitor.signed_in.session().id;
    let page = Sessions {
        frame: visit.frame_for(&visitor, security::PATH),
        csrf: visitor.csrf(PATH),
        next: found.last().map(|session| session.id.to_string()).filter(|_| there_are_more),
        is_later_page: before.is_some(),
        browsers: found.into_iter().map(|session| SignedInBrowser::of(session, this)).collect(),
    };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}

/// Signs out one, all others, or all.
///
/// # Errors
/// The way to the sign-in, a form that is not ours, a page for a browser that is not the person's,
/// and the database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (visitor, recently) = visit.recent(Goal::Security).await?;
    visitor.check_csrf(&visit, PATH, sent.text("csrf"))?;
    match (sent.text("session"), sent.text("which")) {
        ("", "others") => everywhere(&visit, recently, Where::Elsewhere).await,
        ("", "all") => everywhere(&visit, recently, Where::Everywhere).await,
        ("", _) => {
            let why = words!("Which browser to sign out was not said. Go back and choose one");
            Err(visit.failed(ErrorCode::InvalidRequest.because(why)).into())
        }
        (id, _) => one(&visit, recently, id).await,
    }
}

async fn one(visit: &Visit, recently: Recently, id: &str) -> Result<HttpResponse, Instead> {
    let why = words!("There is no such browser among those that you are signed in with");
    let Ok(id) = id.parse().map(TokenId) else { return Err(visit.not_found(why).into()) };
    let now = visit.app.clock.now();
    let end = move |conn: &mut _| Ok(session::sign_out_of(conn, &recently, id, now)?);
    if !visit.write_surely::<_, Error>(end).await? {
        return Err(visit.not_found(why).into());
    }
    Ok(see_other(&visit.here(PATH)))
}

async fn everywhere(
    visit: &Visit,
    recently: Recently,
    place: Where,
) -> Result<HttpResponse, Instead> {
    let now = visit.app.clock.now();
    let end = move |conn: &mut _| Ok(session::sign_out_all(conn, &recently, place, now)?);
    visit.write_surely::<(), Error>(end).await?;
    if place == Where::Elsewhere {
        return Ok(see_other(&visit.here(PATH)));
    }
    let mut response = see_other(&visit.here("/sign-out"));
    cookies::clear_session(visit.side, &mut response);
    Ok(response)
}
