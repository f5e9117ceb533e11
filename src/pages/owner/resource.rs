//! One MCP server: what it is, its name, its secret, its pause, and its end.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::connections::narrowed;
use super::confirm::{Question, ask, checked, message};
use super::done::{done, said};
use super::resources::{self as list, NewSecret, called};
use super::{address, missing, query, resource_access as access};
use crate::accounts::setup::{rename_resource, rotate_secret};
use crate::authorization::pause;
use crate::config::DeclaredResource;
use crate::oauth::MachineSecret;
use crate::pages::error::PageError;
use crate::pages::guard::Instead;
use crate::pages::instructions::ShownRecipe;
use crate::pages::language::Html;
use crate::pages::recipes::RecipeError;
use crate::pages::snippets::Snippets;
use crate::pages::visit::{PageForm, Visit, Visitor};
use crate::pages::{ContentPolicy, Frame, render};
use crate::revocation;
use crate::storage::resources::{self, Resource};
use crate::storage::{Audience, StorageError};
use crate::words;

/// The page.
pub(super) const PATH: &str = "/owner/resources/one";
/// Changes the name.
pub(super) const NAME: &str = "/owner/resources/name";
/// Asks, and changes the secret.
pub(super) const SECRET: &str = "/owner/resources/secret";
/// Asks, and closes it.
pub(super) const PAUSE: &str = "/owner/resources/pause";
/// Asks, and opens it again.
pub(super) const RESUME: &str = "/owner/resources/resume";
/// Asks, and removes it.
pub(super) const REMOVE: &str = "/owner/resources/remove";

/// The longest name, in characters.
const LONGEST_NAME: usize = 80;

/// The page.
#[derive(Template)]
#[template(path = "owner/resource.html", config = "src/pages/askama.toml")]
pub struct ResourcePage {
    frame: Frame,
    done: Option<Html>,
    resource: Resource,
    /// What the settings say about it, which the next start says again.
    declared: Option<DeclaredResource>,
    rename_csrf: String,
    snippets: Snippets,
    recipes: Result<Vec<ShownRecipe>, RecipeError>,
}

impl ResourcePage {
    fn called(&self) -> &str {
        called(&self.resource)
    }

    fn link(&self, path: &str) -> String {
        address(path, self.resource.id.as_str())
    }

    fn connections(&self) -> String {
        narrowed("resource", self.resource.uri.as_str())
    }

    fn is_named(&self) -> bool {
        self.resource.audience == Audience::Named
    }

    fn declared_name(&self) -> Option<&str> {
        self.declared.as_ref().and_then(|declared| declared.name.as_deref())
    }

    /// Until when the secret before this one works.
    fn overlap(&self) -> Option<crate::clock::UnixTime> {
        self.resource.previous_secret_until.filter(|until| self.frame.now < *until)
    }
}

/// The name that was typed, if it is one.
pub(super) fn name_of(typed: &str) -> Option<String> {
    crate::oauth::display_name(typed).map(|name| name.chars().take(LONGEST_NAME).collect())
}

/// The one of this id.
pub(super) async fn find(visit: &Visit, id: &str) -> Result<Resource, PageError> {
    let gone = || missing(visit, "There is no such MCP server");
    let id = id.parse().map_err(|_| gone())?;
    let found = visit.app.storage.read(|conn| resources::find(conn, &id)).await;
    found.map_err(|error| visit.failed(error))?.ok_or_else(gone)
}

/// What it is.
///
/// # Errors
/// As [`Visit::owner`]; an id that is nobody's; the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _) = visit.owner().await?;
    let query = query(&visit)?;
    let resource = find(&visit, query.get("id").unwrap_or_default()).await?;
    let config = &visit.app.config;
    let of_it = |declared: &&DeclaredResource| declared.uri.canonical() == resource.canonical;
    let (uri, id) = (resource.uri.clone(), resource.id.clone());
    let frame = visit.frame_for(&visitor, list::PATH);
    let page = ResourcePage {
        done: said(&frame, &query),
        frame,
        declared: config.resources.iter().find(of_it).cloned(),
        rename_csrf: visitor.csrf(&message(NAME, resource.id.as_str())),
        recipes: ShownRecipe::all(config, &uri, &id),
        snippets: Snippets::new(config, uri, id, None),
        resource,
    };
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}

/// Changes what people call it.
///
/// # Errors
/// As [`Visit::owner`]; a form that is not ours; an id that is nobody's; the database's.
pub async fn rename(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (visitor, _) = visit.owner().await?;
    let resource = find(&visit, &checked(&visit, &visitor, NAME, &sent)?).await?;
    let back = address(PATH, resource.id.as_str());
    let (name, now) = (name_of(sent.text("name")), visit.app.clock.now());
    let rename = move |conn: &mut _| rename_resource(conn, &resource, name.as_deref(), now);
    visit.write_surely::<_, StorageError>(rename).await?;
    Ok(done(&visit, &back, "saved", None))
}

/// Asks whether it shall have a new secret.
///
/// # Errors
/// As [`Visit::owner_recently`]; an id that is nobody's; the database's.
pub async fn secret(visit: Visit) -> Result<HttpResponse, Instead> {
    let question = Question {
        follows: vec![
            words!("The new secret is shown once, on the next page."),
            words!("The one before works on for a while, so that you can change it without a gap."),
        ],
        button: words!("Make a new secret"),
        is_danger: false,
        ..Question::at(SECRET)
    };
    let again = words!("The settings have a secret for it. The next start puts that back in force, \
                        unless you change it there too.");
    let own = |declared: &DeclaredResource| declared.introspection_secret.is_some();
    about(visit, words!("A new secret for {}?"), question, (again, own)).await
}

