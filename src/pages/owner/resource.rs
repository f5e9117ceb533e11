//! One MCP server: what it is, and its name.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::confirm::{checked, message};
use super::connections::narrowed;
use super::done::{done, said};
use super::resources::{self as list, called};
use super::{
    address, query, resource_access as access, resource_act as act, resource_scopes as scopes,
};
use crate::accounts::setup::rename_resource;
use crate::config::DeclaredResource;
use crate::pages::error::PageError;
use crate::pages::guard::Instead;
use crate::pages::instructions::ShownRecipe;
use crate::pages::language::Html;
use crate::pages::recipes::RecipeError;
use crate::pages::snippets::Snippets;
use crate::pages::visit::{PageForm, Visit};
use crate::pages::{ContentPolicy, Frame, render};
use crate::storage::resources::{self, Resource};
use crate::storage::{Audience, StorageError};
use crate::words;

/// The page.
pub(super) const PATH: &str = "/owner/resources/one";
/// Changes the name.
pub(super) const NAME: &str = "/owner/resources/name";
/// The longest name, in characters.
const LONGEST_NAME: usize = 80;

/// The page.
#[derive(Template)]
#[template(path = "owner/resource.html", config = "src/pages/askama.toml")]
pub struct ResourcePage {
    frame: Frame,
    done: Option<Html>,
    resource: Resource,
    /// What the settings say about it, which the next start says again.
    declared: Option<DeclaredResource>,
    rename_csrf: String,
    snippets: Snippets,
    recipes: Result<Vec<ShownRecipe>, RecipeError>,
}

impl ResourcePage {
    fn called(&self) -> &str {
        called(&self.resource)
    }

    fn link(&self, path: &str) -> String {
        address(path, self.resource.id.as_str())
    }

    fn connections(&self) -> String {
        narrowed("resource", self.resource.uri.as_str())
    }

    fn is_named(&self) -> bool {
        self.resource.audience == Audience::Named
    }

    fn declared_name(&self) -> Option<&str> {
        self.declared.as_ref().and_then(|declared| declared.name.as_deref())
    }

    /// Until when the secret before this one works.
    fn overlap(&self) -> Option<crate::clock::UnixTime> {
        self.resource.previous_secret_until.filter(|until| self.frame.now < *until)
    }
}

/// The name that was typed, if it is one.
pub(super) fn name_of(typed: &str) -> Option<String> {
    crate::oauth::display_name(typed).map(|name| name.chars().take(LONGEST_NAME).collect())
}

/// The one of this id.
pub(super) async fn find(visit: &Visit, id: &str) -> Result<Resource, PageError> {
    let gone = || visit.not_found(words!("There is no such MCP server"));
    let id = id.parse().map_err(|_| gone())?;
    let found = visit.app.storage.read(|conn| resources::find(conn, &id)).await;
    found.map_err(|error| visit.failed(error))?.ok_or_else(gone)
}

/// What it is.
///
/// # Errors
/// As [`Visit::owner`]; an id that is nobody's; the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _) = visit.owner().await?;
    let query = query(&visit)?;
    let resource = find(&visit, query.get("id").unwrap_or_default()).await?;
    let config = &visit.app.config;
    let of_it = |declared: &&DeclaredResource| declared.uri.canonical() == resource.canonical;
    let (uri, id) = (resource.uri.clone(), resource.id.clone());
    let frame = visit.frame_for(&visitor, list::PATH);
    let page = ResourcePage {
        done: said(&frame, &query),
        frame,
        declared: config.resources.iter().find(of_it).cloned(),
        rename_csrf: visitor.csrf(&message(NAME, resource.id.as_str())),
        recipes: ShownRecipe::all(config, &uri, &id),
        snippets: Snippets::new(config, uri, id, None).of(&resource),
        resource,
    };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}

/// Changes what people call it.
///
/// # Errors
/// As [`Visit::owner`]; a form that is not ours; an id that is nobody's; the database's.
pub async fn rename(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (visitor, _) = visit.owner().await?;
    let resource = find(&visit, &checked(&visit, &visitor, NAME, &sent)?).await?;
    let back = address(PATH, resource.id.as_str());
    let (name, now) = (name_of(sent.text("name")), visit.app.clock.now());
    let rename = move |conn: &mut _| rename_resource(conn, &resource, name.as_deref(), now);
    visit.write_surely::<_, StorageError>(rename).await?;
    Ok(done(&visit, &back, "saved", None))
}
