//! The end of a session.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::doorstep::doorstep_url;
use super::error::PageError;
use super::visit::{PageForm, Visit, Visitor, see_other};
use super::{ContentPolicy, Frame, cookies, render};
use crate::accounts::session;
use crate::error::Error;
use crate::oauth::TokenId;
use crate::storage::sign_ins::Goal;

/// The form; or what is left to say after signing out.
#[derive(Template)]
#[template(path = "signed_out.html", config = "src/pages/askama.toml")]
pub struct SignedOut {
    /// Around the content.
    pub frame: Frame,
    /// Who is signed in, if anybody still is.
    pub account: Option<Account>,
}

/// Who is signed in.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user name.
    pub username: String,
    /// Proves that the form is ours.
    pub csrf: String,
}

impl Account {
    /// Of somebody, with the proof for a form that is about no request.
    #[must_use]
    pub fn of(visitor: &Visitor) -> Self {
        Self { username: visitor.signed_in.user().username.clone(), csrf: visitor.csrf("") }
    }
}

/// Asks, or says that it is done.
///
/// # Errors
/// The database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, PageError> {
    let account = visit.visitor().await?.map(|visitor| Account::of(&visitor));
    let page = SignedOut { frame: visit.frame(), account };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}

/// Ends the session here and in the browser; goes on with the request, for another account, unless
/// there is none or the person has had enough.
///
/// # Errors
/// A form that is not ours, and the database's.
pub async fn post(visit: Visit, form: PageForm) -> Result<HttpResponse, PageError> {
    let request = form.text("request").to_owned();
    if let Some(visitor) = visit.visitor().await? {
        visitor.check_csrf(&visit, &request, form.text("csrf"))?;
        let now = visit.app.clock.now();
        let end = move |conn: &mut _| Ok(session::sign_out(conn, &visitor.signed_in, now)?);
        visit.write_surely::<(), Error>(end).await?;
    }
    let ends = form.text("then") == "nothing";
    let goal = request.parse().ok().map(|id| Goal::Request(TokenId(id)));
    let goal = goal.filter(|_| !ends);
    let place = goal.map_or_else(|| "/sign-out".to_owned(), doorstep_url);
    let mut response = see_other(&visit.here(&place));
    cookies::clear_session(visit.side, &mut response);
    Ok(response)
}
