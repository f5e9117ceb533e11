//! The most that one app may have.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::client::{PATH as CLIENT, find};
use super::clients::{PATH as LIST, called};
use super::confirm::checked;
use super::done::done;
use super::ticks::{ScopeForm, ticked};
use super::{address, query};
use crate::authorization::limits;
use crate::pages::guard::Instead;
use crate::pages::visit::{PageForm, Visit, Visitor};
use crate::pages::{ContentPolicy, render};
use crate::storage::StorageError;
use crate::storage::clients::Client;
use crate::words;

/// The form.
pub(super) const PATH: &str = "/owner/clients/limit";

/// Asks how much.
///
/// # Errors
/// As [`Visit::owner_recently`]; an id that is nobody's; the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    let client = find(&visit, query(&visit)?.get("id").unwrap_or_default()).await?;
    Ok(render(StatusCode::OK, &form(&visit, &visitor, &client), ContentPolicy::Closed))
}

fn form(visit: &Visit, visitor: &Visitor, client: &Client) -> ScopeForm {
    let (id, called) = (client.client_id.as_str(), called(&visit.frame(), client));
    let title = (words!("How much may {} have?"), called.as_str());
    let form = ScopeForm::new((visit, visitor), LIST, title, (PATH, id), client.ceiling.as_ref());
    ScopeForm {
        follows: vec![
            words!("It never gets more, whatever it asks for and whoever says yes."),
            words!("What a scope includes is to be had with it."),
            words!("Connections that have more than is left end at once."),
        ],
        back: address(CLIENT, id),
        ..form
    }
}

/// Says how much.
///
/// # Errors
/// As [`Visit::owner_recently`]; a form that is not ours; an id that is nobody's; the database's.
pub async fn post(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    let client = find(&visit, &checked(&visit, &visitor, PATH, &sent)?).await?;
    let config = &visit.app.config;
    let Ok(most) = ticked(config, &config.scopes, &sent) else {
        let again = form(&visit, &visitor, &client).with_nothing_ticked(&visit);
        return Ok(render(StatusCode::UNPROCESSABLE_ENTITY, &again, ContentPolicy::Closed));
    };
    let (back, now) = (address(CLIENT, client.client_id.as_str()), visit.app.clock.now());
    let limit = move |conn: &mut _| limits::of_client(conn, &client.client_id, most.as_ref(), now);
    let ended = visit.write_surely::<_, StorageError>(limit).await?;
    Ok(done(&visit, &back, "limited", ended))
}
