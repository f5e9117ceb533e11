//! `/account/disconnect`: one app, or all of them. It is over at their next request.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::super::consent::ClientOrigin;
use super::super::error::PageError;
use super::super::guard::Instead;
use super::super::visit::{PageForm, Visit, Visitor, see_other};
use super::super::{ContentPolicy, Frame, render};
use super::{App, shown};
use crate::error::Error;
use crate::oauth::{GrantId, Parameters};
use crate::revocation;
use crate::storage::grants;
use crate::storage::sign_ins::Goal;
use crate::words;

pub(super) const PATH: &str = "/account/disconnect";
/// In the place of a grant's id.
const ALL: &str = "all";
const NOT_THERE: &str = words!("There is no such app among those that you have connected");

/// The question.
#[derive(Template)]
#[template(path = "account/disconnect.html", config = "src/pages/askama.toml")]
pub struct Disconnect {
    /// Around the content.
    pub frame: Frame,
    /// Proves that the form is ours.
    pub csrf: String,
    /// Which one; none: all of them.
    pub app: Option<App>,
}

/// Asks.
///
/// # Errors
/// The way to the sign-in, a page for what is not the person's, and the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let visitor = visit.member(Goal::Account).await?;
    let query =
        Parameters::parse(visit.http.query_string()).map_err(|error| visit.failed(error))?;
    let app = match query.get("grant").unwrap_or_default() {
        ALL => None,
        id => Some(find(&visit, &visitor, id).await?),
    };
    let frame = visit.frame_for(&visitor, "/account");
    let page = Disconnect { frame, csrf: visitor.csrf(PATH), app };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}

/// Ends it.
///
/// # Errors
/// The way to the sign-in, a form that is not ours, a page for what is not the person's, and the
/// database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let visitor = visit.member(Goal::Account).await?;
    visitor.check_csrf(&visit, PATH, sent.text("csrf"))?;
    let (person, now) = (visitor.signed_in, visit.app.clock.now());
    let ended = match sent.text("grant") {
        ALL => {
            let end = move |conn: &mut _| Ok(revocation::disconnect_all(conn, &person, now)?);
            visit.write_surely::<_, Error>(end).await?;
            true
        }
        id => {
            let Some(id) = grant_id(id) else { return Err(visit.not_found(NOT_THERE).into()) };
            let end = move |conn: &mut _| Ok(revocation::disconnect(conn, &person, id, now)?);
            visit.write_surely::<_, Error>(end).await?
        }
    };
    if !ended {
        return Err(visit.not_found(NOT_THERE).into());
    }
    Ok(see_other(&visit.here("/account")))
}

async fn find(visit: &Visit, visitor: &Visitor, id: &str) -> Result<App, PageError> {
    let now = visit.app.clock.now();
    let Some(id) = grant_id(id) else { return Err(visit.not_found(NOT_THERE)) };
    let connecting = &visit.app.config.connecting;
    let found = visit.app.storage.read(|conn| {
        let grant = grants::find(conn, id)?;
        let theirs = grant
            .filter(|grant| grant.is_live(now) && grant.user_id == visitor.signed_in.user().id);
        Ok::<_, Error>(shown(conn, theirs.into_iter().collect(), connecting)?)
    });
    let mut found = found.await.map_err(|error| visit.failed(error))?;
    found.pop().ok_or_else(|| visit.not_found(NOT_THERE))
}

fn grant_id(text: &str) -> Option<GrantId> {
    text.parse().ok().map(GrantId)
}
