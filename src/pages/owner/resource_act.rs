//! The secret of one MCP server, its pause, and its end: each asked about first.

use actix_web::HttpResponse;

use super::confirm::{Question, ask, checked};
use super::done::done;
use super::resource::{PATH, find};
use super::resources::{self as list, NewSecret, called};
use super::{address, query};
use crate::accounts::setup::rotate_secret;
use crate::authorization::pause;
use crate::config::DeclaredResource;
use crate::oauth::MachineSecret;
use crate::pages::guard::Instead;
use crate::pages::language::Html;
use crate::pages::visit::{PageForm, Visit, Visitor};
use crate::revocation;
use crate::storage::StorageError;
use crate::storage::resources::Resource;
use crate::words;

/// Asks, and changes the secret.
pub(super) const SECRET: &str = "/owner/resources/secret";
/// Asks, and closes it.
pub(super) const PAUSE: &str = "/owner/resources/pause";
/// Asks, and opens it again.
pub(super) const RESUME: &str = "/owner/resources/resume";
/// Asks, and removes it.
pub(super) const REMOVE: &str = "/owner/resources/remove";

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
    let again = words!(
        "The settings have a secret for it. The next start puts that back in force, \
                        unless you change it there too."
    );
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
        return Err(visit.not_found(words!("There is no such MCP server")).into());
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
        follows: vec![words!(
            "Every connection to it ends, and its secret stops working. There is no way back."
        )],
        button: words!("Remove"),
        ..Question::at(REMOVE)
    };
    let again = words!(
        "The settings declare it: the next start adds it again, unless you take it \
                        out of them too."
    );
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
