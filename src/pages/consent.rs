//! Who asks, where the answer goes, and for what: the page on which a person decides
//! (OAuth 2.1 section 7.10; MCP, security best practices, "consent").

pub mod changes;
pub mod scopes;
pub mod who;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, REFERRER_POLICY};
use askama::Template;

use super::doorstep::doorstep_url;
use super::error::PageError;
use super::obstacle::Obstacle;
use super::visit::{PageForm, Visit, Visitor, see_other};
use super::{ContentPolicy, Frame, render, waiting};
use crate::attempts::Subject;
use crate::authorization::consent::{self, Grantable, Terms, may_answer};
use crate::authorization::obstacle::unwelcome;
use crate::authorization::shown;
use crate::clients::look_alike::Pose;
use crate::error::Error;
use crate::middleware::sighting;
use crate::oauth::{Destination, ErrorCode, Parameters, TokenId};
use crate::storage::attempts::Stage;
use crate::storage::authorization_requests::PendingRequest;
use crate::storage::clients::Client;
use crate::storage::sign_ins::Goal;
use crate::storage::{self, StorageError};
use crate::words;
pub use changes::Changes;
pub(super) use scopes::Glossary;
pub use scopes::{Asked, ScopeLine};
pub use who::ClientOrigin;

/// The page. What the client wrote itself stands only in text, isolated, never in an attribute.
#[derive(Template)]
#[template(path = "consent.html", config = "src/pages/askama.toml")]
pub struct Consent {
    /// Around the content.
    pub frame: Frame,
    /// The pending authorization request.
    pub request: String,
    /// Proves that the form is ours, for this session and this request.
    pub csrf: String,
    /// The name that the client gives itself, if any.
    pub client_name: String,
    /// How we know the client.
    pub client_origin: ClientOrigin,
    /// Whom its name poses as.
    pub pose: Option<Pose>,
    /// What has changed about it since the person last said yes.
    pub changes: Option<Changes>,
    /// What the page shows, by [`shown::question`]: it comes back with the answer.
    pub shown: String,
    /// Where the answer goes.
    pub destination: Destination,
    /// What the operator calls the MCP server.
    pub resource_name: Option<String>,
    /// The MCP server's URL.
    pub resource: String,
    /// What is asked for.
    pub scopes: Asked,
    /// Who is signed in.
    pub username: String,
}

impl Consent {
    /// None for an app whose name has nothing that can be seen.
    fn shown_name(&self) -> Option<String> {
        who::shown_name(&self.client_name)
    }
}

/// The question; first the sign-in, if nobody is.
///
/// # Errors
/// A request that is not this browser's, and the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, PageError> {
    let query =
        Parameters::parse(visit.http.query_string()).map_err(|error| visit.failed(error))?;
    let request = query.get("request").unwrap_or_default();
    let cookie = visit.pending_cookie(request)?;
    let now = visit.app.clock.now();
    let known = visit.app.storage.read(|conn| {
        let pending = consent::find(conn, &cookie, now)?;
        Ok::<_, Error>((consent::client(conn, &pending), pending))
    });
    let (client, pending) = known.await.map_err(|error| visit.failed(error))?;
    sighting::comes_for(&visit.http, Subject::request(pending.id));
    let client = client.map_err(|error| visit.failed(error))?;
    let visitor = visit.visitor().await?.filter(|v| may_answer(&pending, &v.signed_in));
    let sign_in = doorstep_url(Goal::Request(cookie.id()));
    let Some(visitor) = visitor else { return Ok(see_other(&visit.here(&sign_in))) };
    let offered = &visit.app.config.scopes;
    let found = visit.app.storage.read(|conn| {
        let changes = Changes::find(conn, visitor.signed_in.user(), &client)?;
        let asked = (&client, &pending);
        let grantable = consent::grantable(conn, asked, &visitor.signed_in, offered, now)?;
        Ok::<_, StorageError>((changes, grantable))
    });
    let (changes, grantable) = found.await.map_err(|error| visit.failed(error))?;
    let grantable = match grantable {
        Ok(grantable) => grantable,
        Err(why) => return Ok(obstacle(&visit, &visitor, &pending, why)),
    };
    match unwelcome(&client, &visit.app.config.connecting) {
        None => {}
        Some(consent::Obstacle::Waits) => {
            return waiting::wait(&visit, &visitor, &pending, client).await;
        }
        Some(why) => return Ok(obstacle(&visit, &visitor, &pending, why)),
    }
    let subject = subject(&visitor, pending.id);
    let page = question(&visit, &visitor, (client, pending), grantable);
    let page = Consent { changes, ..page };
    let mut page = render(StatusCode::OK, &page, ContentPolicy::LeadsElsewhere);
    sighting::mark(&mut page, Stage::ConsentShown, subject);
    Ok(page)
}

