//! What this is, for whoever opens the bare address.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::error::PageError;
use super::visit::Visit;
use super::{ContentPolicy, Frame, render};
use crate::error::Error;
use crate::storage::{resources, users};

/// The page.
#[derive(Template)]
#[template(path = "home.html", config = "src/pages/askama.toml")]
pub struct Home {
    /// Around the content.
    pub frame: Frame,
    /// Whether anybody can sign in yet.
    pub state: State,
    /// Where the authorization server metadata is: RFC 8414.
    pub metadata_url: String,
}

/// Whether the service is ready for use.
#[derive(Debug, Clone)]
pub enum State {
    /// Nobody has an account.
    NotSetUp,
    /// There are accounts.
    Ready {
        /// URLs of the MCP servers.
        resources: Vec<String>,
    },
}

/// The page.
///
/// # Errors
/// The database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, PageError> {
    let known = visit.app.storage.read(|conn| {
        let urls = resources::list(conn)?.into_iter().map(|resource| resource.uri.to_string());
        Ok::<_, Error>((users::count(conn)?, urls.collect()))
    });
    let (users, resources) = known.await.map_err(|error| visit.failed(error))?;
    let visitor = visit.visitor().await?;
    let frame = visitor.map_or_else(|| visit.frame(), |visitor| visit.frame_for(&visitor, "/"));
    let page = Home {
        frame,
        state: if users == 0 { State::NotSetUp } else { State::Ready { resources } },
        metadata_url: visit.issuer().metadata_url(),
    };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}
