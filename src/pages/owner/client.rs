//! One app: what it says about itself, what is known about it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::client_act::Act;
use super::clients::{PATH as LIST, called};
use super::connections::narrowed;
use super::done::said;
use super::query;
use crate::clients as known_clients;
use crate::clients::look_alike::Pose;
use crate::config::Newcomers;
use crate::oauth::{ClientId, Destination, Scope, display_name};
use crate::pages::consent::who::{self, ClientOrigin};
use crate::pages::error::PageError;
use crate::pages::guard::Instead;
use crate::pages::language::Html;
use crate::pages::visit::Visit;
use crate::pages::{ContentPolicy, Frame, render};
use crate::storage::clients::{self, Client};
use crate::storage::{self, users};
use crate::words;

/// The page.
pub(super) const PATH: &str = "/owner/clients/one";

/// The page. What the app wrote itself stands only in text, isolated.
#[derive(Template)]
#[template(path = "owner/client.html", config = "src/pages/askama.toml")]
pub struct ClientPage {
    frame: Frame,
    done: Option<Html>,
    client: Client,
    client_origin: ClientOrigin,
    /// Whom its name poses as.
    pose: Option<Pose>,
    /// Who met it first, where the owner is asked.
    asked_by: Option<String>,
    /// What becomes of those that nobody here has met.
    newcomers: Newcomers,
    ceiling: Scope,
}

impl ClientPage {
    fn called(&self) -> String {
        called(&self.frame, &self.client)
    }

    fn waits(&self) -> bool {
        self.newcomers == Newcomers::Ask && self.client.is_waiting()
    }

    /// Where answers go, each place once.
    fn destinations(&self) -> Vec<Html> {
        let mut seen: Vec<&Destination> = vec![];
        for uri in &self.client.metadata.redirect_uris {
            if !seen.contains(&uri.destination()) {
                seen.push(uri.destination());
            }
        }
        let words = |destination: &&Destination| match destination {
            Destination::Web(host) => self.frame.say("the web site {}", &[host]),
            Destination::Loopback(host) => {
                self.frame.say("a program on the person's own computer ({})", &[host])
            }
            Destination::App(scheme) => self.frame.say("the app that has claimed {}", &[scheme]),
        };
        seen.iter().map(words).collect()
    }

    /// What else it says about itself: words for what, and its text.
    fn says(&self) -> Vec<(&'static str, String)> {
        let metadata = &self.client.metadata;
        let version = metadata.software_version.as_ref();
        [
            (words!("Home page"), metadata.client_uri.as_ref()),
            (words!("Terms"), metadata.tos_uri.as_ref()),
            (words!("Privacy policy"), metadata.policy_uri.as_ref()),
            (words!("Software"), metadata.software_id.as_ref()),
            (words!("Version"), version),
        ]
        .into_iter()
        .filter_map(|(words, text)| Some((words, display_name(text?)?)))
        .collect()
    }

    fn acts(&self) -> Vec<Act> {
        let client = &self.client;
        if self.waits() {
            return vec![Act::Approve, Act::Refuse, Act::Remove];
        }
        let state = if client.disabled_at.is_some() { Act::Enable } else { Act::Disable };
        let needless = self.newcomers == Newcomers::Open
            || client.origin == storage::ClientOrigin::Configured
            || client.approved_at.or(client.disabled_at).is_some();
        let approve = (!needless).then_some(Act::Approve);
        approve.into_iter().chain([state, Act::EndEverything, Act::Remove]).collect()
    }

    fn attempts(&self) -> String {
        super::attempts::of_client(&self.client.client_id)
    }

    fn connections(&self) -> String {
        narrowed("client", self.client.client_id.as_str())
    }
}

/// The page.
///
/// # Errors
/// As [`Visit::owner`]; an id that is nobody's; the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _) = visit.owner().await?;
    let (frame, query) = (visit.frame_for(&visitor, LIST), query(&visit)?);
    let client = find(&visit, query.get("id").unwrap_or_default()).await?;
    let ceiling = known_clients::ceiling(&client, &visit.app.config.scopes);
    let config = &visit.app.config;
    let answers = &client.metadata.redirect_uris;
    let origin = (client.origin, &client.client_id);
    let page = ClientPage {
        done: said(&frame, &query),
        frame,
        client_origin: ClientOrigin::of(origin, answers, &config.connecting),
        pose: who::pose(&client, answers, config),
        asked_by: first_met_by(&visit, &client).await?,
        newcomers: config.connecting.newcomers,
        client,
        ceiling,
    };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}

/// Who met it first, if that person is still there.
async fn first_met_by(visit: &Visit, client: &Client) -> Result<Option<String>, PageError> {
    let Some(person) = &client.asked_by else { return Ok(None) };
    let found = visit.app.storage.read(|conn| users::find(conn, person)).await;
    Ok(found.map_err(|error| visit.failed(error))?.map(|user| user.username))
}

/// The one of this id.
pub(super) async fn find(visit: &Visit, id: &str) -> Result<Client, PageError> {
    let gone = || visit.not_found(words!("There is no such app"));
    let id: ClientId = id.parse().map_err(|_| gone())?;
    let found = visit.app.storage.read(|conn| clients::find(conn, &id)).await;
    found.map_err(|error| visit.failed(error))?.ok_or_else(gone)
}
