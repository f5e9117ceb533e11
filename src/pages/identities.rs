//! The accounts elsewhere that sign somebody in here: linked by the person, and by nobody else.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::error::PageError;
use super::guard::Instead;
use super::problem::Problem;
use super::visit::{PageForm, Visit, Visitor, see_other};
use super::{ContentPolicy, Frame, provider, render};
use crate::accounts::identity::{self, NotUnlinked};
use crate::accounts::session::Recently;
use crate::accounts::ways::WaysOn;
use crate::error::Error;
use crate::oauth::ErrorCode;
use crate::storage::identities::{Identity, list_of_user};
use crate::storage::sign_ins::{Goal, Waiting};
use crate::storage::{DbConnection, Step};

/// Where it is, below the issuer's path.
pub(super) const PATH: &str = "/account/identities";

/// The page.
#[derive(Template)]
#[template(path = "identities.html", config = "src/pages/askama.toml")]
pub struct Identities {
    /// Around the content.
    pub frame: Frame,
    /// Proves that the forms are ours.
    pub csrf: String,
    /// Those that are linked.
    pub linked: Vec<Linked>,
    /// Where more can be linked: names in addresses, and for people.
    pub providers: Vec<(String, String)>,
    /// Why the last attempt did not succeed.
    pub problem: Option<Problem>,
    /// Whether what was to be unlinked is the last way to sign in.
    pub last_way: bool,
}

/// An account elsewhere.
#[derive(Debug, Clone)]
pub struct Linked {
    /// What is stored.
    pub identity: Identity,
    /// What people call the provider; its address, if nobody signs in there any more.
    pub provider: String,
}

/// Those of whoever is signed in.
///
/// # Errors
/// The way to the sign-in, and the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _) = visit.recent(Goal::Security).await?;
    Ok(show(&visit, &visitor, None).await?)
}

/// Links one more, or takes one away.
///
/// # Errors
/// The way to the sign-in, a form that is not ours, and the database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (visitor, recently) = visit.recent(Goal::Security).await?;
    visitor.check_csrf(&visit, PATH, sent.text("csrf"))?;
    match sent.text("do") {
        "link" => link(&visit, &visitor, sent.text("provider")).await,
        "unlink" => {
            let key = (sent.text("authority").to_owned(), sent.text("subject").to_owned());
            unlink(&visit, visitor, recently, key).await
        }
        _ => Err(visit.stale_form().into()),
    }
}

/// The page, with what was wrong.
pub(super) async fn show(
    visit: &Visit,
    visitor: &Visitor,
    problem: Option<Problem>,
) -> Result<HttpResponse, PageError> {
    let status = problem.as_ref().map_or(StatusCode::OK, Problem::status);
    let page = page(visit, visitor, problem).await?;
    Ok(render(status, &page, ContentPolicy::LeadsElsewhere))
}

async fn page(
    visit: &Visit,
    visitor: &Visitor,
    problem: Option<Problem>,
) -> Result<Identities, PageError> {
    let id = &visitor.signed_in.user().id;
    let found = visit.app.storage.read(|conn| list_of_user(conn, id)).await;
    let settings = || visit.app.providers.iter().map(|provider| &provider.settings);
    let named = |identity: Identity| {
        let known = settings().find(|one| one.authority.as_str() == identity.provider);
        let provider = known.map_or_else(|| identity.provider.clone(), |one| one.label.clone());
        Linked { identity, provider }
    };
    Ok(Identities {
        frame: visit.frame_for(visitor, "/account/security"),
        csrf: visitor.csrf(PATH),
        linked: found.map_err(|error| visit.failed(error))?.into_iter().map(named).collect(),
        providers: settings().map(|one| (one.name.clone(), one.label.clone())).collect(),
        problem,
        last_way: false,
    })
}

async fn link(visit: &Visit, visitor: &Visitor, name: &str) -> Result<HttpResponse, Instead> {
    let provider = provider::find(visit, name)?;
    let waiting = Waiting {
        step: Step::LinkProvider,
        user_id: Some(visitor.signed_in.user().id.clone()),
        method: None,
        detail: provider.settings.name.clone(),
        goal: Goal::Security,
    };
    match provider::begin(visit, provider, waiting).await? {
        Ok(sent_on) => Ok(sent_on),
        Err(problem) => Ok(show(visit, visitor, Some(problem)).await?),
    }
}

async fn unlink(
    visit: &Visit,
    visitor: Visitor,
    recently: Recently,
    (authority, subject): (String, String),
) -> Result<HttpResponse, Instead> {
    let (on, now) = (WaysOn::of(&visit.app.config), visit.app.clock.now());
    let unlink = move |conn: &mut DbConnection| {
        identity::unlink(conn, &recently, (&authority, &subject), &on, now)
    };
    match visit.write_surely::<_, Error>(unlink).await? {
        Ok(cookie) => Ok(changed(visit, visitor.renewed(cookie))),
        Err(NotUnlinked::NoSuch) => {
            let error = visit.failed(ErrorCode::InvalidRequest.because("There is no such account"));
            Err(error.with_status(StatusCode::NOT_FOUND).into())
        }
        Err(NotUnlinked::LastWay) => {
            let page = Identities { last_way: true, ..page(visit, &visitor, None).await? };
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(render(status, &page, ContentPolicy::LeadsElsewhere))
        }
    }
}

/// Back to the page, with the session's new id.
pub(super) fn changed(visit: &Visit, visitor: Visitor) -> HttpResponse {
    let mut response = see_other(&visit.here(PATH));
    visitor.set_cookie(visit, &mut response);
    response
}
