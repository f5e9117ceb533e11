//! Signing in at another service: there, and back.
//!
//! The way back is a GET that changes something, as the standard has it. It is bound to the browser
//! by a cookie and to the sign-in by `state`, and works once.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use tracing::warn;

use super::doorstep::{Doorstep, go_on};
use super::error::PageError;
use super::guard::Instead;
use super::problem::{AtProvider, Problem};
use super::sign_in::{FORM, count, form};
use super::visit::{PageForm, Visit, see_other};
use super::{cookies, identities};
use crate::accounts::identity::{self, NotLinked};
use crate::accounts::providers::{self, Account, Answer, Provider, ProviderError, Tie};
use crate::accounts::sign_in::{self, PATIENCE};
use crate::clock::Seconds;
use crate::error::Error;
use crate::oauth::{ErrorCode, Parameters, TokenKind, UserId};
use crate::storage::sign_ins::{Goal, SignIn, Waiting};
use crate::storage::{DbConnection, Method, Step};

/// On to the provider that was chosen.
///
/// # Errors
/// A form that is not ours, a provider that there is not, and the database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, PageError> {
    let doorstep = Doorstep::of(&visit, (sent.text("request"), sent.text("to"))).await?;
    let Some(doorstep) = doorstep else { return Err(visit.stale_form()) };
    if !doorstep.verifies(FORM, sent.text("csrf")) {
        return Ok(form(&visit, doorstep, "", Some(Problem::StaleForm)));
    }
    let provider = find(&visit, sent.text("provider"))?;
    let waiting = Waiting {
        step: Step::Provider,
        user_id: None,
        method: None,
        detail: provider.settings.name.clone(),
        goal: doorstep.goal,
    };
    match begin(&visit, provider, waiting).await? {
        Ok(sent_on) => Ok(sent_on),
        Err(problem) => Ok(form(&visit, doorstep, "", Some(problem))),
    }
}

/// Sends the browser on to a provider, with what ties it to the answer; or the reason why not.
pub(super) async fn begin(
    visit: &Visit,
    provider: &Provider,
    waiting: Waiting,
) -> Result<Result<HttpResponse, Problem>, PageError> {
    let (network, millis) = (visit.client_ip.network(), visit.app.clock.ticks());
    let limits = &visit.app.limits;
    let room = limits.provider_failures.check(&network, millis);
    if let Err(wait) = room.and_then(|()| limits.provider_begins.take(&network, millis)) {
        count(visit, "throttled");
        return Ok(Err(Problem::TooManyAttempts(wait)));
    }
    let now = visit.app.clock.now();
    let kept = waiting.clone();
    let cookie =
        visit.write_surely::<_, Error>(move |conn| Ok(sign_in::begin(conn, &kept, now)?)).await?;
    let url = {
        let tie = Tie::new(&cookie, provider, visit.issuer());
        // Whoever is signed in has come to say again who it is.
        let again = waiting.step == Step::Provider && visit.visitor().await?.is_some();
        provider.authorization_url(&visit.app.fetcher, &tie, again, now).await
    };
    match url {
        Ok(url) => {
            let mut response = see_other(&url);
            let tied = (TokenKind::SignIn, cookie);
            cookies::tie(visit.side, (&visit.http, &mut response), tied, PATIENCE);
            Ok(Ok(response))
        }
        Err(error) => {
            let forget = move |conn: &mut DbConnection| Ok(sign_in::cancel(conn, &cookie)?);
            visit.write_surely::<_, Error>(forget).await?;
            Ok(Err(failed(visit, provider, &error)))
        }
    }
}

/// Back from a provider, with a code or an error.
///
/// # Errors
/// An answer to nothing that this browser has asked, and the database's.
pub async fn callback(visit: Visit, name: web::Path<String>) -> Result<HttpResponse, Instead> {
    let provider = find(&visit, &name)?;
    let query =
        Parameters::parse(visit.http.query_string()).map_err(|error| visit.failed(error))?;
    let state = query.get("state").unwrap_or_default();
    let cookie = Arc::new(visit.step_cookie(Tie::sign_in_of(state))?);
    let tie = Tie::new(&cookie, provider, visit.issuer());
    if !tie.is_state(state) {
        return Err(visit.failed(sign_in::over()).into());
    }
    let (held, name, now) = (cookie.clone(), name.into_inner(), visit.app.clock.now());
    let take = move |conn: &mut DbConnection| providers::take(conn, &held, &name, now);
    let back = visit.write_surely::<_, Error>(take).await?;
    let identified = identify(&visit, provider, &tie, &query).await;
    let mut response = match back.waiting.step {
        Step::LinkProvider => link(&visit, provider, &back, identified).await?,
        _ => enter(&visit, provider, back.waiting.goal, identified).await?,
    };
    cookies::untie(visit.side, &mut response, TokenKind::SignIn, cookie.id());
    Ok(response)
}