/// Makes a new secret, and shows it.
///
/// # Errors
/// As [`Visit::owner_recently`]; a form that is not ours; an id that is nobody's; the database's.
pub async fn rotate(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (visitor, resource) = sent_about(&visit, SECRET, &sent).await?;
    let secret = MachineSecret::for_resource();
    let (hash, now) = (secret.hash(), visit.app.clock.now());
    let overlap = visit.app.config.lifetimes.secret_overlap;
    let before = resource.clone();
    let rotate = move |conn: &mut _| rotate_secret(conn, &before, &hash, overlap, now);
    if !visit.write_surely::<_, StorageError>(rotate).await? {
        return Err(missing(&visit, "There is no such MCP server").into());
    }
    let frame = visit.frame();
    let overlap = resource.secret_hash.is_some().then(|| {
        let sentence = words!("The secret before this one stops working {}.");
        Html::around(frame.t(sentence), &frame.when(&(now + overlap)))
    });
    Ok(NewSecret::show(&visit, &visitor, &resource, secret, overlap))
}

/// Asks whether it shall be closed to everybody.
///
/// # Errors
/// As [`Visit::owner_recently`]; an id that is nobody's; the database's.
pub async fn pause(visit: Visit) -> Result<HttpResponse, Instead> {
    let question = Question {
        follows: vec![
            words!("From the next request on it is told no, whoever asks."),
            words!("No connection ends: after you resume it, everything works as before."),
        ],
        button: words!("Pause"),
        ..Question::at(PAUSE)
    };
    about(visit, words!("Pause {}?"), question, NOTHING).await
}

/// Closes it to everybody.
///
/// # Errors
/// As [`Visit::owner_recently`]; a form that is not ours; an id that is nobody's; the database's.
pub async fn paused(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (_, resource) = sent_about(&visit, PAUSE, &sent).await?;
    let (back, now) = (address(PATH, resource.id.as_str()), visit.app.clock.now());
    let pause = move |conn: &mut _| pause::pause(conn, Some(&resource), now);
    visit.write_surely::<_, StorageError>(pause).await?;
    Ok(done(&visit, &back, "resource-paused", None))
}

/// Asks whether it shall be open again.
///
/// # Errors
/// As [`Visit::owner_recently`]; an id that is nobody's; the database's.
pub async fn resume(visit: Visit) -> Result<HttpResponse, Instead> {
    let question = Question {
        follows: vec![words!("Whoever was connected to it is again, without signing in.")],
        button: words!("Resume"),
        is_danger: false,
        ..Question::at(RESUME)
    };
    about(visit, words!("Resume {}?"), question, NOTHING).await
}

/// Opens it again.
///
/// # Errors
/// As [`Visit::owner_recently`]; a form that is not ours; an id that is nobody's; the database's.
pub async fn resumed(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (_, resource) = sent_about(&visit, RESUME, &sent).await?;
    let (back, now) = (address(PATH, resource.id.as_str()), visit.app.clock.now());
    let resume = move |conn: &mut _| pause::resume(conn, Some(&resource), now);
    visit.write_surely::<_, StorageError>(resume).await?;
    Ok(done(&visit, &back, "resource-resumed", None))
}

/// Asks whether it shall be removed.
///
/// # Errors
/// As [`Visit::owner_recently`]; an id that is nobody's; the database's.
pub async fn remove(visit: Visit) -> Result<HttpResponse, Instead> {
    let question = Question {
        follows: vec![
            words!("Every connection to it ends, and its secret stops working. There is no way back."),
        ],
        button: words!("Remove"),
        ..Question::at(REMOVE)
    };
    let again = words!("The settings declare it: the next start adds it again, unless you take it \
                        out of them too.");
    about(visit, words!("Remove {}?"), question, (again, |_| true)).await
}

/// Removes it.
///
/// # Errors
/// As [`Visit::owner_recently`]; a form that is not ours; an id that is nobody's; the database's.
pub async fn removed(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (_, resource) = sent_about(&visit, REMOVE, &sent).await?;
    let now = visit.app.clock.now();
    let remove = move |conn: &mut _| revocation::remove_resource(conn, &resource, now);
    let ended = visit.write_surely::<_, StorageError>(remove).await?;
    Ok(done(&visit, list::PATH, "resource-removed", ended))
}

/// A sentence that is added when the settings say something.
type Warning = (&'static str, fn(&DeclaredResource) -> bool);
const NOTHING: Warning = ("", |_| false);

/// Asks about the one that the address names.
async fn about(
    visit: Visit,
    sentence: &str,
    mut question: Question,
    (warning, applies): Warning,
) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    let resource = find(&visit, query(&visit)?.get("id").unwrap_or_default()).await?;
    let mut declared = visit.app.config.resources.iter();
    if declared.any(|one| one.uri.canonical() == resource.canonical && applies(one)) {
        question.follows.push(warning);
    }
    question.id = resource.id.to_string();
    question.back = address(PATH, resource.id.as_str());
    Ok(ask(&visit, &visitor, list::PATH, (sentence, called(&resource)), question))
}

/// Who has answered, and about which one.
async fn sent_about(
    visit: &Visit,
    path: &str,
    sent: &PageForm,
) -> Result<(Visitor, Resource), Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    let id = checked(visit, &visitor, path, sent)?;
    let resource = find(visit, &id).await?;
    Ok((visitor, resource))
}
