//! Who may use one MCP server, and which of its scopes.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::confirm::{Question, ask, checked, message};
use super::done::{done, said};
use super::resource::find;
use super::resources::{PATH as LIST, called};
use super::ticks::{Tick, at_least_one, ticked, ticks};
use super::{address, query, settle};
use crate::accounts::Username;
use crate::authorization::admission;
use crate::error::Error;
use crate::oauth::{Scope, UserId};
use crate::pages::error::PageError;
use crate::pages::guard::Instead;
use crate::pages::language::Html;
use crate::pages::setup::Field;
use crate::pages::visit::{PageForm, Visit, Visitor};
use crate::pages::{ContentPolicy, Frame, render};
use crate::storage::resource_people::{self, Named};
use crate::storage::resources::Resource;
use crate::storage::{Audience, StorageError, users};
use crate::words;

/// The page.
pub(super) const PATH: &str = "/owner/resources/access";
/// Says whom it is for.
pub(super) const AUDIENCE: &str = "/owner/resources/audience";
/// Names a person.
pub(super) const PERSON: &str = "/owner/resources/person";
/// Asks, and takes a person's name off.
pub(super) const TAKE_OFF: &str = "/owner/resources/person/remove";

/// People on one page.
const PEOPLE: i64 = 100;

/// The page.
#[derive(Template)]
#[template(path = "owner/resource_access.html", config = "src/pages/askama.toml")]
pub struct Access {
    frame: Frame,
    done: Option<Html>,
    resource: Resource,
    audience_csrf: String,
    person_csrf: String,
    everybody: Vec<Tick>,
    everybody_problem: Option<String>,
    is_named: bool,
    person: Field,
    persons: Vec<Tick>,
    persons_problem: Option<String>,
    people: Vec<Named>,
    count: i64,
    more: Option<String>,
}

impl Access {
    fn called(&self) -> &str {
        called(&self.resource)
    }

    fn link_back(&self) -> String {
        address(super::resource::PATH, self.resource.id.as_str())
    }

    fn link_change(&self, named: &Named) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("id", self.resource.id.as_str()).append_pair("person", &named.username);
        format!("{PATH}?{}#person", query.finish())
    }

    fn link_take_off(&self, named: &Named) -> String {
        address(TAKE_OFF, &pair(&self.resource, &named.user_id))
    }
}

/// Who may use it.
///
/// # Errors
/// As [`Visit::owner_recently`]; an id that is nobody's; the database's.
pub async fn get(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    let resource = find(&visit, query(&visit)?.get("id").unwrap_or_default()).await?;
    let page = page(&visit, &visitor, resource).await?;
    Ok(render(StatusCode::OK, &page, ContentPolicy::Closed))
}

async fn page(visit: &Visit, visitor: &Visitor, resource: Resource) -> Result<Access, PageError> {
    let query = query(visit)?;
    let (after, person) = (query.get("after").unwrap_or_default(), query.get("person"));
    let known = visit.app.storage.read(|conn| {
        let people = resource_people::list(conn, &resource, after, PEOPLE)?;
        let person = person.map(|name| users::find_by_name(conn, name)).transpose()?.flatten();
        let named = match &person {
            Some(person) => resource_people::find(conn, &resource, &person.id)?,
            None => None,
        };
        Ok::<_, StorageError>((people, resource_people::count(conn, &resource)?, person, named))
    });
    let (people, count, person, named) = known.await.map_err(|error| visit.failed(error))?;
    let is_full = i64::try_from(people.len()) == Ok(PEOPLE);
    let more = people.last().filter(|_| is_full).map(|last| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("id", resource.id.as_str()).append_pair("after", &last.username);
        format!("{PATH}?{}", query.finish())
    });
    let (frame, id) = (visit.frame_for(visitor, LIST), resource.id.to_string());
    let offered = resource.offered(&visit.app.config.scopes);
    Ok(Access {
        done: said(&frame, &query),
        frame,
        audience_csrf: visitor.csrf(&message(AUDIENCE, &id)),
        person_csrf: visitor.csrf(&message(PERSON, &id)),
        everybody: ticks(visit, &offered, resource.scope.as_ref()),
        everybody_problem: None,
        is_named: resource.audience == Audience::Named,
        person: Field {
            value: person.map(|person| person.username).unwrap_or_default(),
            problem: None,
        },
        persons: ticks(visit, &offered, named.flatten().as_ref()),
        persons_problem: None,
        resource,
        people,
        count,
        more,
    })
}

