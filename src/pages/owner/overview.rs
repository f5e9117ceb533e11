//! How things stand: what there is, what needs somebody, and what was decided lately.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::done::said;
use super::happenings::{Happening, describe};
use super::resource;
use super::resources::called;
use super::{address, query};
use crate::pages::guard::Instead;
use crate::pages::language::Html;
use crate::pages::visit::Visit;
use crate::pages::{ContentPolicy, Frame, render};
use crate::storage::lists::grants;
use crate::storage::resources::{self, Resource};
use crate::storage::{DbConnection, StorageError, clients, events, users};

/// The page.
pub(super) const PATH: &str = "/owner";
/// Of the newest decisions, as many are shown.
const HAPPENINGS: i64 = 20;

/// The page.
#[derive(Template)]
#[template(path = "owner/overview.html", config = "src/pages/askama.toml")]
pub struct Overview {
    frame: Frame,
    done: Option<Html>,
    state: State,
}

/// How things stand.
struct State {
    people: i64,
    clients: i64,
    grants: i64,
    resources: Vec<Resource>,
    happenings: Vec<Happening>,
}

impl State {
    fn read(conn: &mut DbConnection) -> Result<Self, StorageError> {
        let newest = events::list(conn, HAPPENINGS)?;
        let happenings = newest.into_iter().map(|recorded| describe(conn, recorded));
        Ok(Self {
            happenings: happenings.collect::<Result<_, _>>()?,
            people: users::count(conn)?,
            clients: clients::count(conn)?,
            grants: grants::count_live(conn)?,
            resources: resources::list(conn)?,
        })
    }

    fn paused(&self) -> impl Iterator<Item = &Resource> {
        self.resources.iter().filter(|resource| resource.paused_at.is_some())
    }

    fn without_secret(&self) -> impl Iterator<Item = &Resource> {
        self.resources.iter().filter(|resource| resource.secret_hash.is_none())
    }

    fn alarming(&self) -> impl Iterator<Item = &Happening> {
        self.happenings.iter().filter(|happening| happening.is_alarming())
    }

    fn is_quiet(&self) -> bool {
        self.paused().next().is_none()
            && self.without_secret().next().is_none()
            && self.alarming().next().is_none()
            && !self.resources.is_empty()
    }
}

impl Overview {
    fn link(resource: &Resource) -> String {
        address(resource::PATH, resource.id.as_str())
    }

    fn called(resource: &Resource) -> &str {
        called(resource)
    }
}

/// The page.
///
/// # Errors
/// As [`Visit::owner`]; the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _) = visit.owner().await?;
    let frame = visit.frame_for(&visitor, PATH);
    let state = visit.app.storage.read(State::read).await;
    let state = state.map_err(|error| visit.failed(error))?;
    let page = Overview { done: said(&frame, &query(&visit)?), frame, state };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}
