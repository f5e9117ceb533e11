//! Attempts to connect: how each went, and why it did not succeed.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use tracing::debug;

use super::{address, client, query};
use crate::attempts::diagnosis::Value;
use crate::attempts::mends::code_and_description;
use crate::attempts::{Diagnosis, State, Step, Told};
use crate::clock::UnixTime;
use crate::oauth::ClientId;
use crate::pages::error::described;
use crate::pages::guard::Instead;
use crate::pages::language::Html;
use crate::pages::visit::Visit;
use crate::pages::{ContentPolicy, Frame, render};
use crate::storage::attempts;
use crate::storage::{DbConnection, StorageError};
use crate::words;

/// The list.
pub(super) const PATH: &str = "/owner/attempts";
/// One.
pub(super) const ONE: &str = "/owner/attempts/one";
/// Rows of a page.
const ROWS: i64 = 100;

/// The list.
#[derive(Template)]
#[template(path = "owner/attempts.html", config = "src/pages/askama.toml")]
pub struct Attempts {
    frame: Frame,
    rows: Vec<Told>,
    of_client: Option<ClientId>,
    is_first: bool,
    next: Option<i64>,
}

/// One of them, step by step.
#[derive(Template)]
#[template(path = "owner/attempt.html", config = "src/pages/askama.toml")]
pub struct AttemptPage {
    frame: Frame,
    told: Told,
}

impl Attempts {
    fn link(told: &Told) -> String {
        address(ONE, &told.attempt.id.to_string())
    }

    /// The list from its beginning, or from there.
    fn page(&self, before: Option<&i64>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(id) = &self.of_client {
            query.append_pair("client", id.as_str());
        }
        if let Some(before) = before {
            query.append_pair("before", &before.to_string());
        }
        format!("{PATH}?{}", query.finish())
    }

    fn called(&self, told: &Told) -> String {
        called(&self.frame, told)
    }

    fn cause(&self, told: &Told) -> Html {
        cause(&self.frame, &told.diagnosis)
    }

    fn state(told: &Told) -> (&'static str, &'static str) {
        state(told.diagnosis.state)
    }
}

impl AttemptPage {
    fn called(&self) -> String {
        called(&self.frame, &self.told)
    }

    fn cause(&self) -> Html {
        cause(&self.frame, &self.told.diagnosis)
    }

    fn state(&self) -> (&'static str, &'static str) {
        state(self.told.diagnosis.state)
    }

    fn why(&self, step: &Step<'_>) -> Option<String> {
        step.why.map(|text| why(&self.frame, text))
    }

    /// None for an app that is not kept here.
    fn link_client(&self) -> Option<String> {
        let id = self.told.attempt.client_id.as_ref().filter(|_| self.told.has_client());
        id.map(|id| address(client::PATH, id.as_str()))
    }
}

/// The list, narrowed to one app.
pub(super) fn of_client(id: &ClientId) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!("{PATH}?{}", query.append_pair("client", id.as_str()).finish())
}

/// A page of them, the newest first.
///
/// # Errors
/// As [`Visit::owner`]; the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _) = visit.owner().await?;
    let (frame, query) = (visit.frame_for(&visitor, PATH), query(&visit)?);
    let before = query.get("before").and_then(|id| id.parse::<i64>().ok());
    let of_client: Option<ClientId> = query.get("client").and_then(|id| id.parse().ok());
    catch_up(&visit).await;
    let now = frame.now;
    let found = visit
        .app
        .storage
        .read(|conn| page(conn, of_client.as_ref(), before.unwrap_or(i64::MAX), now));
    let (rows, next) = found.await.map_err(|error| visit.failed(error))?;
    let page = Attempts { frame, rows, of_client, is_first: before.is_none(), next };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}

/// One, step by step.
///
/// # Errors
/// As [`Visit::owner`]; an id that is nobody's; the database's.
pub async fn one(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _) = visit.owner().await?;
    let (frame, query) = (visit.frame_for(&visitor, PATH), query(&visit)?);
    let gone = || visit.not_found(words!("There is no such attempt, or it is not kept any more"));
    let id = query.get("id").and_then(|id| id.parse::<i64>().ok()).ok_or_else(gone)?;
    catch_up(&visit).await;
    let now = frame.now;
    let found = visit.app.storage.read(|conn| {
        let attempt = attempts::find(conn, id)?;
        attempt.map(|attempt| Told::of(conn, attempt, now)).transpose()
    });
    let found = found.await.map_err(|error: StorageError| visit.failed(error))?;
    let page = AttemptPage { frame, told: found.ok_or_else(gone)? };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}

/// What was seen in this second is shown too. If it cannot be written, the rest is shown.
async fn catch_up(visit: &Visit) {
    let app = &visit.app;
    if let Err(error) = app.attempts.flush(&app.storage, app.config.limits.attempts).await {
        debug!(%error, "what was seen of attempts to connect is lost");
    }
}

fn page(
    conn: &mut DbConnection,
    client: Option<&ClientId>,
    before: i64,
    now: UnixTime,
) -> Result<(Vec<Told>, Option<i64>), StorageError> {
    let mut found = attempts::list(conn, client, before, ROWS + 1)?;
    let rows = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let more = found.len() > rows;
    found.truncate(rows);
    let next = found.last().filter(|_| more).map(|last| last.id);
    let told = found.into_iter().map(|one| Told::of(conn, one, now));
    Ok((told.collect::<Result<Vec<_>, _>>()?, next))
}

fn called(frame: &Frame, told: &Told) -> String {
    told.called().unwrap_or_else(|| frame.t(words!("an app without a name")).to_owned())
}

fn cause(frame: &Frame, diagnosis: &Diagnosis) -> Html {
    let in_words = |value: &Value| match value {
        Value::Why(text) => why(frame, text),
        Value::About(text) => text.clone(),
    };
    let values: Vec<_> = diagnosis.cause.values.iter().map(in_words).collect();
    frame.say(diagnosis.cause.words, &values)
}

/// The cause of a refusal in the page's language; its code is the same in all.
fn why(frame: &Frame, text: &str) -> String {
    let (code, description) = code_and_description(text);
    let description = described(frame, description);
    if code.is_empty() { description } else { format!("{code}: {description}") }
}

/// In words, and how it is shown.
fn state(state: State) -> (&'static str, &'static str) {
    match state {
        State::Connected => (words!("Connected"), "good"),
        State::Failed => (words!("Failed"), "bad"),
        State::Unfinished => (words!("Unfinished"), "warn"),
        State::Ended => (words!("Ended"), ""),
    }
}
