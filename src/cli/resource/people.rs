//! `resource audience|allow|disallow|people`: who may use an MCP server, and what of it.

use serde::Serialize;

use super::super::{Failure, output, user};
use super::find;
use crate::authorization::admission;
use crate::clock::Clock;
use crate::config::Config;
use crate::oauth::{Scope, UserId};
use crate::revocation::ending;
use crate::storage::resource_people::{self, Named};
use crate::storage::resources::Resource;
use crate::storage::{Audience, Storage};

#[derive(Serialize)]
struct Shown {
    name: String,
    sub: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
}

/// Says for whom it is.
///
/// # Errors
/// Resources that are not there, scopes that are not offered, the database's.
pub async fn open_to(
    storage: &Storage,
    resource: &str,
    (audience, scope): (Audience, &str),
    config: &Config,
) -> Result<(), Failure> {
    let found = find(storage, resource).await?;
    let scope = to_be_had(scope, &found, config)?;
    if audience == Audience::Named && scope.is_some() {
        let why = "each of the named people has scopes of his own: see resource allow";
        return Err(Failure::Failed(why.to_owned()));
    }
    let now = Clock::System.now();
    let change =
        move |conn: &mut _| admission::open_to(conn, &found, (audience, scope.as_ref()), now);
    ending::settle(storage, now).await?;
    storage.write(change).await?;
    let ended = ending::settle(storage, now).await?;
    output::line(&format!("it is for {audience} now; {ended} grants have ended"))
}

/// Names a person.
///
/// # Errors
/// Resources and people that are not there, scopes that are not offered, the database's.
pub async fn allow(
    storage: &Storage,
    resource: &str,
    (name, scope): (&str, &str),
    config: &Config,
) -> Result<(), Failure> {
    let (found, person) = (find(storage, resource).await?, user::find(storage, name).await?);
    let scope = to_be_had(scope, &found, config)?;
    let now = Clock::System.now();
    let what = scope.as_ref().map_or_else(|| "everything".to_owned(), ToString::to_string);
    let allow = move |conn: &mut _| admission::allow(conn, &found, &person.id, scope.as_ref(), now);
    let ended = storage.write(allow).await?;
    output::line(&format!("the person may have {what} there; {ended} grants have ended"))
}

/// What is named, with all that it includes; none for everything.
fn to_be_had(scope: &str, resource: &Resource, config: &Config) -> Result<Option<Scope>, Failure> {
    let offered = resource.offered(&config.scopes);
    Ok(admission::scope(scope, &offered, &config.scope_hierarchy)?)
}

/// Takes a person's name off.
///
/// # Errors
/// Resources and people that are not there or not named, the database's.
pub async fn disallow(storage: &Storage, resource: &str, name: &str) -> Result<(), Failure> {
    let (found, person) = (find(storage, resource).await?, user::find(storage, name).await?);
    let (now, audience) = (Clock::System.now(), found.audience);
    let disallow = move |conn: &mut _| admission::disallow(conn, &found, &person.id, now);
    let Some(ended) = storage.write(disallow).await? else {
        let why = "the person is not named for this MCP server";
        let hint = ". Everybody may use it; to change that: resource audience RESOURCE named";
        let hint = if audience == Audience::Everybody { hint } else { "" };
        return Err(Failure::Failed(format!("{why}{hint}")));
    };
    let left = match audience {
        Audience::Everybody => "the person may have what everybody may",
        Audience::Named => "the person may not use it any more",
    };
    output::line(&format!("{left}; {ended} grants have ended"))
}

/// Prints who is named.
///
/// # Errors
/// Resources that are not there, the database's.
pub async fn list(storage: &Storage, resource: &str, json: bool) -> Result<(), Failure> {
    let found = find(storage, resource).await?;
    let mut all: Vec<Named> = vec![];
    loop {
        let after = all.last().map(|named| named.username.clone()).unwrap_or_default();
        let page = storage.read(|conn| resource_people::list(conn, &found, &after, 100)).await?;
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    if json {
        let shown =
            |Named { user_id, username, scope }| Shown { name: username, sub: user_id, scope };
        return output::json(&all.into_iter().map(shown).collect::<Vec<_>>());
    }
    let row = |named: &Named| {
        let scope = named.scope.as_ref().map_or_else(|| "everything".to_owned(), Scope::to_string);
        [named.username.clone(), scope]
    };
    output::table(["NAME", "SCOPE"], &all.iter().map(row).collect::<Vec<_>>())
}
