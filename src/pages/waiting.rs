//! In place of the question of the consent page, where a new app waits for the owner. The request that
//! the person has started is kept: a look after the owner's yes goes on with it, and a script looks by
//! itself.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::assets::WAITING_SCRIPT;
use super::consent::who::{self, shown_name};
use super::consent::{self, ClientOrigin};
use super::error::PageError;
use super::owner::client_page;
use super::visit::{Visit, Visitor};
use super::{ContentPolicy, Frame, render};
use crate::clients::connecting;
use crate::clients::look_alike::Pose;
use crate::clock::UnixTime;
use crate::middleware::sighting;
use crate::oauth::ClientId;
use crate::storage::attempts::Stage;
use crate::storage::authorization_requests::PendingRequest;
use crate::storage::clients::Client;

/// The page. What the client wrote itself stands only in text, isolated.
#[derive(Template)]
#[template(path = "waiting.html", config = "src/pages/askama.toml")]
pub struct Waiting {
    /// Around the content.
    pub frame: Frame,
    /// The pending authorization request.
    pub request: String,
    /// Proves that the forms are ours, for this session and this request.
    pub csrf: String,
    /// The name that the client gives itself, if any.
    pub client_name: Option<String>,
    /// How we know the client.
    pub client_origin: ClientOrigin,
    /// Whom its name poses as.
    pub pose: Option<Pose>,
    /// Where answers would go: a host, or a scheme.
    pub destination: String,
    /// By which the owner finds it.
    pub client_id: ClientId,
    /// Since when it waits.
    pub since: UnixTime,
    /// Where somebody decides.
    pub owners_page: OwnersPage,
    /// Who is signed in.
    pub username: String,
    /// Path of the script.
    pub script: String,
}

/// Where somebody decides about an app that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnersPage {
    /// The person who looks can, at this path below the issuer's.
    Here(String),
    /// The person who looks can, but not on a page of this side.
    Command,
    /// Not the person who looks.
    SomebodyElse,
}

/// The page for whoever is signed in. Somebody who comes to it first puts the app on the owner's list:
/// that is not of weight, it happens once for each app, and a click more would help nobody.
///
/// # Errors
/// The database's.
pub(super) async fn wait(
    visit: &Visit,
    visitor: &Visitor,
    pending: &PendingRequest,
    client: Client,
) -> Result<HttpResponse, PageError> {
    let (config, now) = (&visit.app.config, visit.app.clock.now());
    let (request, answers) = (pending.id.to_string(), [pending.asked.redirect_uri.clone()]);
    if client.asked_by.is_none() {
        let (id, person) = (client.client_id.clone(), visitor.signed_in.user().id.clone());
        let ask = move |conn: &mut _| connecting::ask(conn, &id, &person, now);
        visit.app.storage.write(ask).await.map_err(|error| visit.failed(error))?;
    }
    let origin = (client.origin, &client.client_id);
    let page = Waiting {
        frame: visit.frame(),
        csrf: visitor.csrf(&request),
        request,
        client_name: shown_name(&client.name),
        client_origin: ClientOrigin::of(origin, &answers, &config.connecting),
        pose: who::pose(&client, &answers, config),
        destination: answers[0].destination().to_string(),
        since: client.asked_at.filter(|_| client.asked_by.is_some()).unwrap_or(now),
        owners_page: match visitor.signed_in.owner() {
            Some(_) if visit.has_owner_pages() => OwnersPage::Here(client_page(&client.client_id)),
            Some(_) => OwnersPage::Command,
            None => OwnersPage::SomebodyElse,
        },
        client_id: client.client_id,
        username: visitor.signed_in.user().username.clone(),
        script: visit.here(WAITING_SCRIPT.path()),
    };
    let mut page = render(StatusCode::ACCEPTED, &page, ContentPolicy::ScriptedLeadsElsewhere);
    sighting::mark(&mut page, Stage::Waiting, consent::subject(visitor, pending.id));
    Ok(page)
}
