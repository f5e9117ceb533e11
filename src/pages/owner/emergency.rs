//! For the moment when something is wrong: one button each, and what it did.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::confirm::{Question, ask, checked};
use super::done::{done, said};
use super::{address, client_act, clients, person_act, query, settle};
use crate::authorization::pause;
use crate::pages::guard::Instead;
use crate::pages::language::Html;
use crate::pages::visit::{PageForm, Visit};
use crate::pages::{ContentPolicy, Frame, render};
use crate::revocation::ending;
use crate::storage::clients::Client;
use crate::storage::lists::{At, clients as list_of_clients, grants, people as list_of_people};
use crate::storage::users::User;
use crate::storage::{StorageError, resources};
use crate::words;

/// The page.
pub(super) const PATH: &str = "/owner/emergency";
/// Asks, and closes every MCP server.
pub(super) const PAUSE: &str = "/owner/emergency/pause";
/// Asks, and opens them again.
pub(super) const RESUME: &str = "/owner/emergency/resume";
/// Asks, and ends every grant.
pub(super) const END: &str = "/owner/emergency/end";

/// The most people, and apps, that a search finds.
const MOST_FOUND: i64 = 10;

/// The page.
#[derive(Template)]
#[template(path = "owner/emergency.html", config = "src/pages/askama.toml")]
pub struct Emergency {
    frame: Frame,
    done: Option<Html>,
    paused: usize,
    resources: usize,
    live: i64,
    search: String,
    people: Vec<User>,
    clients: Vec<Client>,
}

impl Emergency {
    fn is_paused(&self) -> bool {
        self.paused > 0 && self.paused == self.resources
    }

    fn is_any_paused(&self) -> bool {
        self.paused > 0
    }

    fn called(&self, client: &Client) -> String {
        clients::called(&self.frame, client)
    }

    fn link_person(user: &User) -> String {
        address(person_act::Act::EndEverything.path(), user.id.as_str())
    }

    fn link_client(client: &Client) -> String {
        address(client_act::Act::EndEverything.path(), client.client_id.as_str())
    }

    fn has_found_nothing(&self) -> bool {
        !self.search.is_empty() && self.people.is_empty() && self.clients.is_empty()
    }
}

/// The page.
///
/// # Errors
/// As [`Visit::owner`]; the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _) = visit.owner().await?;
    let (frame, query) = (visit.frame_for(&visitor, PATH), query(&visit)?);
    let search = query.get("q").unwrap_or_default().trim();
    let known = visit.app.storage.read(|conn| {
        let at = At::start(if search.is_empty() { 1 } else { MOST_FOUND });
        let search = search.to_owned();
        let people = list_of_people::Narrowing { search: search.clone(), ..Default::default() };
        let people = list_of_people::page(conn, &people, list_of_people::Order::Name, &at)?.rows;
        let clients = list_of_clients::Narrowing { search, ..Default::default() };
        let by_name = list_of_clients::Order::Name;
        let clients = list_of_clients::page(conn, &clients, by_name, &at)?.rows;
        let resources = resources::list(conn)?;
        Ok::<_, StorageError>((people, clients, resources, grants::count_live(conn)?))
    });
    let (people, clients, resources, live) = known.await.map_err(|error| visit.failed(error))?;
    let is_wanted = !search.is_empty();
    let page = Emergency {
        done: said(&frame, &query),
        frame,
        paused: resources.iter().filter(|resource| resource.paused_at.is_some()).count(),
        resources: resources.len(),
        live,
        search: search.to_owned(),
        people: if is_wanted { people } else { vec![] },
        clients: if is_wanted { clients } else { vec![] },
    };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}

/// Asks whether every MCP server shall be closed.
///
/// # Errors
/// As [`Visit::owner_recently`].
pub async fn ask_pause(visit: Visit) -> Result<HttpResponse, Instead> {
    let question = Question {
        follows: vec![
            words!(
                "From the next request on every MCP server is told no, whoever asks, and nobody \
                 can connect an app."
            ),
            words!("No connection ends: after you resume, everything works as before."),
        ],
        button: words!("Pause all access"),
        ..Question::at(PAUSE)
    };
    about_everything(&visit, words!("Pause all access?"), question).await
}

/// Closes every MCP server.
///
/// # Errors
/// As [`Visit::owner_recently`]; a form that is not ours; the database's.
pub async fn pause(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    checked(&visit, &visitor, PAUSE, &sent)?;
    let now = visit.app.clock.now();
    let pause = move |conn: &mut _| pause::pause(conn, None, now);
    let closed = visit.write_surely::<_, StorageError>(pause).await?;
    let word = if closed > 0 { "all-paused" } else { "all-paused-before" };
    Ok(done(&visit, PATH, word, Some(closed)))
}

/// Asks whether they shall be open again.
///
/// # Errors
/// As [`Visit::owner_recently`].
pub async fn ask_resume(visit: Visit) -> Result<HttpResponse, Instead> {
    let question = Question {
        follows: vec![words!(
            "Every MCP server is open again, also one that was paused by itself. Whoever was \
             connected is again, without signing in."
        )],
        button: words!("Resume all access"),
        is_danger: false,
        ..Question::at(RESUME)
    };
    about_everything(&visit, words!("Resume all access?"), question).await
}

/// Opens them again.
///
/// # Errors
/// As [`Visit::owner_recently`]; a form that is not ours; the database's.
pub async fn resume(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    checked(&visit, &visitor, RESUME, &sent)?;
    let now = visit.app.clock.now();
    let resume = move |conn: &mut _| pause::resume(conn, None, now);
    let opened = visit.write_surely::<_, StorageError>(resume).await?;
    let word = if opened > 0 { "all-resumed" } else { "all-resumed-before" };
    Ok(done(&visit, PATH, word, Some(opened)))
}

/// Asks whether every grant shall end.
///
/// # Errors
/// As [`Visit::owner_recently`].
pub async fn ask_end(visit: Visit) -> Result<HttpResponse, Instead> {
    let question = Question {
        follows: vec![
            words!(
                "Every app of everybody is told no at its next request. Everybody has to connect \
                 each app again."
            ),
            words!("There is no way back. If you are not sure, pause all access first."),
        ],
        button: words!("End every connection"),
        ..Question::at(END)
    };
    about_everything(&visit, words!("End every connection of everybody?"), question).await
}

/// Ends every grant. It is over with the first, short transaction; that the rows say so too is
/// waited for, to tell how many they were.
///
/// # Errors
/// As [`Visit::owner_recently`]; a form that is not ours; the database's.
pub async fn end(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    checked(&visit, &visitor, END, &sent)?;
    let now = visit.app.clock.now();
    let end = move |conn: &mut _| ending::of_resource(conn, None, now);
    visit.write_surely::<_, StorageError>(end).await?;
    let ended = settle(&visit).await?;
    Ok(done(&visit, PATH, "all-ended", Some(ended)))
}

async fn about_everything(
    visit: &Visit,
    sentence: &str,
    question: Question,
) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    let question = Question { back: PATH.to_owned(), ..question };
    Ok(ask(visit, &visitor, PATH, (sentence, ""), question))
}
