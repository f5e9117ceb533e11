//! Which scopes there are to be had at one MCP server.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::confirm::checked;
use super::done::done;
use super::resource::{PATH as RESOURCE, find};
use super::resources::{PATH as LIST, called};
use super::ticks::{ScopeForm, ticked};
use super::{address, query, settle};
use crate::authorization::limits;
use crate::error::Error;
use crate::pages::guard::Instead;
use crate::pages::visit::{PageForm, Visit, Visitor};
use crate::pages::{ContentPolicy, render};
use crate::storage::resources::Resource;
use crate::words;

/// The form.
pub(super) const PATH: &str = "/owner/resources/scopes";

/// Asks which.
///
/// # Errors
/// As [`Visit::owner_recently`]; an id that is nobody's; the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    let resource = find(&visit, query(&visit)?.get("id").unwrap_or_default()).await?;
    Ok(render(StatusCode::OK, &form(&visit, &visitor, &resource), ContentPolicy::Closed))
}

fn form(visit: &Visit, visitor: &Visitor, resource: &Resource) -> ScopeForm {
    let id = resource.id.as_str();
    let mut follows = vec![
        words!("What a scope includes is to be had with it."),
        words!("Connections that have more than is left end at once."),
    ];
    let mut declared = visit.app.config.resources.iter();
    if declared.any(|one| one.uri.canonical() == resource.canonical && one.scopes.is_some()) {
        follows.push(words!("The settings declare its scopes: the next start puts them back."));
    }
    let title = (words!("What is there to be had at {}?"), called(resource));
    let form = ScopeForm::new((visit, visitor), LIST, title, (PATH, id), resource.scopes.as_ref());
    ScopeForm { follows, back: address(RESOURCE, id), ..form }
}

/// Says which.
///
/// # Errors
/// As [`Visit::owner_recently`]; a form that is not ours; an id that is nobody's; the database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    let resource = find(&visit, &checked(&visit, &visitor, PATH, &sent)?).await?;
    let config = &visit.app.config;
    let Ok(scopes) = ticked(config, &config.scopes, &sent) else {
        let again = form(&visit, &visitor, &resource).with_nothing_ticked(&visit);
        return Ok(render(StatusCode::UNPROCESSABLE_ENTITY, &again, ContentPolicy::Closed));
    };
    let (back, now) = (address(RESOURCE, resource.id.as_str()), visit.app.clock.now());
    let change = move |conn: &mut _| limits::of_resource(conn, &resource, scopes.as_ref(), now);
    settle(&visit).await?;
    visit.write_surely::<_, Error>(change).await?;
    let ended = settle(&visit).await?;
    Ok(done(&visit, &back, "limited", Some(ended)))
}
