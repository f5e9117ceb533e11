//! Signing in with a passkey, without a user name: both factors at once.

use actix_web::HttpResponse;

use super::{begin, checked, cookie, party};
use crate::accounts::passkeys::ceremony::{Answer, RelyingParty};
use crate::accounts::passkeys::pending::{self, Purpose};
use crate::accounts::sign_in::Passed;
use crate::app::Network;
use crate::error::Error;
use crate::oauth::{TokenKind, TokenSecret};
use crate::pages::cookies;
use crate::pages::doorstep::{Doorstep, go_on};
use crate::pages::error::PageError;
use crate::pages::sign_in as page;
use crate::pages::visit::{PageForm, Visit, see_other};
use crate::storage::Method;
use crate::storage::sign_ins::Goal;

/// The form is on the page where one signs in.
///
/// # Errors
/// A page, where passkeys are not offered.
pub async fn get(visit: Visit) -> Result<HttpResponse, PageError> {
    party(&visit)?;
    let query = visit.http.query_string();
    Ok(see_other(&visit.here(&format!("/sign-in?{query}"))))
}

/// Begins the ceremony.
///
/// # Errors
/// A form that is not ours, and the database's.
pub async fn options(visit: Visit, sent: PageForm) -> Result<HttpResponse, PageError> {
    let party = party(&visit)?;
    let doorstep = doorstep(&visit, &sent).await?;
    let begun = party.request(&[]).map_err(|error| visit.failed(error))?;
    begin(&visit, &sent, (Purpose::sign_in(), doorstep.goal), begun).await
}

/// Checks the answer, and goes on.
///
/// # Errors
/// A form that is not ours, a ceremony that is over, and the database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, PageError> {
    let party = party(&visit)?;
    let doorstep = doorstep(&visit, &sent).await?;
    let cookie = cookie(&visit, &sent)?;
    let id = cookie.id();
    match checked(&visit, sign_in(&visit, &party, cookie, sent.text("credential")).await)? {
        Ok((passed, goal)) => {
            let signed_in = matches!(passed, Passed::SignedIn(_));
            page::count(&visit, if signed_in { "accepted" } else { "refused" });
            go_on(&visit, passed, goal, Some(id))
        }
        Err(problem) => {
            page::count(&visit, "refused");
            let mut response = page::with_passkey_problem(&visit, doorstep, problem);
            cookies::untie(visit.side, &mut response, TokenKind::SignIn, id);
            Ok(response)
        }
    }
}

async fn doorstep(visit: &Visit, sent: &PageForm) -> Result<Doorstep, PageError> {
    let doorstep = Doorstep::of(visit, (sent.text("request"), sent.text("to"))).await?;
    let ours = doorstep.filter(|doorstep| doorstep.verifies(page::PASSKEY_FORM, sent.text("csrf")));
    ours.ok_or_else(|| visit.stale_form())
}

async fn sign_in(
    visit: &Visit,
    party: &RelyingParty,
    cookie: TokenSecret,
    answer: &str,
) -> Result<(Passed, Goal), Error> {
    let (app, terms) = (&visit.app, visit.app.sign_in_terms());
    let purpose = Purpose::sign_in();
    let take = move |conn: &mut _| pending::take(conn, &cookie, &purpose, terms.now);
    let (state, goal) = visit.write_to_the_end(take).await?;
    let answer = Answer::parse(answer)?;
    let (known, user) = app.storage.read(|conn| pending::identify(conn, &answer)).await?;
    let shown = party.used(&state, &answer, known)?;
    let (browser, network) = (visit.browser(Method::Passkey), Network::from(visit.client_ip.0));
    let username = user.username.clone();
    let pass = move |conn: &mut _| pending::both_factors(conn, (&shown, &user), &browser, &terms);
    let passed = visit.write_to_the_end(pass).await?;
    if matches!(passed, Passed::SignedIn(_)) {
        app.limits.sign_ins.remember(&username, network);
    }
    Ok((passed, goal))
}
