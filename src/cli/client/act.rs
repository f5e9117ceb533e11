//! `client approve|disable|enable|remove`.

use super::{Failure, no_such_client, output};
use crate::clients::connecting::{self, Approval};
use crate::clients::enable as let_back;
use crate::clock::Clock;
use crate::oauth::{ClientId, ClientIdUrl};
use crate::revocation;
use crate::storage::clients::{self, Client};
use crate::storage::{ClientOrigin, DbConnection, Storage, StorageError};

/// Lets it ask people for access. What it says of itself is read where it is approved, so that nothing
/// else is, and is said.
pub(super) async fn approve(storage: &Storage, id: ClientId) -> Result<(), Failure> {
    let now = Clock::System.now();
    let approve = move |conn: &mut DbConnection| {
        let Some(client) = clients::find(conn, &id)? else { return Ok(None) };
        let became = connecting::approve(conn, (&id, None), now)?;
        Ok::<_, StorageError>(Some((client, became)))
    };
    let (client, became) = storage.write(approve).await?.ok_or_else(no_such_client)?;
    let why = match became {
        Approval::Approved => {
            output::line("the client may ask people for access:")?;
            return output::table(["CLIENT ID", client.client_id.as_str()], &identity(&client));
        }
        Approval::Before => "it was approved before",
        Approval::Disabled => "it is disabled: enable it first",
        Approval::Changed => "it has changed: look at it again",
        Approval::Unknown => return Err(no_such_client()),
    };
    Err(Failure::Failed(why.to_owned()))
}

/// By what people and the operator know it.
fn identity(client: &Client) -> Vec<[String; 2]> {
    let name = client.metadata.client_name.clone().unwrap_or_else(|| "-".to_owned());
    let document = ClientIdUrl::of(&client.client_id);
    let document = document.filter(|_| client.origin == ClientOrigin::Document);
    let uris = client.metadata.redirect_uris.iter();
    std::iter::once(["client_name".to_owned(), name])
        .chain(document.map(|url| ["document host".to_owned(), url.host()]))
        .chain(uris.map(|uri| ["redirect_uris".to_owned(), uri.to_string()]))
        .collect()
}

/// Ends all access, and keeps it out.
pub(super) async fn disable(storage: &Storage, id: ClientId) -> Result<(), Failure> {
    let (now, known) = (Clock::System.now(), id.clone());
    let end = move |conn: &mut _| revocation::disable_client(conn, &id, now);
    match storage.write(end).await? {
        Some(grants) => ended("disabled", grants),
        None => Err(why_not(storage, &known, "the client is disabled already").await),
    }
}

/// Lets it ask again.
pub(super) async fn enable(storage: &Storage, id: ClientId) -> Result<(), Failure> {
    let (now, known) = (Clock::System.now(), id.clone());
    if storage.write(move |conn| let_back(conn, &id, now)).await? {
        return output::line("the client may ask again");
    }
    Err(why_not(storage, &known, "the client is not disabled").await)
}

/// Ends all access, and forgets it.
pub(super) async fn remove(storage: &Storage, id: ClientId) -> Result<(), Failure> {
    let now = Clock::System.now();
    let end = move |conn: &mut _| revocation::remove_client(conn, &id, now);
    ended("gone", storage.write(end).await?.ok_or_else(no_such_client)?)
}

fn ended(what: &str, grants: usize) -> Result<(), Failure> {
    output::line(&format!("the client is {what}; {grants} grants have ended"))
}

/// That there is no such client, or what else it is.
async fn why_not(storage: &Storage, id: &ClientId, otherwise: &str) -> Failure {
    match storage.read(|conn| clients::find(conn, id)).await {
        Ok(None) => no_such_client(),
        Ok(Some(_)) => Failure::Failed(otherwise.to_owned()),
        Err(error) => error.into(),
    }
}