/// Says whom it is for.
///
/// # Errors
/// As [`Visit::owner_recently`]; a form that is not ours; an id that is nobody's; the database's.
pub async fn open(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    let resource = find(&visit, &checked(&visit, &visitor, AUDIENCE, &sent)?).await?;
    let is_named = sent.text("audience") == "named";
    let offered = resource.offered(&visit.app.config.scopes);
    let Ok(scope) = ticked(&visit.app.config, &offered, &sent) else {
        let mut again = page(&visit, &visitor, resource).await?;
        (again.is_named, again.everybody) =
            (is_named, ticks(&visit, &offered, Some(&Scope::default())));
        again.everybody_problem = Some(at_least_one(&visit));
        return Ok(render(StatusCode::UNPROCESSABLE_ENTITY, &again, ContentPolicy::Closed));
    };
    let audience = if is_named { Audience::Named } else { Audience::Everybody };
    let (back, now) = (address(PATH, resource.id.as_str()), visit.app.clock.now());
    let open =
        move |conn: &mut _| admission::open_to(conn, &resource, (audience, scope.as_ref()), now);
    settle(&visit).await?;
    visit.write_surely::<_, Error>(open).await?;
    settle(&visit).await?;
    Ok(done(&visit, &back, "saved", None))
}

/// Names a person, or changes what the person may have.
///
/// # Errors
/// As [`Visit::owner_recently`]; a form that is not ours; an id that is nobody's; the database's.
pub async fn name(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    let resource = find(&visit, &checked(&visit, &visitor, PERSON, &sent)?).await?;
    let typed = sent.text("person").trim();
    let name = Username::parse(typed).ok();
    let found = visit.app.storage.read(|conn| match &name {
        Some(name) => users::find_by_name(conn, name.as_str()),
        None => Ok(None),
    });
    let user = found.await.map_err(|error| visit.failed(error))?;
    let offered = resource.offered(&visit.app.config.scopes);
    let (user, scope) = match (user, ticked(&visit.app.config, &offered, &sent)) {
        (Some(user), Ok(scope)) => (user, scope),
        (user, scope) => {
            let nobody = visit.frame().t(words!("Nobody has this user name.")).to_owned();
            let mut again = page(&visit, &visitor, resource).await?;
            let problem = user.is_none().then_some(nobody);
            again.person = Field { value: typed.to_owned(), problem };
            let wanted = scope.clone().unwrap_or_else(|()| Some(Scope::default()));
            again.persons = ticks(&visit, &offered, wanted.as_ref());
            again.persons_problem = scope.is_err().then(|| at_least_one(&visit));
            return Ok(render(StatusCode::UNPROCESSABLE_ENTITY, &again, ContentPolicy::Closed));
        }
    };
    let (back, now) = (address(PATH, resource.id.as_str()), visit.app.clock.now());
    let allow =
        move |conn: &mut _| admission::allow(conn, &resource, &user.id, scope.as_ref(), now);
    visit.write_surely::<_, Error>(allow).await?;
    Ok(done(&visit, &back, "person-added", None))
}

/// Asks whether a person's name shall be taken off.
///
/// # Errors
/// As [`Visit::owner_recently`]; ids that are nobody's; the database's.
pub async fn take_off(visit: Visit) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    let (resource, user_id) = both(&visit, query(&visit)?.get("id").unwrap_or_default()).await?;
    let found = visit.app.storage.read(|conn| users::find(conn, &user_id)).await;
    let user = found.map_err(|error| visit.failed(error))?;
    let question = Question {
        id: pair(&resource, &user_id),
        follows: vec![words!(
            "What everybody may have is left: nothing, if the MCP server is for named people. \
             Connections that have more end at once."
        )],
        button: words!("Take off the list"),
        back: address(PATH, resource.id.as_str()),
        ..Question::at(TAKE_OFF)
    };
    let name = user.map_or_else(|| user_id.to_string(), |user| user.username);
    Ok(ask(&visit, &visitor, LIST, (words!("Take {} off the list?"), &name), question))
}

/// Takes a person's name off.
///
/// # Errors
/// As [`Visit::owner_recently`]; a form that is not ours; ids that are nobody's; the database's.
pub async fn taken_off(visit: Visit, sent: PageForm) -> Result<HttpResponse, Instead> {
    let (visitor, _, _) = visit.owner_recently().await?;
    let both = both(&visit, &checked(&visit, &visitor, TAKE_OFF, &sent)?).await;
    let (resource, user_id) = both?;
    let (back, now) = (address(PATH, resource.id.as_str()), visit.app.clock.now());
    let take_off = move |conn: &mut _| admission::disallow(conn, &resource, &user_id, now);
    let ended = visit.write_surely::<_, Error>(take_off).await?;
    Ok(done(&visit, &back, "person-taken", ended))
}

/// A person at a resource, as a form says it: neither id has a space in it.
fn pair(resource: &Resource, user_id: &UserId) -> String {
    format!("{} {user_id}", resource.id)
}

async fn both(visit: &Visit, ids: &str) -> Result<(Resource, UserId), PageError> {
    let (resource, user_id) = ids.split_once(' ').unwrap_or((ids, ""));
    let nobody = || visit.not_found(words!("Nobody of this name is on the list"));
    let (resource, user_id) =
        (find(visit, resource).await?, user_id.parse().map_err(|_| nobody())?);
    let found =
        visit.app.storage.read(|conn| resource_people::find(conn, &resource, &user_id)).await;
    found.map_err(|error| visit.failed(error))?.ok_or_else(nobody)?;
    Ok((resource, user_id))
}