/// The answer, which goes to the client.
///
/// # Errors
/// A form that is not ours, an answer that is neither yes nor no, and the database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, PageError> {
    let request = sent.text("request");
    let cookie = visit.pending_cookie(request)?;
    let Some(visitor) = visit.visitor().await? else {
        return Ok(see_other(&visit.here(&doorstep_url(Goal::Request(cookie.id())))));
    };
    visitor.check_csrf(&visit, request, sent.text("csrf"))?;
    let subject = subject(&visitor, cookie.id());
    sighting::comes_for(&visit.http, subject.clone());
    let allowed = match sent.text("decision") {
        "allow" => true,
        "deny" => false,
        _ => {
            let why = words!("The answer was neither yes nor no. Go back and choose one");
            return Err(visit.failed(ErrorCode::InvalidRequest.because(why)));
        }
    };
    let app = visit.app.clone();
    let now = app.clock.now();
    let shown = sent.text("shown").to_owned();
    let decide = move |conn: &mut storage::DbConnection| {
        let (config, signed_in) = (&app.config, &visitor.signed_in);
        if allowed {
            let terms = Terms {
                code_lifetime: config.lifetimes.code,
                issuer: &config.issuer,
                connecting: &config.connecting,
                offered: &config.scopes,
                shown: &shown,
            };
            consent::approve(conn, &cookie, signed_in, &terms, now)
        } else {
            consent::deny(conn, &cookie, signed_in, &config.issuer, now).map(Some)
        }
    };
    let Some(answer) = visit.write_surely(decide).await? else {
        // Something else would be allowed than what was read: the question is asked again.
        return Ok(see_other(&visit.here(&format!("/consent?request={request}"))));
    };
    let mut response = see_other(&answer);
    // The code is in the URL: nobody needs to know from where the browser comes.
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let answer = if allowed { Stage::Approved } else { Stage::Denied };
    sighting::mark(&mut response, answer, subject);
    Ok(response)
}

fn obstacle(
    visit: &Visit,
    visitor: &Visitor,
    pending: &PendingRequest,
    why: consent::Obstacle,
) -> HttpResponse {
    let page = Obstacle::new(visit, visitor, pending, why);
    let mut page = render(StatusCode::FORBIDDEN, &page, ContentPolicy::LeadsElsewhere);
    sighting::mark_obstacle(&mut page, why.words(), subject(visitor, pending.id));
    page
}

/// What an answer is about, for whoever looks at how it went.
pub(super) fn subject(visitor: &Visitor, request: TokenId) -> Subject {
    Subject::request(request).by(&visitor.signed_in.user().id)
}

fn question(
    visit: &Visit,
    visitor: &Visitor,
    (client, pending): (Client, PendingRequest),
    grantable: Grantable,
) -> Consent {
    let (frame, config) = (visit.frame(), &visit.app.config);
    let glossary = Glossary::new(config, frame.language);
    let request = pending.id.to_string();
    let answers = [pending.asked.redirect_uri.clone()];
    Consent {
        frame,
        csrf: visitor.csrf(&request),
        request,
        client_origin: ClientOrigin::of(
            (client.origin, &client.client_id),
            &answers,
            &config.connecting,
        ),
        pose: who::pose(&client, &answers, config),
        changes: None,
        shown: shown::question(&client.metadata, &grantable.scope),
        client_name: client.metadata.client_name.unwrap_or_default(),
        destination: pending.asked.redirect_uri.destination().clone(),
        resource_name: grantable.resource.name,
        resource: pending.asked.resource.to_string(),
        scopes: Asked::of(glossary, &grantable.scope, &grantable.known),
        username: visitor.signed_in.user().username.clone(),
    }
}
