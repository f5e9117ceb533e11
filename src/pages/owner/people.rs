//! Everybody who has an account, or an invitation to one.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::done::said;
use super::list::{Asked, Column, Shape};
use super::{address, person, query};
use crate::pages::guard::Instead;
use crate::pages::language::Html;
use crate::pages::visit::Visit;
use crate::pages::{ContentPolicy, Frame, render};
use crate::storage::Role;
use crate::storage::lists::people::{self, Narrowing, Order, State};
use crate::storage::users::User;
use crate::words;

/// The list.
pub(super) const PATH: &str = "/owner/people";

static SHAPE: Shape = Shape {
    path: PATH,
    filters: &[
        ("", words!("Everybody")),
        ("owners", words!("Owners")),
        ("members", words!("Members")),
        ("enabled", words!("Whose account works")),
        ("disabled", words!("Disabled")),
        ("new", words!("Never signed in")),
    ],
    columns: &[
        Column { key: "name", words: words!("Name"), descending: false },
        Column::plain(words!("State")),
        Column { key: "created", words: words!("Since"), descending: true },
        Column { key: "used", words: words!("Last sign-in"), descending: true },
    ],
    order: "name",
};

/// The page.
#[derive(Template)]
#[template(path = "owner/people.html", config = "src/pages/askama.toml")]
pub struct People {
    frame: Frame,
    done: Option<Html>,
    list: Asked,
    rows: Vec<User>,
}

impl People {
    fn link(user: &User) -> String {
        address(person::PATH, user.id.as_str())
    }

    fn is_owner(user: &User) -> bool {
        user.role == Role::Owner
    }
}

/// What a list asks of the database.
fn narrowing(list: &Asked) -> Narrowing {
    let (role, state) = match list.filter {
        "owners" => (Some(Role::Owner), None),
        "members" => (Some(Role::Member), None),
        "enabled" => (None, Some(State::Enabled)),
        "disabled" => (None, Some(State::Disabled)),
        "new" => (None, Some(State::New)),
        _ => (None, None),
    };
    Narrowing { search: list.search.clone(), role, state }
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
        "created" => Order::Newest,
        "used" => Order::LastSignedIn,
        _ => Order::Name,
    };
    let (narrowing, at) = (narrowing(&list), list.at());
    let found = visit.app.storage.read(|conn| people::page(conn, &narrowing, order, &at)).await;
    let rows = list.found(found.map_err(|error| visit.failed(error))?);
    let page = People { done: said(&frame, &query), frame, list, rows };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}
