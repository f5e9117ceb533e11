//! What the owner can do about one app, each asked about first.

use actix_web::{HttpResponse, web};

use super::clients::{PATH as LIST, called};
use super::confirm::{Question, ask, checked};
use super::done::done;
use super::{address, client, query};
use crate::authorization::shown;
use crate::clients;
use crate::clients::connecting::{self, Approval};
use crate::clock::UnixTime;
use crate::error::Error;
use crate::oauth::ClientId;
use crate::pages::guard::Instead;
use crate::pages::visit::{PageForm, Visit};
use crate::revocation::{self, ending};
use crate::storage::DbConnection;
use crate::storage::clients::Client;
use crate::words;

/// One of the things that can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Disable,
    Enable,
    EndEverything,
    Remove,
    Approve,
    Refuse,
}

impl Act {
    const ALL: [Self; 6] = [
        Self::Disable,
        Self::Enable,
        Self::EndEverything,
        Self::Remove,
        Self::Approve,
        Self::Refuse,
    ];

    /// Where it is asked about and done.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Disable => "/owner/clients/disable",
            Self::Enable => "/owner/clients/enable",
            Self::EndEverything => "/owner/clients/end",
            Self::Remove => "/owner/clients/remove",
            Self::Approve => "/owner/clients/approve",
            Self::Refuse => "/owner/clients/refuse",
        }
    }

    /// The page that asks about this one.
    pub(super) fn link(self, client: &Client) -> String {
        let link = address(self.path(), client.client_id.as_str());
        match self.shown(client).as_str() {
            "" => link,
            shown => format!("{link}&shown={shown}"),
        }
    }

    /// What a yes is to: it comes back with it.
    fn shown(self, client: &Client) -> String {
        if self == Self::Approve { shown::client(&client.metadata) } else { String::new() }
    }

    /// On the button.
    pub(super) fn button(self) -> &'static str {
        match self {
            Self::Disable => words!("Disable"),
            Self::Enable => words!("Enable"),
            Self::EndEverything => words!("End everything"),
            Self::Remove => words!("Remove"),
            Self::Approve => words!("Approve"),
            Self::Refuse => words!("Refuse"),
        }
    }

    /// Whether it takes something away.
    pub(super) fn is_danger(self) -> bool {
        !matches!(self, Self::Enable | Self::Approve)
    }

    fn question(self) -> (&'static str, &'static str) {
        match self {
            Self::Disable => (
                words!("Disable {}?"),
                words!(
                    "Every connection of this app ends, of everybody, and it cannot ask again \
                     until you enable it."
                ),
            ),
            Self::Enable => (
                words!("Enable {}?"),
                words!("The app may ask people for access again. What has ended stays ended."),
            ),
            Self::EndEverything => (
                words!("End everything of {}?"),
                words!(
                    "Every connection of this app ends at the next request, of everybody. It may \
                     ask people again."
                ),
            ),
            Self::Remove => (
                words!("Remove {}?"),
                words!(
                    "Every connection of this app ends, of everybody, and it is forgotten. One \
                     that registers itself can come back under another id, and one that is \
                     described at its address when it is next used. To keep it out, disable it."
                ),
            ),
            Self::Approve => (
                words!("Approve {}?"),
                words!("Everybody here may let this app connect then. Each decides for himself."),
            ),
            Self::Refuse => (
                words!("Refuse {}?"),
                words!(
                    "Nobody can connect this app, and whoever waits for it is told so. It stays \
                     refused until you enable it."
                ),
            ),
        }
    }

    /// Does it: the word for what was done, and how many connections have ended. A yes is to what was
    /// `looked_at`, and not to what a client or its document has made of it meanwhile.
    fn run(
        self,
        conn: &mut DbConnection,
        (id, looked_at): (&ClientId, &str),
        now: UnixTime,
    ) -> Result<(&'static str, Option<usize>), Error> {
        Ok(match self {
            Self::Disable => ("disabled", revocation::disable_client(conn, id, now)?),
            Self::Enable => {
                clients::enable(conn, id, now)?;
                ("enabled", None)
            }
            Self::EndEverything => ("ended", Some(ending::of_client(conn, id, now)?)),
            Self::Remove => ("removed", revocation::remove_client(conn, id, now)?),
            Self::Approve => match connecting::approve(conn, (id, Some(looked_at)), now)? {
                Approval::Approved => ("approved", None),
                Approval::Changed => ("changed", None),
                // Somebody has decided meanwhile: the page says how.
                Approval::Before | Approval::Disabled | Approval::Unknown => ("decided", None),
            },
            Self::Refuse => {
                revocation::disable_client(conn, id, now)?;
                ("refused", None)
            }
        })
    }

    fn of(visit: &Visit, name: &str) -> Result<Self, Instead> {
        let named = |act: &Self| act.path().rsplit('/').next() == Some(name);
        let found = Self::ALL.into_iter().find(named);
        found.ok_or_else(|| visit.not_found(words!("There is no such page")).into())
    }
}

/// Asks.
///
/// # Errors
/// As [`Visit::owner_recently`]; an id that is nobody's; the database's.
pub async fn get(visit: Visit, name: web::Path<String>) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    let act = Act::of(&visit, &name)?;
    let query = query(&visit)?;
    let found = client::find(&visit, query.get("id").unwrap_or_default()).await?;
    let back = address(client::PATH, found.client_id.as_str());
    let shown = act.shown(&found);
    if query.get("shown").is_some_and(|looked_at| looked_at != shown) {
        return Ok(done(&visit, &back, "changed", None));
    }
    let (sentence, follows) = act.question();
    let question = Question {
        id: found.client_id.to_string(),
        shown,
        follows: vec![follows],
        button: act.button(),
        is_danger: act.is_danger(),
        back,
        ..Question::at(act.path())
    };
    let called = called(&visit.frame(), &found);
    Ok(ask(&visit, &visitor, LIST, (sentence, &called), question))
}

/// Does it.
///
/// # Errors
/// As [`Visit::owner_recently`]; a form that is not ours; an id that is nobody's; the database's.
pub async fn post(
    visit: Visit,
    name: web::Path<String>,
    sent: PageForm,
) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    let act = Act::of(&visit, &name)?;
    let found = client::find(&visit, &checked(&visit, &visitor, act.path(), &sent)?).await?;
    let (page, now) = (address(client::PATH, found.client_id.as_str()), visit.app.clock.now());
    let looked_at = sent.text("shown").to_owned();
    let run = move |conn: &mut _| act.run(conn, (&found.client_id, &looked_at), now);
    let (word, ended) = visit.write_surely::<_, Error>(run).await?;
    Ok(done(&visit, if act == Act::Remove { LIST } else { &page }, word, ended))
}
