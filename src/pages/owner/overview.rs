//! How things stand: what there is, what needs somebody, and what was decided lately.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::done::said;
use super::happenings::{Happening, describe, is_alarming};
use super::resource;
use super::resources::called;
use super::{address, query};
use crate::clock::{Seconds, UnixTime};
use crate::config::Newcomers;
use crate::pages::guard::Instead;
use crate::pages::language::Html;
use crate::pages::visit::Visit;
use crate::pages::{ContentPolicy, Frame, render};
use crate::storage::events::{Event, Recorded};
use crate::storage::lists::grants;
use crate::storage::resources::{self, Resource};
use crate::storage::{DbConnection, StorageError, clients, events, users};

/// The page.
pub(super) const PATH: &str = "/owner";
/// Of the newest decisions, as many are shown.
const HAPPENINGS: usize = 20;
/// Among so many of them is looked for what needs somebody.
const LOOKED_AT: i64 = 1000;
/// The most of it that is shown, and for how long.
const ALARMS: usize = 5;
const ALARMED: Seconds = Seconds(7 * 86_400);

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
    /// Those of them that the owner is asked about.
    waiting: i64,
    grants: i64,
    resources: Vec<Resource>,
    happenings: Vec<Happening>,
    /// What somebody should look at.
    alarms: Vec<Happening>,
}

impl State {
    fn read(
        conn: &mut DbConnection,
        newcomers: Newcomers,
        now: UnixTime,
    ) -> Result<Self, StorageError> {
        let newest = events::list(conn, LOOKED_AT)?;
        let recent = |recorded: &&Recorded| now - recorded.at < ALARMED;
        let mut of_disk = newest.iter().filter_map(|recorded| recorded.kind.known());
        let of_disk = of_disk.find(|kind| matches!(kind, Event::DiskLow | Event::DiskEnough));
        let is_over = |kind| kind == Event::DiskLow && of_disk == Some(Event::DiskEnough);
        let alarms = newest.iter().filter(|recorded| is_alarming(recorded)).filter(recent);
        let alarms = alarms.filter(|recorded| !recorded.kind.known().is_some_and(&is_over));
        let alarms: Vec<Recorded> = alarms.take(ALARMS).cloned().collect();
        let mut describe_all = |all: Vec<Recorded>| {
            all.into_iter().map(|recorded| describe(conn, recorded)).collect::<Result<Vec<_>, _>>()
        };
        let alarms = describe_all(alarms)?;
        let happenings = describe_all(newest.into_iter().take(HAPPENINGS).collect())?;
        Ok(Self {
            happenings,
            alarms,
            people: users::count(conn)?,
            clients: clients::count(conn)?,
            waiting: match newcomers {
                Newcomers::Ask => clients::count_waiting(conn)?,
                Newcomers::Open | Newcomers::Known => 0,
            },
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

    fn is_quiet(&self) -> bool {
        self.paused().next().is_none()
            && self.without_secret().next().is_none()
            && self.alarms.is_empty()
            && self.waiting == 0
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
    let now = frame.now;
    let newcomers = visit.app.config.connecting.newcomers;
    let state = visit.app.storage.read(|conn| State::read(conn, newcomers, now)).await;
    let state = state.map_err(|error| visit.failed(error))?;
    let page = Overview { done: said(&frame, &query(&visit)?), frame, state };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}
