//! What the owner can do about one person, each asked about first.

use actix_web::{HttpResponse, web};

use super::confirm::{Question, ask, checked};
use super::done::done;
use super::people::PATH as LIST;
use super::{address, person, query};
use crate::accounts::{enable_user, roles, second_factor_change, ways};
use crate::clock::UnixTime;
use crate::error::Error;
use crate::oauth::UserId;
use crate::pages::guard::Instead;
use crate::pages::visit::{PageForm, Visit};
use crate::revocation::{self, ending};
use crate::storage::{DbConnection, Role};
use crate::words;

/// One of the things that can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    MakeOwner,
    MakeMember,
    Disable,
    Enable,
    RemoveFactor,
    ForgetWays,
    EndEverything,
    Remove,
}

impl Act {
    const ALL: [Self; 8] = [
        Self::MakeOwner,
        Self::MakeMember,
        Self::Disable,
        Self::Enable,
        Self::RemoveFactor,
        Self::ForgetWays,
        Self::EndEverything,
        Self::Remove,
    ];

    /// Where it is asked about and done.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::MakeOwner => "/owner/people/make-owner",
            Self::MakeMember => "/owner/people/make-member",
            Self::Disable => "/owner/people/disable",
            Self::Enable => "/owner/people/enable",
            Self::RemoveFactor => "/owner/people/remove-second-factor",
            Self::ForgetWays => "/owner/people/forget-ways",
            Self::EndEverything => "/owner/people/end",
            Self::Remove => "/owner/people/remove",
        }
    }

    /// The page that asks about this one.
    pub(super) fn link(self, id: &str) -> String {
        address(self.path(), id)
    }

    /// On the button.
    pub(super) fn button(self) -> &'static str {
        match self {
            Self::MakeOwner => words!("Make an owner"),
            Self::MakeMember => words!("Make a member"),
            Self::Disable => words!("Disable"),
            Self::Enable => words!("Enable"),
            Self::RemoveFactor => words!("Remove the second factor"),
            Self::ForgetWays => words!("Forget passkeys and linked accounts"),
            Self::EndEverything => words!("End everything"),
            Self::Remove => words!("Remove"),
        }
    }

    /// Whether it takes something away.
    pub(super) fn is_danger(self) -> bool {
        self != Self::Enable
    }

    fn question(self) -> (&'static str, &'static str) {
        match self {
            Self::MakeOwner => (
                words!("Make {} an owner?"),
                words!(
                    "An owner may do all that you may, on every page here. Whoever is signed in \
                     to the account has to sign in again."
                ),
            ),
            Self::MakeMember => (
                words!("Make {} a member?"),
                words!(
                    "A member has no owner's pages. Whoever is signed in to the account has to \
                     sign in again."
                ),
            ),
            Self::Disable => (
                words!("Disable {}?"),
                words!(
                    "Every connection of this person ends, and nobody can sign in to the account \
                     until you enable it. The connections do not come back then."
                ),
            ),
            Self::Enable => (
                words!("Enable {}?"),
                words!(
                    "The person can sign in again and connect apps anew. What has ended stays \
                     ended."
                ),
            ),
            Self::RemoveFactor => (
                words!("Remove the second factor of {}?"),
                words!(
                    "Codes of the authenticator app and recovery codes stop working. From then \
                     on the first factor is enough, so be sure that it is this person who has \
                     asked you."
                ),
            ),
            Self::ForgetWays => (
                words!("Forget the passkeys and linked accounts of {}?"),
                words!(
                    "They may be lost, or in other hands. Only the password is left to sign in \
                     with, or a link for a new start, and every browser is signed out."
                ),
            ),
            Self::EndEverything => (
                words!("End everything of {}?"),
                words!(
                    "Every connection of this person ends at the next request, and every browser \
                     is signed out. The person can sign in and connect again."
                ),
            ),
            Self::Remove => (
                words!("Remove {}?"),
                words!(
                    "Every connection of this person ends, and the account is gone with all that \
                     belongs to it. There is no way back."
                ),
            ),
        }
    }

    /// Does it: the word for what was done, and how many connections have ended.
    fn run(
        self,
        conn: &mut DbConnection,
        id: &UserId,
        now: UnixTime,
    ) -> Result<(&'static str, Option<usize>), Error> {
        Ok(match self {
            Self::MakeOwner => {
                roles::change(conn, id, Role::Owner, now)?;
                ("role", None)
            }
            Self::MakeMember => {
                roles::change(conn, id, Role::Member, now)?;
                ("role", None)
            }
            Self::Disable => ("disabled", revocation::disable_user(conn, id, now)?),
            Self::Enable => {
                enable_user(conn, id, now)?;
                ("enabled", None)
            }
            Self::RemoveFactor => {
                second_factor_change::reset(conn, id, now)?;
                ("factor", None)
            }
            Self::ForgetWays => {
                ways::forget_all_but_password(conn, id, now)?;
                ("ways", None)
            }
            Self::EndEverything => ("ended", Some(ending::of_user(conn, id, now)?)),
            Self::Remove => ("removed", revocation::remove_user(conn, id, now)?),
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
    let user = person::find(&visit, query(&visit)?.get("id").unwrap_or_default()).await?;
    let (sentence, follows) = act.question();
    let mut question = Question {
        id: user.id.to_string(),
        follows: vec![follows],
        button: act.button(),
        is_danger: act.is_danger(),
        back: address(person::PATH, user.id.as_str()),
        ..Question::at(act.path())
    };
    if user.id == visitor.signed_in.user().id {
        question.follows.push(words!("It is your own account."));
    }
    Ok(ask(&visit, &visitor, LIST, (sentence, &user.username), question))
}

/// Does it.
///
/// # Errors
/// As [`Visit::owner_recently`]; a form that is not ours; an id that is nobody's; the last owner; the
/// database's.
pub async fn post(
    visit: Visit,
    name: web::Path<String>,
    sent: PageForm,
) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    let act = Act::of(&visit, &name)?;
    let id = checked(&visit, &visitor, act.path(), &sent)?;
    let user = person::find(&visit, &id).await?;
    let now = visit.app.clock.now();
    let run = move |conn: &mut _| act.run(conn, &user.id, now);
    let (word, ended) = visit.write_surely::<_, Error>(run).await?;
    let page = address(person::PATH, &id);
    Ok(done(&visit, if act == Act::Remove { LIST } else { &page }, word, ended))
}
