//! Who asks, where the answer goes, and for what: the page on which a person decides
//! (OAuth 2.1 section 7.10; MCP, security best practices, "consent").

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
use super::{ContentPolicy, Frame, render};
use crate::authorization::consent::{self, Grantable, Terms, may_answer};
use crate::error::Error;
use crate::oauth::{Destination, ErrorCode, Parameters, Scope, display_name};
use crate::storage;
use crate::storage::authorization_requests::PendingRequest;
use crate::storage::clients::{self, Client};
use crate::storage::sign_ins::Goal;
use crate::words;
pub(super) use scopes::Glossary;
pub use scopes::{Asked, ScopeLine};
pub use who::ClientOrigin;

/// Enough for every honest name, and the decision stays in sight.
const LONGEST_NAME: usize = 80;

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
        let name = display_name(&self.client_name)?;
        Some(name.chars().take(LONGEST_NAME).collect())
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
        let client = clients::find(conn, &pending.asked.client_id)?;
        let gone = || ErrorCode::AccessDenied.because("This app is no longer registered here");
        Ok::<_, Error>((client.ok_or_else(gone)?, pending))
    });
    let (client, pending) = known.await.map_err(|error| visit.failed(error))?;
    let visitor = visit.visitor().await?.filter(|v| may_answer(&pending, &v.signed_in));
    let sign_in = doorstep_url(Goal::Request(cookie.id()));
    let Some(visitor) = visitor else { return Ok(see_other(&visit.here(&sign_in))) };
    let offered = &visit.app.config.scopes;
    let grantable =
        |conn: &mut _| consent::grantable(conn, &pending, &visitor.signed_in, offered, now);
    let grantable = visit.app.storage.read(grantable).await;
    let grantable = match grantable.map_err(|error| visit.failed(error))? {
        Ok(grantable) => grantable,
        Err(why) => {
            let page = Obstacle::new(&visit, &visitor, &pending, why);
            return Ok(render(StatusCode::FORBIDDEN, &page, ContentPolicy::LeadsElsewhere));
        }
    };
    let page = question(&visit, &visitor, (client, pending), grantable);
    Ok(render(StatusCode::OK, &page, ContentPolicy::LeadsElsewhere))
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
    let allowed = match sent.text("decision") {
        "allow" => true,
        "deny" => false,
        _ => {
            let why = words!("The answer was neither yes nor no. Go back and choose one");
            return Err(visit.failed(ErrorCode::InvalidRequest.because(why)));
        }
    };
    let shown = Some(Scope::requested(sent.text("scope"))).filter(|shown| !shown.is_empty());
    let app = visit.app.clone();
    let now = app.clock.now();
    let decide = move |conn: &mut storage::DbConnection| {
        let (config, signed_in) = (&app.config, &visitor.signed_in);
        if allowed {
            let terms = Terms {
                code_lifetime: config.lifetimes.code,
                issuer: &config.issuer,
                offered: &config.scopes,
                shown: shown.as_ref(),
            };
            consent::approve(conn, &cookie, signed_in, &terms, now)
        } else {
            consent::deny(conn, &cookie, signed_in, &config.issuer, now)
        }
    };
    let mut response = see_other(&visit.write_surely(decide).await?);
    // The code is in the URL: nobody needs to know from where the browser comes.
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

fn question(
    visit: &Visit,
    visitor: &Visitor,
    (client, pending): (Client, PendingRequest),
    grantable: Grantable,
) -> Consent {
    let frame = visit.frame();
    let glossary = Glossary::new(&visit.app.config, frame.language);
    let request = pending.id.to_string();
    Consent {
        frame,
        csrf: visitor.csrf(&request),
        request,
        client_name: client.metadata.client_name.unwrap_or_default(),
        client_origin: ClientOrigin::of(client.origin, &client.client_id),
        destination: pending.asked.redirect_uri.destination().clone(),
        resource_name: grantable.resource.name,
        resource: pending.asked.resource.to_string(),
        scopes: Asked::of(glossary, &grantable.scope, &grantable.known),
        username: visitor.signed_in.user().username.clone(),
    }
}
