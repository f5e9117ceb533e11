//! One person: what the account is, what is connected, and what can be done about it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::connections::{self, Row};
use super::done::said;
use super::people::PATH as LIST;
use super::person_act::Act;
use super::{address, query};
use crate::accounts::second_factor::{self, Available};
use crate::clock::UnixTime;
use crate::oauth::{GrantId, UserId};
use crate::pages::error::PageError;
use crate::pages::guard::Instead;
use crate::pages::language::Html;
use crate::pages::visit::Visit;
use crate::pages::{ContentPolicy, Frame, render};
use crate::storage::one_time_links::{self, OneTimeLink};
use crate::storage::users::{self, User};
use crate::storage::{DbConnection, Purpose, Role, StorageError, identities, lists, passkeys};
use crate::words;

/// The page.
pub(super) const PATH: &str = "/owner/people/one";
/// Connections that are shown here; the list has all of them.
const CONNECTIONS: i64 = 20;

/// The page.
#[derive(Template)]
#[template(path = "owner/person.html", config = "src/pages/askama.toml")]
pub struct Person {
    frame: Frame,
    done: Option<Html>,
    /// Whether it is the owner who looks at himself.
    is_own: bool,
    known: Known,
}

/// What is known about a person.
struct Known {
    user: User,
    link: Option<OneTimeLink>,
    factors: Available,
    passkeys: i64,
    identities: i64,
    connections: Vec<Row>,
}

impl Known {
    fn read(
        conn: &mut DbConnection,
        id: &UserId,
        now: UnixTime,
    ) -> Result<Option<Self>, StorageError> {
        let Some(user) = users::find(conn, id)? else { return Ok(None) };
        let newest = (GrantId(i64::MAX), now);
        let connections = lists::grants::live_of_user(conn, id, newest, CONNECTIONS)?;
        let connections = connections.into_iter().map(|grant| connections::row(conn, grant));
        Ok(Some(Self {
            connections: connections.collect::<Result<_, _>>()?,
            link: one_time_links::find_open(conn, id, now)?,
            factors: second_factor::available(conn, &user)?,
            passkeys: passkeys::count_of_user(conn, id)?,
            identities: identities::count_of_user(conn, id)?,
            user,
        }))
    }
}

impl Person {
    /// The acts that make sense.
    fn acts(&self) -> Vec<Act> {
        let user = &self.known.user;
        let role = if user.role == Role::Owner { Act::MakeMember } else { Act::MakeOwner };
        let state = if user.disabled_at.is_some() { Act::Enable } else { Act::Disable };
        let mut acts = vec![role, state];
        if self.known.factors.totp || user.passkey_required {
            acts.push(Act::RemoveFactor);
        }
        if self.known.passkeys > 0 || self.known.identities > 0 {
            acts.push(Act::ForgetWays);
        }
        acts.extend([Act::EndEverything, Act::Remove]);
        acts
    }

    fn link_new_link(&self) -> String {
        address(super::person_link::PATH, self.known.user.id.as_str())
    }

    fn connections(&self) -> String {
        connections::narrowed("person", self.known.user.id.as_str())
    }

    fn is_owner(&self) -> bool {
        self.known.user.role == Role::Owner
    }

    fn has_invitation(&self) -> bool {
        self.known.link.as_ref().is_some_and(|link| link.purpose == Purpose::Invite)
    }

    fn has_nothing(&self) -> bool {
        let known = &self.known;
        known.user.password_hash.is_none() && known.passkeys == 0 && known.identities == 0
    }
}

/// The one of this id.
pub(super) async fn find(visit: &Visit, id: &str) -> Result<User, PageError> {
    let nobody = || visit.not_found(words!("There is no such person"));
    let id: UserId = id.parse().map_err(|_| nobody())?;
    let found = visit.app.storage.read(|conn| users::find(conn, &id)).await;
    found.map_err(|error| visit.failed(error))?.ok_or_else(nobody)
}

/// The page.
///
/// # Errors
/// As [`Visit::owner`]; an id that is nobody's; the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _) = visit.owner().await?;
    let (frame, query) = (visit.frame_for(&visitor, LIST), query(&visit)?);
    let nobody = || visit.not_found(words!("There is no such person"));
    let id: UserId = query.get("id").unwrap_or_default().parse().map_err(|_| nobody())?;
    let now = visit.app.clock.now();
    let known = visit.app.storage.read(|conn| Known::read(conn, &id, now)).await;
    let known = known.map_err(|error| visit.failed(error))?.ok_or_else(nobody)?;
    let is_own = visitor.signed_in.user().id == id;
    let page = Person { done: said(&frame, &query), frame, is_own, known };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}
