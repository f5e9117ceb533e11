//! Who has connected which app to what: the grants of everybody. One can be ended here.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::confirm::{Question, ask, checked};
use super::done::{done, said};
use super::happenings::why;
use super::list::{Asked, Choice, Column, Shape};
use super::resources::called;
use super::{address, client, person, query};
use crate::clock::UnixTime;
use crate::oauth::{GrantId, ResourceUri, display_name};
use crate::pages::error::PageError;
use crate::pages::guard::Instead;
use crate::pages::language::Html;
use crate::pages::visit::{PageForm, Visit};
use crate::pages::{ContentPolicy, Frame, render};
use crate::revocation;
use crate::storage::grants::{self, Grant};
use crate::storage::lists::grants::{
    self as list_of_grants, Narrowing, Order, Row as Found, State,
};
use crate::storage::resources::{self, Resource};
use crate::storage::{DbConnection, RevokedBecause, StorageError, clients, users};
use crate::words;

/// The list.
pub(super) const PATH: &str = "/owner/grants";
/// Asks, and ends one.
pub(super) const END: &str = "/owner/grants/end";

static SHAPE: Shape = Shape {
    path: PATH,
    filters: &[("", words!("Connected")), ("ended", words!("Ended")), ("all", words!("Both"))],
    columns: &[
        Column::plain(words!("App")),
        Column::plain(words!("Person")),
        Column::plain(words!("MCP server")),
        Column::plain(words!("May have")),
        Column { key: "created", words: words!("Since"), descending: true },
        Column { key: "used", words: words!("Last used"), descending: true },
        Column::plain(words!("Change")),
    ],
    order: "created",
};

/// The page.
#[derive(Template)]
#[template(path = "owner/connections.html", config = "src/pages/askama.toml")]
pub struct Connections {
    frame: Frame,
    done: Option<Html>,
    list: Asked,
    rows: Vec<Row>,
}

/// A connection, and whom it is about.
pub(super) struct Row {
    pub(super) grant: Grant,
    username: Option<String>,
    client: Option<String>,
}

impl From<Found> for Row {
    fn from(found: Found) -> Self {
        let client = found.client.as_ref().and_then(|(name, _)| display_name(name));
        Self { grant: found.grant, username: found.username, client }
    }
}

impl Row {
    /// What the app calls itself.
    pub(super) fn app<'a>(&'a self, frame: &'a Frame) -> &'a str {
        self.client.as_deref().unwrap_or_else(|| frame.t(words!("an app without a name")))
    }

    /// What the person is called.
    pub(super) fn person<'a>(&'a self, frame: &'a Frame) -> &'a str {
        self.username.as_deref().unwrap_or_else(|| frame.t(words!("somebody who is gone")))
    }

    /// The page of the app.
    pub(super) fn link_client(&self) -> String {
        address(client::PATH, self.grant.client_id.as_str())
    }

    fn link_person(&self) -> String {
        address(person::PATH, self.grant.user_id.as_str())
    }

    /// Where it is ended.
    pub(super) fn link_end(&self) -> String {
        address(END, &self.grant.id.to_string())
    }

    fn is_live(&self, frame: &Frame) -> bool {
        self.grant.is_live(frame.now)
    }

    /// Why it has ended, in words.
    fn why<'a>(&self, frame: &'a Frame) -> &'a str {
        let because = self.grant.revoked_because.map(|because| because.to_string());
        let words = because.as_deref().and_then(why);
        frame.t(words.unwrap_or(words!("its time was over")))
    }
}

/// Looks the names up.
///
/// # Errors
/// The database's.
pub(super) fn row(conn: &mut DbConnection, grant: Grant) -> Result<Row, StorageError> {
    let user = users::find(conn, &grant.user_id)?;
    let client = clients::name(conn, &grant.client_id)?;
    let client = client.as_deref().and_then(display_name);
    Ok(Row { username: user.map(|user| user.username), client, grant })
}

/// The list, narrowed to one parameter.
pub(super) fn narrowed(name: &str, value: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!("{PATH}?{}", query.append_pair(name, value).finish())
}

/// A page of them.
///
/// # Errors
/// As [`Visit::owner`]; the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _) = visit.owner().await?;
    let (frame, query) = (visit.frame_for(&visitor, PATH), query(&visit)?);
    let mut list = Asked::of(&SHAPE, &frame.base, &query, &["person", "client", "resource"]);
    let order = if list.order == "used" { Order::LastUsed } else { Order::Newest };
    let (narrowing, at, now) = (narrowing(&list), list.at(), visit.app.clock.now());
    let found = visit.app.storage.read(|conn| {
        let page = list_of_grants::page(conn, &narrowing, order, (&at, now))?;
        Ok::<_, StorageError>((page, resources::list(conn)?))
    });
    let (found, resources) = found.await.map_err(|error| visit.failed(error))?;
    let option = |one: &Resource| (one.uri.to_string(), called(one).to_owned());
    let options = resources.iter().map(option).collect();
    list.choice = Some(Choice { name: "resource", words: words!("MCP server"), options });
    let rows = list.found(found).into_iter().map(Row::from).collect();
    let page = Connections { done: said(&frame, &query), frame, list, rows };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}

/// What a list asks of the database.
fn narrowing(list: &Asked) -> Narrowing {
    Narrowing {
        search: list.search.clone(),
        user_id: list.kept("person").and_then(|id| id.parse().ok()),
        client_id: list.kept("client").and_then(|id| id.parse().ok()),
        resource: list.kept("resource").and_then(|uri| uri.parse::<ResourceUri>().ok()),
        state: match list.filter {
            "ended" => State::Ended,
            "all" => State::Any,
            _ => State::Live,
        },
    }
}

/// Asks whether one shall end.
///
/// # Errors
/// As [`Visit::owner`]; an id that is nobody's; the database's.
pub async fn ask_first(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _) = visit.owner().await?;
    let row = find(&visit, query(&visit)?.get("id").unwrap_or_default()).await?;
    let frame = visit.frame();
    let name = format!("{}, {}", row.app(&frame), row.person(&frame));
    let question = Question {
        id: row.grant.id.to_string(),
        follows: vec![words!(
            "The app is told no at its next request. The person can connect it again."
        )],
        button: words!("Disconnect"),
        back: PATH.to_owned(),
        ..Question::at(END)
    };
    Ok(ask(&visit, &visitor, PATH, (words!("Disconnect {}?"), &name), question))
}

/// Ends it.
///
/// # Errors
/// As [`Visit::owner`]; a form that is not ours; an id that is nobody's; the database's.
pub async fn end(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (visitor, _) = visit.owner().await?;
    let row = find(&visit, &checked(&visit, &visitor, END, &sent)?).await?;
    let now: UnixTime = visit.app.clock.now();
    let id = row.grant.id;
    let end = move |conn: &mut _| revocation::end(conn, id, RevokedBecause::Operator, now);
    visit.write_surely::<_, StorageError>(end).await?;
    let word = if row.grant.revoked_at.is_some() { "grant-ended-before" } else { "grant-ended" };
    Ok(done(&visit, PATH, word, None))
}

async fn find(visit: &Visit, id: &str) -> Result<Row, PageError> {
    let gone = || visit.not_found(words!("There is no such connection"));
    let id: GrantId = id.parse().map_err(|_| gone())?;
    let found = visit.app.storage.read(|conn| {
        let grant = grants::find(conn, id)?;
        grant.map(|grant| row(conn, grant)).transpose()
    });
    found.await.map_err(|error: StorageError| visit.failed(error))?.ok_or_else(gone)
}
