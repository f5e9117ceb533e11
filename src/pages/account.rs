//! `/account`: which apps somebody has connected, to what, and how to end it.

pub mod disconnect;
#[cfg(feature = "passkeys")]
pub mod passkeys;
pub mod password;
pub mod security;
pub mod sessions;
pub mod totp;
pub mod user_agent;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::consent::who::shown_name;
use super::consent::{ClientOrigin, Glossary, ScopeLine};
use super::guard::Instead;
use super::visit::Visit;
use super::{ContentPolicy, Frame, form, page, render};
use crate::clock::UnixTime;
use crate::config::Connecting;
use crate::error::Error;
use crate::oauth::{GrantId, Parameters, UserId};
use crate::storage::grants::Grant;
use crate::storage::sign_ins::Goal;
use crate::storage::{DbConnection, StorageError, clients, lists, resources};

/// How many stand on one page.
const PAGE: usize = 50;

/// The page.
#[derive(Template)]
#[template(path = "account/apps.html", config = "src/pages/askama.toml")]
pub struct Apps {
    /// Around the content.
    pub frame: Frame,
    /// The newest first.
    pub apps: Vec<App>,
    /// Whether there are newer ones on another page.
    pub is_later_page: bool,
    /// Where the page with the older ones begins, if there are any.
    pub next: Option<String>,
}

/// One yes. What the client wrote itself stands only in text, isolated, never in an attribute.
pub struct App {
    /// The grant.
    pub id: String,
    /// The name that the client gives itself, if any.
    pub name: Option<String>,
    /// How far that can be trusted.
    pub origin: ClientOrigin,
    /// What the operator calls the MCP server.
    pub resource_name: Option<String>,
    /// The MCP server's URL.
    pub resource: String,
    /// What the app may do there.
    pub scopes: Vec<ScopeLine>,
    /// When it was connected.
    pub since: UnixTime,
    /// Whether it was before this service was here, so that nobody was asked.
    pub imported: bool,
    /// When it last asked for tokens.
    pub last_used_at: UnixTime,
    /// From where.
    pub address: Option<String>,
}

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(page("/account", get))
        .service(form(disconnect::PATH, disconnect::get, web::post().to(disconnect::post)))
        .service(page("/account/security", security::get))
        .service(form(password::PATH, password::get, web::post().to(password::post)))
        .service(form(sessions::PATH, sessions::get, web::post().to(sessions::post)))
        .service(form(totp::PATH, totp::get, web::post().to(totp::post)));
}

/// The list; `before` is the grant behind which it begins.
///
/// # Errors
/// The way to the sign-in, and the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let visitor = visit.member(Goal::Account).await?;
    let query =
        Parameters::parse(visit.http.query_string()).map_err(|error| visit.failed(error))?;
    let before = query.get("before").and_then(|id| id.parse().ok()).map(GrantId);
    let (user_id, now) = (&visitor.signed_in.user().id, visit.app.clock.now());
    let frame = visit.frame_for(&visitor, "/account");
    let glossary = Glossary::new(&visit.app.config, frame.language);
    let connecting = &visit.app.config.connecting;
    let found = visit.app.storage.read(|conn| {
        let from = (before.unwrap_or(GrantId(i64::MAX)), now);
        Ok::<_, Error>(list(conn, user_id, from, (glossary, connecting))?)
    });
    let mut apps = found.await.map_err(|error| visit.failed(error))?;
    let there_are_more = apps.len() > PAGE;
    apps.truncate(PAGE);
    let page = Apps {
        frame,
        next: apps.last().map(|app| app.id.clone()).filter(|_| there_are_more),
        is_later_page: before.is_some(),
        apps,
    };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}

/// One more than a page has.
fn list(
    conn: &mut DbConnection,
    user_id: &UserId,
    from: (GrantId, UnixTime),
    words: (Glossary<'_>, &Connecting),
) -> Result<Vec<App>, StorageError> {
    let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let grants = lists::grants::live_of_user(conn, user_id, from, limit)?;
    shown(conn, grants, words)
}

/// Grants as people see them.
fn shown(
    conn: &mut DbConnection,
    grants: Vec<Grant>,
    (glossary, connecting): (Glossary<'_>, &Connecting),
) -> Result<Vec<App>, StorageError> {
    let ids: Vec<_> = grants.iter().map(|grant| grant.client_id.clone()).collect();
    let (clients, resources) = (clients::names(conn, &ids)?, resources::list(conn)?);
    let show = |grant: Grant| {
        let client = clients.iter().find(|(id, ..)| *id == grant.client_id);
        let canonical = grant.resource.canonical();
        let resource = resources.iter().find(|resource| resource.canonical == canonical);
        App {
            id: grant.id.0.to_string(),
            name: client.and_then(|(_, name, ..)| shown_name(name)),
            origin: client.map_or(ClientOrigin::Registered, |(id, _, origin, metadata)| {
                ClientOrigin::of((*origin, id), &metadata.redirect_uris, connecting)
            }),
            resource_name: resource.and_then(|resource| resource.name.clone()),
            resource: grant.resource.to_string(),
            scopes: glossary.lines(&grant.scope),
            since: grant.created_at,
            imported: grant.imported,
            last_used_at: grant.last_used_at,
            address: grant.last_used_address,
        }
    };
    Ok(grants.into_iter().map(show).collect())
}
