//! The MCP servers, and one more.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::confirm::{checked, message};
use super::done::said;
use super::list::{Asked, Column, Shape};
use super::{address, query, resource};
use crate::accounts::setup::add_resource;
use crate::config::Config;
use crate::oauth::{IntrospectionId, MachineSecret, ResourceUri};
use crate::pages::guard::Instead;
use crate::pages::instructions::ShownRecipe;
use crate::pages::language::Html;
use crate::pages::recipes::RecipeError;
use crate::pages::setup::Field;
use crate::pages::snippets::Snippets;
use crate::pages::visit::{PageForm, Visit, Visitor};
use crate::pages::{ContentPolicy, Frame, render};
use crate::storage::resources::{self, Resource};
use crate::storage::{Audience, StorageError};
use crate::words;

/// The list.
pub(super) const PATH: &str = "/owner/resources";
/// The form for one more.
pub(super) const NEW: &str = "/owner/resources/new";

static SHAPE: Shape = Shape {
    path: PATH,
    filters: &[
        ("", words!("All MCP servers")),
        ("paused", words!("Paused")),
        ("named", words!("For named people")),
        ("settings", words!("From the settings")),
    ],
    columns: &[
        Column { key: "name", words: words!("Name"), descending: false },
        Column { key: "url", words: words!("Address"), descending: false },
        Column::plain(words!("State")),
        Column { key: "created", words: words!("Added"), descending: false },
    ],
    order: "created",
};

/// The page.
#[derive(Template)]
#[template(path = "owner/resources.html", config = "src/pages/askama.toml")]
pub struct Resources {
    frame: Frame,
    done: Option<Html>,
    list: Asked,
    rows: Vec<Row>,
}

/// A line of the list.
struct Row {
    resource: Resource,
    is_declared: bool,
}

impl Row {
    fn link(&self) -> String {
        address(resource::PATH, self.resource.id.as_str())
    }

    fn is_named(&self) -> bool {
        self.resource.audience == Audience::Named
    }
}

/// The form for one more.
#[derive(Template)]
#[template(path = "owner/resource_new.html", config = "src/pages/askama.toml")]
pub struct NewResource {
    frame: Frame,
    csrf: String,
    name: String,
    url: Field,
}

/// Shows a new secret, once, and what to do with it.
#[derive(Template)]
#[template(path = "owner/resource_secret.html", config = "src/pages/askama.toml")]
pub struct NewSecret {
    frame: Frame,
    title: Html,
    /// How long the one before works on, if there is one.
    overlap: Option<Html>,
    link: String,
    snippets: Snippets,
    recipes: Result<Vec<ShownRecipe>, RecipeError>,
}

impl NewSecret {
    /// The answer that hands the secret out.
    pub(super) fn show(
        visit: &Visit,
        visitor: &Visitor,
        resource: &Resource,
        secret: MachineSecret,
        overlap: Option<Html>,
    ) -> HttpResponse {
        let (config, frame) = (&visit.app.config, visit.frame_for(visitor, PATH));
        let (uri, id) = (resource.uri.clone(), resource.id.clone());
        let page = Self {
            title: frame.say("The secret of {}", &[called(resource)]),
            frame,
            overlap,
            link: address(resource::PATH, id.as_str()),
            recipes: ShownRecipe::all(config, &uri, &id),
            snippets: Snippets::new(config, uri, id, Some(secret.reveal())).of(resource),
        };
        render(StatusCode::OK, &page, ContentPolicy::Closed)
    }
}

/// What people call it, or its address.
pub(super) fn called(resource: &Resource) -> &str {
    resource.name.as_deref().unwrap_or(resource.uri.as_str())
}

/// Whether the settings declare it.
pub(super) fn is_declared(config: &Config, resource: &Resource) -> bool {
    config.resources.iter().any(|declared| declared.uri.canonical() == resource.canonical)
}

/// All of them, on one page: an operator has a handful.
///
/// # Errors
/// As [`Visit::owner`]; the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _) = visit.owner().await?;
    let (frame, query) = (visit.frame_for(&visitor, PATH), query(&visit)?);
    let list = Asked::of(&SHAPE, &frame.base, &query, &[]);
    let all = visit.app.storage.read(resources::list).await;
    let all = all.map_err(|error| visit.failed(error))?;
    let row = |resource: Resource| {
        let is_declared = is_declared(&visit.app.config, &resource);
        Row { resource, is_declared }
    };
    let rows = all.into_iter().map(row).filter(|row| is_asked_for(row, &list));
    let mut rows: Vec<Row> = rows.collect();
    match list.order {
        "name" => rows.sort_by_key(|row| called(&row.resource).to_lowercase()),
        "url" => rows.sort_by_key(|row| row.resource.canonical.clone()),
        _ => {}
    }
    let page = Resources { done: said(&frame, &query), frame, list, rows };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}

fn is_asked_for(row: &Row, list: &Asked) -> bool {
    let search = list.search.to_lowercase();
    let texts = [row.resource.name.as_deref().unwrap_or_default(), row.resource.uri.as_str()];
    let is_found = texts.iter().any(|text| text.to_lowercase().contains(&search));
    let is_shown = match list.filter {
        "paused" => row.resource.paused_at.is_some(),
        "named" => row.is_named(),
        "settings" => row.is_declared,
        _ => true,
    };
    is_found && is_shown
}

/// The form for one more.
///
/// # Errors
/// As [`Visit::owner_recently`].
pub async fn new(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    Ok(form(&visit, &visitor, StatusCode::OK, String::new(), Field::default()))
}

/// Adds it, and shows its secret.
///
/// # Errors
/// As [`Visit::owner_recently`]; a form that is not ours; the database's.
pub async fn add(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    checked(&visit, &visitor, NEW, &sent)?;
    let (name, url) = (sent.text("name").trim(), sent.text("url").trim());
    let again = |problem: String| {
        let url = Field { value: url.to_owned(), problem: Some(problem) };
        Ok(form(&visit, &visitor, StatusCode::UNPROCESSABLE_ENTITY, name.to_owned(), url))
    };
    let uri = match url.parse::<ResourceUri>() {
        Ok(uri) => uri,
        Err(why) => {
            let frame = visit.frame();
            return again(frame.t("This address {}.").replace("{}", frame.t(why)));
        }
    };
    let secret = MachineSecret::for_resource();
    let (hash, now) = (secret.hash(), visit.app.clock.now());
    let named = (IntrospectionId::generate(), resource::name_of(name));
    let add = move |conn: &mut _| match add_resource(conn, &uri, named.clone(), Some(&hash), now) {
        Err(StorageError::AlreadyExists) => Ok(None),
        added => added.map(Some),
    };
    let Some(resource) = visit.write_surely::<_, StorageError>(add).await? else {
        let taken = words!("An MCP server of this address is here already.");
        return again(visit.frame().t(taken).to_owned());
    };
    Ok(NewSecret::show(&visit, &visitor, &resource, secret, None))
}

fn form(
    visit: &Visit,
    visitor: &Visitor,
    status: StatusCode,
    name: String,
    url: Field,
) -> HttpResponse {
    let csrf = visitor.csrf(&message(NEW, ""));
    let page = NewResource { frame: visit.frame_for(visitor, PATH), csrf, name, url };
    render(status, &page, ContentPolicy::Closed)
}
