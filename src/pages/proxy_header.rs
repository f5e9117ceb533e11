//! Whom a trusted reverse proxy says it is, in the header that the operator has named.
//!
//! It is believed from the declared addresses alone, and those are addresses of the connection
//! itself: what `X-Forwarded-For` says anybody can write. Even then nobody is signed in by a GET:
//! the page offers a button, whose form is tied to this browser, so that no other site can put
//! somebody who is signed in with another account into the proxy's one.

use actix_web::HttpResponse;
use actix_web::http::header::HeaderMap;
use tracing::warn;

use super::doorstep::{Doorstep, go_on};
use super::error::PageError;
use super::problem::{AtProxy, Problem};
use super::sign_in::{FORM, count, form};
use super::visit::{PageForm, Visit};
use crate::accounts::session::SignedIn;
use crate::accounts::sign_in::{self, Passed};
use crate::accounts::{Username, newcomer};
use crate::config::ProxyHeader;
use crate::error::Error;
use crate::oauth::ErrorCode;
use crate::storage::users;
use crate::storage::{DbConnection, Method};

/// Whom the proxy says it is, if it is the proxy, and says one name.
pub(super) fn claim(visit: &Visit) -> Option<Username> {
    let setting = visit.app.config.sign_in.proxy_header.as_ref()?;
    let why = match read(visit.http.headers(), setting, is_declared(visit, setting)) {
        Ok(name) => return name,
        Err(why) => why,
    };
    let now = visit.app.clock.ticks();
    if visit.app.limits.proxy_warnings.take(&(), now).is_ok() {
        let peer = visit.http.peer_addr().map(|peer| peer.ip());
        warn!(header = setting.name, ?peer, why, "a proxy's header was not believed");
    }
    None
}

/// Whether the proxy says that this session's person is not the one who is there by now. A session
/// that began otherwise is not the proxy's to end; nor is one whose request the proxy has passed on
/// without a word, as it does with what it guards for nobody.
pub(super) fn contradicts(visit: &Visit, signed_in: &SignedIn) -> bool {
    if signed_in.session().arrival.method != Method::ProxyHeader {
        return false;
    }
    claim(visit).is_some_and(|name| name.as_str() != signed_in.user().username)
}

fn is_declared(visit: &Visit, setting: &ProxyHeader) -> bool {
    let peer = visit.http.peer_addr().map(|peer| peer.ip().to_canonical());
    peer.is_some_and(|peer| setting.from.iter().any(|network| network.contains(&peer)))
}

/// The name, or none without the header; or why it is not believed.
fn read(
    headers: &HeaderMap,
    setting: &ProxyHeader,
    declared: bool,
) -> Result<Option<Username>, &'static str> {
    let mut values = headers.get_all(setting.name.as_str());
    let Some(value) = values.next() else { return Ok(None) };
    if !declared {
        return Err("it is not from an address that the settings declare");
    }
    if values.next().is_some() {
        return Err("it is there more than once");
    }
    // Two that somebody has joined have a comma between, which no name has.
    let name = value.to_str().ok().and_then(|text| Username::parse(text).ok());
    name.map(Some).ok_or("it is not the name of an account")
}

/// Signs in whom the proxy says it is, if the page has said so too.
///
/// # Errors
/// A form that is not ours, and the database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, PageError> {
    if visit.app.config.sign_in.proxy_header.is_none() {
        return Err(
            visit.failed(ErrorCode::AccessDenied.because("Nobody signs in by a proxy here"))
        );
    }
    let doorstep = Doorstep::of(&visit, (sent.text("request"), sent.text("to"))).await?;
    let Some(doorstep) = doorstep else { return Err(visit.stale_form()) };
    if !doorstep.verifies(FORM, sent.text("csrf")) {
        return Ok(form(&visit, doorstep, "", Some(Problem::StaleForm)));
    }
    let (failures, network) = (&visit.app.limits.provider_failures, visit.client_ip.network());
    let now = visit.app.clock.ticks();
    if let Err(wait) = failures.check(&network, now) {
        count(&visit, "throttled");
        return Ok(form(&visit, doorstep, "", Some(Problem::TooManyAttempts(wait))));
    }
    let problem = match claim(&visit) {
        None => AtProxy::NotSaid,
        // Somebody else by now: the page says who.
        Some(name) if name.as_str() != sent.text("name") => {
            return Ok(form(&visit, doorstep, "", Some(Problem::StaleForm)));
        }
        Some(name) => match pass(&visit, name, &doorstep).await? {
            Ok(passed) => {
                count(&visit, "accepted");
                return go_on(&visit, passed, doorstep.goal, None);
            }
            Err(problem) => problem,
        },
    };
    count(&visit, "refused");
    let _counted = failures.take(&network, now);
    Ok(form(&visit, doorstep, "", Some(Problem::Proxy(problem))))
}

async fn pass(
    visit: &Visit,
    name: Username,
    doorstep: &Doorstep,
) -> Result<Result<Passed, AtProxy>, PageError> {
    let (goal, terms) = (doorstep.goal, visit.app.sign_in_terms());
    let browser = visit.browser(Method::ProxyHeader);
    let sign_up = visit.app.config.sign_in.proxy_header.as_ref().is_some_and(|way| way.sign_up);
    let pass = move |conn: &mut DbConnection| {
        let user = match users::find_by_name(conn, name.as_str())? {
            None if !sign_up => return Ok(Err(AtProxy::NoAccount(name.to_string()))),
            None => newcomer::add(conn, &name, "proxy_header", terms.now)?,
            found => found,
        };
        match user {
            None => Ok(Err(AtProxy::NotSetUp)),
            Some(user) if user.disabled_at.is_some() => Ok(Ok(Passed::SwitchedOff)),
            Some(user) => Ok(Ok(sign_in::first_factor(conn, &user, goal, &browser, &terms)?)),
        }
    };
    visit.write_surely::<_, Error>(pass).await
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn read_all(values: &[&str], declared: bool) -> Result<Option<Username>, &'static str> {
        let name = "remote-user".to_owned();
        let setting = ProxyHeader { name, from: vec![], sign_up: false };
        let mut request = TestRequest::default().insert_header(("X-Other", "eve"));
        for value in values {
            request = request.append_header(("Remote-User", *value));
        }
        read(request.to_http_request().headers(), &setting, declared)
    }

    #[test]
    fn one_name_of_a_declared_proxy_is_believed() {
        let name = read_all(&["Ada@Example.org"], true).unwrap().unwrap();
        assert_eq!(name.as_str(), "ada@example.org");
        assert!(read_all(&[], true).unwrap().is_none());
        assert!(read_all(&[], false).unwrap().is_none());
    }

    #[test]
    fn nothing_else_is() {
        for values in [&[""][..], &["ada", "eve"], &["ada", "ada"], &["ada, eve"], &["\u{e4}da"]] {
            assert!(read_all(values, true).is_err(), "{values:?}");
        }
        assert!(read_all(&["ada"], false).is_err());
    }
}
