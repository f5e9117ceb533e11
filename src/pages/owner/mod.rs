//! The owner's pages: everything by which the service is run, for owners only.
//!
//! What changes something is a form to a path of its own, whose proof is tied to the session, the path
//! and the thing that it is about. What ends access, hands out a secret or takes something away asks
//! first, and wants a recent sign-in.

pub mod attempts;
pub mod client;
pub mod client_act;
pub mod clients;
pub mod confirm;
pub mod connections;
mod done;
pub mod emergency;
mod happenings;
mod list;
pub mod overview;
pub mod people;
pub mod person;
pub mod person_act;
pub mod person_link;
pub mod resource;
pub mod resource_access;
pub mod resource_act;
pub mod resources;

use actix_web::{HttpResponse, web};

use super::error::PageError;
use super::visit::{Visit, see_other};
use super::{form, page};
use crate::oauth::{ClientId, Parameters};
use crate::revocation::ending;
use crate::storage::StorageError;

/// The pages, below the issuer's path.
pub fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(page(overview::PATH, overview::get))
        .configure(resource_pages)
        .configure(people_pages)
        .configure(client_pages)
        .configure(emergency_pages);
}

fn resource_pages(routes: &mut web::ServiceConfig) {
    use resource_access as access;
    use resource_act as act;
    routes
        .service(page(resources::PATH, resources::get))
        .service(form(resources::NEW, resources::new, web::post().to(resources::add)))
        .service(page(resource::PATH, resource::get))
        .service(form(resource::NAME, resource::get, web::post().to(resource::rename)))
        .service(form(act::SECRET, act::secret, web::post().to(act::rotate)))
        .service(form(act::PAUSE, act::pause, web::post().to(act::paused)))
        .service(form(act::RESUME, act::resume, web::post().to(act::resumed)))
        .service(form(act::REMOVE, act::remove, web::post().to(act::removed)))
        .service(page(access::PATH, access::get))
        .service(form(access::AUDIENCE, access::get, web::post().to(access::open)))
        .service(form(access::PERSON, access::get, web::post().to(access::name)))
        .service(form(access::TAKE_OFF, access::take_off, web::post().to(access::taken_off)));
}

fn people_pages(routes: &mut web::ServiceConfig) {
    routes
        .service(page(people::PATH, people::get))
        .service(form(person_link::NEW, person_link::new, web::post().to(person_link::invite)))
        .service(form(person_link::PATH, person_link::ask_first, web::post().to(person_link::make)))
        .service(page(person::PATH, person::get))
        .service(form("/owner/people/{act}", person_act::get, web::post().to(person_act::post)));
}

fn client_pages(routes: &mut web::ServiceConfig) {
    routes
        .service(page(clients::PATH, clients::get))
        .service(page(client::PATH, client::get))
        .service(form("/owner/clients/{act}", client_act::get, web::post().to(client_act::post)))
        .service(page(attempts::PATH, attempts::get))
        .service(page(attempts::ONE, attempts::one))
        .service(page(connections::PATH, connections::get))
        .service(form(connections::END, connections::ask_first, web::post().to(connections::end)));
}

fn emergency_pages(routes: &mut web::ServiceConfig) {
    use emergency::{END, PAUSE, RESUME};
    routes
        .service(page(emergency::PATH, emergency::get))
        .service(form(PAUSE, emergency::ask_pause, web::post().to(emergency::pause)))
        .service(form(RESUME, emergency::ask_resume, web::post().to(emergency::resume)))
        .service(form(END, emergency::ask_end, web::post().to(emergency::end)));
}

/// At a listener that has no other pages, the bare address leads to these.
pub async fn enter(visit: Visit) -> HttpResponse {
    see_other(&visit.here("/owner"))
}

/// What the address asks for.
fn query(visit: &Visit) -> Result<Parameters, PageError> {
    Parameters::parse(visit.http.query_string()).map_err(|error| visit.failed(error))
}

/// Waits until what was ended all at once has ended in each row too, which goes on even if the person
/// has gone meanwhile; how many connections that were.
async fn settle(visit: &Visit) -> Result<usize, PageError> {
    let (storage, now) = (visit.app.storage.clone(), visit.app.clock.now());
    let settled = tokio::spawn(async move { ending::settle(&storage, now).await }).await;
    let interrupted = |_| StorageError::Query("a write was interrupted".to_owned());
    settled.map_err(|error| visit.failed(interrupted(error)))?.map_err(|error| visit.failed(error))
}

/// The page of one app, below the issuer's path.
pub(super) fn client_page(id: &ClientId) -> String {
    address(client::PATH, id.as_str())
}

/// A page of one thing, by its id, which may have any character.
fn address(path: &str, id: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!("{path}?{}", query.append_pair("id", id).finish())
}
