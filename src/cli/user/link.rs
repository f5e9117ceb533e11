//! `user add --invite`, `user invite`, `user reset`: links that let a person in once.

use serde::Serialize;

use super::super::{Failure, output};
use super::{find, taken};
use crate::accounts::Username;
use crate::accounts::invitation::{self, INVITATION, RESET};
use crate::clock::{Clock, UnixTime};
use crate::oauth::{Issuer, TokenSecret, UserId};
use crate::storage::users::User;
use crate::storage::{Purpose, Role, Storage};

#[derive(Serialize)]
struct Shown {
    name: String,
    sub: UserId,
    role: Role,
    link: String,
    expires_at: UnixTime,
}

/// Makes an account without a password.
///
/// # Errors
/// A name that somebody has, the database's.
pub async fn add(
    storage: &Storage,
    issuer: &Issuer,
    (name, role): (&str, Option<Role>),
    json: bool,
) -> Result<(), Failure> {
    let username = Username::parse(name)?;
    let now = Clock::System.now();
    let add = move |conn: &mut _| invitation::invite(conn, &username, role, now);
    let (user, secret) = storage.write(add).await.map_err(taken)?;
    answer(issuer, user, (secret, now + INVITATION), json)
}

/// Makes a link for an account that exists.
///
/// # Errors
/// A name that nobody has, an account for which there is no such link, the database's.
pub async fn make(
    storage: &Storage,
    issuer: &Issuer,
    (name, purpose): (&str, Purpose),
    json: bool,
) -> Result<(), Failure> {
    let user = find(storage, name).await?;
    let (id, now) = (user.id.clone(), Clock::System.now());
    let make = move |conn: &mut _| invitation::link(conn, &id, purpose, now);
    let secret = storage.write(make).await?;
    let lifetime = if purpose == Purpose::Reset { RESET } else { INVITATION };
    answer(issuer, user, (secret, now + lifetime), json)
}

/// The link alone on stdout, everything else on stderr; or all of it as JSON.
fn answer(
    issuer: &Issuer,
    user: User,
    (secret, expires_at): (TokenSecret, UnixTime),
    json: bool,
) -> Result<(), Failure> {
    let link = issuer.url(&format!("/welcome?token={}", secret.reveal()));
    if issuer.is_loopback() {
        output::hint(&format!("MCP_OAUTH_ISSUER is {issuer}: the link works on this machine only"));
    }
    if json {
        let (name, sub, role) = (user.username, user.id, user.role);
        return output::json(&Shown { name, sub, role, link, expires_at });
    }
    output::hint(&format!(
        "give this link to {} ({}); it works once, until {expires_at}, and is shown only now:",
        user.username, user.role
    ));
    output::line(&link)
}
