//! The apps that may ask for access.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::done::said;
use super::list::{Asked, Column, Shape};
use super::{address, client, query};
use crate::config::Newcomers;
use crate::pages::consent::who::shown_name;
use crate::pages::guard::Instead;
use crate::pages::language::Html;
use crate::pages::visit::Visit;
use crate::pages::{ContentPolicy, Frame, render};
use crate::storage::ClientOrigin;
use crate::storage::clients::Client;
use crate::storage::lists::clients::{self, Narrowing, Order, State};
use crate::words;

/// The list.
pub(super) const PATH: &str = "/owner/clients";

static SHAPE: Shape = Shape {
    path: PATH,
    filters: &[
        ("", words!("All apps")),
        ("registered", words!("Registered themselves")),
        ("configured", words!("Added by an owner")),
        ("documents", words!("Described at their address")),
        ("enabled", words!("That may ask")),
        ("disabled", words!("Disabled")),
        ("unused", words!("Nobody has said yes yet")),
        ("waiting", words!("Waiting for you")),
    ],
    columns: &[
        Column { key: "name", words: words!("Name"), descending: false },
        Column::plain(words!("State")),
        Column { key: "created", words: words!("Since"), descending: true },
        Column { key: "used", words: words!("Last yes"), descending: true },
    ],
    order: "created",
};

/// The page.
#[derive(Template)]
#[template(path = "owner/clients.html", config = "src/pages/askama.toml")]
pub struct Clients {
    frame: Frame,
    done: Option<Html>,
    list: Asked,
    rows: Vec<Client>,
    /// Whether the owner is asked about new ones.
    asks: bool,
}

impl Clients {
    fn link(client: &Client) -> String {
        address(client::PATH, client.client_id.as_str())
    }

    fn origin(client: &Client) -> &'static str {
        origin(client.origin)
    }

    fn called(&self, client: &Client) -> String {
        called(&self.frame, client)
    }
}

/// What it calls itself, as far as that can be shown.
pub(super) fn called(frame: &Frame, client: &Client) -> String {
    let name = shown_name(&client.name);
    name.unwrap_or_else(|| frame.t(words!("an app without a name")).to_owned())
}

/// Who vouches for it, in words.
pub(super) fn origin(origin: ClientOrigin) -> &'static str {
    match origin {
        ClientOrigin::Registered => words!("registered itself"),
        ClientOrigin::Configured => words!("added by an owner"),
        ClientOrigin::Document => words!("described at its address"),
    }
}

/// What a list asks of the database.
fn narrowing(list: &Asked) -> Narrowing {
    let (origin, state) = match list.filter {
        "registered" => (Some(ClientOrigin::Registered), None),
        "configured" => (Some(ClientOrigin::Configured), None),
        "documents" => (Some(ClientOrigin::Document), None),
        "enabled" => (None, Some(State::Enabled)),
        "disabled" => (None, Some(State::Disabled)),
        "unused" => (None, Some(State::Unused)),
        "waiting" => (None, Some(State::Waiting)),
        _ => (None, None),
    };
    Narrowing { search: list.search.clone(), origin, state }
}

/// A page of them.
///
/// # Errors
/// As [`Visit::owner`]; the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _) = visit.owner().await?;
    let (frame, query) = (visit.frame_for(&visitor, PATH), query(&visit)?);
    let mut list = Asked::of(&SHAPE, &frame.base, &query, &[]);
    let order = match list.order {
        "name" => Order::Name,
        "used" => Order::LastUsed,
        _ => Order::Newest,
    };
    let (narrowing, at) = (narrowing(&list), list.at());
    let found = visit.app.storage.read(|conn| clients::page(conn, &narrowing, order, &at)).await;
    let rows = list.found(found.map_err(|error| visit.failed(error))?);
    let asks = visit.app.config.connecting.newcomers == Newcomers::Ask;
    let page = Clients { done: said(&frame, &query), frame, list, rows, asks };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}
