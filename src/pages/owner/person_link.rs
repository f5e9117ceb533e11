//! A link that lets one person in: an invitation to a new account, or a new start for one that there
//! is. It is shown once, for the owner to hand over, and is written nowhere else.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::confirm::{Question, ask, checked, message};
use super::people::PATH as LIST;
use super::{address, person, query};
use crate::accounts::Username;
use crate::accounts::invitation::{self, INVITATION, RESET};
use crate::error::Error;
use crate::oauth::TokenSecret;
use crate::pages::guard::Instead;
use crate::pages::language::Html;
use crate::pages::setup::Field;
use crate::pages::visit::{PageForm, Visit, Visitor};
use crate::pages::{ContentPolicy, Frame, render};
use crate::storage::users::User;
use crate::storage::{Purpose, Role, StorageError};
use crate::words;

/// The form for an invitation.
pub(super) const NEW: &str = "/owner/people/new";
/// Asks, and makes another link for somebody.
pub(super) const PATH: &str = "/owner/people/link";

/// The form for an invitation.
#[derive(Template)]
#[template(path = "owner/person_new.html", config = "src/pages/askama.toml")]
pub struct NewPerson {
    frame: Frame,
    csrf: String,
    username: Field,
    is_owner: bool,
}

/// Shows the link, once.
#[derive(Template)]
#[template(path = "owner/person_link.html", config = "src/pages/askama.toml")]
pub struct NewLink {
    frame: Frame,
    title: Html,
    until: Html,
    link: String,
    person: String,
}

/// The form.
///
/// # Errors
/// As [`Visit::owner_recently`].
pub async fn new(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    Ok(form(&visit, &visitor, StatusCode::OK, (Field::default(), false)))
}

/// Makes the account and the link.
///
/// # Errors
/// As [`Visit::owner_recently`]; a form that is not ours; the database's.
pub async fn invite(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    checked(&visit, &visitor, NEW, &sent)?;
    let (typed, is_owner) = (sent.text("username").trim(), sent.text("role") == "owner");
    let again = |problem: &str| {
        let problem = Some(format!("{}.", visit.frame().t(problem)));
        let username = Field { value: typed.to_owned(), problem };
        Ok(form(&visit, &visitor, StatusCode::UNPROCESSABLE_ENTITY, (username, is_owner)))
    };
    let username = match Username::parse(typed) {
        Ok(username) => username,
        Err(error) => return again(&error.description),
    };
    let role = Some(if is_owner { Role::Owner } else { Role::Member });
    let now = visit.app.clock.now();
    let invite = move |conn: &mut _| match invitation::invite(conn, &username, role, now) {
        Err(StorageError::AlreadyExists) => Ok(None),
        invited => invited.map(Some),
    };
    match visit.write_surely::<_, StorageError>(invite).await? {
        Some((user, link)) => Ok(show(&visit, &visitor, &user, (Purpose::Invite, link))),
        None => again(words!("This name is taken")),
    }
}

/// Asks whether somebody shall have a link.
///
/// # Errors
/// As [`Visit::owner_recently`]; an id that is nobody's; the database's.
pub async fn ask_first(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    let user = person::find(&visit, query(&visit)?.get("id").unwrap_or_default()).await?;
    let (sentence, follows) = match purpose(&user) {
        Purpose::Invite => (
            words!("A new invitation for {}?"),
            words!(
                "Whoever has the link gets into the account and chooses a password. The link \
                 before it stops working."
            ),
        ),
        _ => (
            words!("A link for a new start of {}?"),
            words!(
                "Whoever has the link gets into the account and chooses a new password. Be sure \
                 that it is this person who has asked you. A second factor is still asked for."
            ),
        ),
    };
    let question = Question {
        id: user.id.to_string(),
        follows: vec![follows],
        button: words!("Make the link"),
        back: address(person::PATH, user.id.as_str()),
        ..Question::at(PATH)
    };
    Ok(ask(&visit, &visitor, LIST, (sentence, &user.username), question))
}

/// Makes the link.
///
/// # Errors
/// As [`Visit::owner_recently`]; a form that is not ours; an id that is nobody's; an account that is
/// disabled; the database's.
pub async fn make(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    let user = person::find(&visit, &checked(&visit, &visitor, PATH, &sent)?).await?;
    let (id, purpose, now) = (user.id.clone(), purpose(&user), visit.app.clock.now());
    let make = move |conn: &mut _| invitation::link(conn, &id, purpose, now);
    let link = visit.write_surely::<_, Error>(make).await?;
    Ok(show(&visit, &visitor, &user, (purpose, link)))
}

/// Who has never come in is invited again.
fn purpose(user: &User) -> Purpose {
    let is_new = user.last_signed_in_at.is_none() && user.password_hash.is_none();
    if is_new { Purpose::Invite } else { Purpose::Reset }
}

fn show(
    visit: &Visit,
    visitor: &Visitor,
    user: &User,
    (purpose, link): (Purpose, TokenSecret),
) -> HttpResponse {
    let frame = visit.frame_for(visitor, LIST);
    let lifetime = if purpose == Purpose::Invite { INVITATION } else { RESET };
    let page = NewLink {
        title: frame.say("A link for {}", &[&user.username]),
        until: frame.when(&(frame.now + lifetime)),
        // On the public side, wherever the owner is.
        link: visit.app.config.issuer.url(&format!("/welcome?token={}", link.reveal())),
        person: address(person::PATH, user.id.as_str()),
        frame,
    };
    render(StatusCode::OK, &page, ContentPolicy::Closed)
}

fn form(
    visit: &Visit,
    visitor: &Visitor,
    status: StatusCode,
    (username, is_owner): (Field, bool),
) -> HttpResponse {
    let csrf = visitor.csrf(&message(NEW, ""));
    let page = NewPerson { frame: visit.frame_for(visitor, LIST), csrf, username, is_owner };
    render(status, &page, ContentPolicy::Closed)
}