/// Whose account the answer is about; or the reason why it is about nobody, counted and logged.
async fn identify(
    visit: &Visit,
    provider: &Provider,
    tie: &Tie<'_>,
    query: &Parameters,
) -> Result<Account, Problem> {
    let (network, millis) = (visit.client_ip.network(), visit.app.clock.ticks());
    if let Err(wait) = visit.app.limits.provider_failures.check(&network, millis) {
        count(visit, "throttled");
        return Err(Problem::TooManyAttempts(wait));
    }
    let answer = Answer::read(query).map_err(|error| failed(visit, provider, &error))?;
    let now = visit.app.clock.now();
    let account = provider.account(&visit.app.fetcher, tie, &answer, now).await;
    account.map_err(|error| failed(visit, provider, &error))
}

/// Into a session, or to the second factor; or back to the sign-in, where the other ways are.
async fn enter(
    visit: &Visit,
    provider: &Provider,
    goal: Goal,
    identified: Result<Account, Problem>,
) -> Result<HttpResponse, PageError> {
    let problem = match identified {
        Err(problem) => problem,
        Ok(account) => {
            let (settings, terms) = (provider.settings.clone(), visit.app.sign_in_terms());
            let browser = visit.browser(Method::Provider);
            let pass = move |conn: &mut DbConnection| {
                identity::sign_in(conn, (&settings, &account), goal, &browser, &terms)
            };
            match visit.write_surely::<_, Error>(pass).await? {
                Ok(passed) => {
                    count(visit, "accepted");
                    return go_on(visit, passed, goal, None);
                }
                Err(stranger) => refused(visit, provider, AtProvider::Stranger(stranger)),
            }
        }
    };
    let place = match goal {
        Goal::Request(id) => (id.to_string(), String::new()),
        page => (String::new(), page.to_string()),
    };
    match Doorstep::of(visit, (&place.0, &place.1)).await? {
        Some(doorstep) => Ok(form(visit, doorstep, "", Some(problem))),
        None => Err(visit.failed(sign_in::over())),
    }
}

/// To the person who has asked for it, and is still the one who is signed in here.
async fn link(
    visit: &Visit,
    provider: &Provider,
    back: &SignIn,
    identified: Result<Account, Problem>,
) -> Result<HttpResponse, Instead> {
    let (visitor, recently) = visit.recent(Goal::Security).await?;
    let who: Option<&UserId> = back.waiting.user_id.as_ref();
    if who != Some(&visitor.signed_in.user().id) {
        return Err(visit.failed(sign_in::over()).into());
    }
    let account = match identified {
        Ok(account) => account,
        Err(problem) => return Ok(identities::show(visit, &visitor, Some(problem)).await?),
    };
    let (settings, now) = (provider.settings.clone(), visit.app.clock.now());
    let link =
        move |conn: &mut DbConnection| identity::link(conn, &recently, (&settings, &account), now);
    let linked = visit.write_surely::<_, Error>(link).await?;
    let problem = match linked {
        Ok(cookie) => return Ok(identities::changed(visit, visitor.renewed(cookie))),
        Err(NotLinked::Before) => return Ok(see_other(&visit.here(identities::PATH))),
        Err(NotLinked::SomebodyElses) => AtProvider::SomebodyElses,
        Err(NotLinked::Stranger(stranger)) => AtProvider::Stranger(stranger),
    };
    let problem = refused(visit, provider, problem);
    Ok(identities::show(visit, &visitor, Some(problem)).await?)
}

pub(super) fn find<'a>(visit: &'a Visit, name: &str) -> Result<&'a Provider, PageError> {
    let none =
        || visit.failed(ErrorCode::InvalidRequest.because("There is no such way to sign in"));
    visit.app.providers.find(name).ok_or_else(none)
}

/// Logs what a provider has answered, or not, and counts it against whoever has brought it.
fn failed(visit: &Visit, provider: &Provider, error: &ProviderError) -> Problem {
    let name = &provider.settings.name;
    let now = visit.app.clock.ticks();
    let own_choice = matches!(error, ProviderError::Cancelled);
    if !own_choice && visit.app.limits.provider_warnings.take(name, now).is_ok() {
        warn!(provider.name = name, %error, "nobody was signed in by a provider");
    }
    let problem = AtProvider::from(error);
    if problem == AtProvider::Down {
        return Problem::Provider(provider.settings.label.clone(), problem);
    }
    refused(visit, provider, problem)
}

fn refused(visit: &Visit, provider: &Provider, problem: AtProvider) -> Problem {
    count(visit, "refused");
    let (network, now) = (visit.client_ip.network(), visit.app.clock.ticks());
    let _counted: Result<(), Seconds> = visit.app.limits.provider_failures.take(&network, now);
    Problem::Provider(provider.settings.label.clone(), problem)
}
