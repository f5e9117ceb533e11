//! The owner's pages: everything by which the service is run, for owners only.
//!
//! What changes something is a form to a path of its own, whose proof is tied to the session, the path
//! and the thing that it is about. What ends access, hands out a secret or takes something away asks
//! first, and wants a recent sign-in.

pub mod confirm;
mod done;
mod happenings;
mod list;
pub mod overview;
pub mod resource;
pub mod resource_access;
pub mod resources;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::error::PageError;
use super::visit::{Visit, see_other};
use super::{form, page};
use crate::oauth::{ErrorCode, Parameters};

/// The pages, below the issuer's path.
pub fn configure(routes: &mut web::ServiceConfig) {
    routes.service(page("/owner", overview::get)).configure(resource_pages);
}

fn resource_pages(routes: &mut web::ServiceConfig) {
    use resource_access as access;
    routes
        .service(page(resources::PATH, resources::get))
        .service(form(resources::NEW, resources::new, web::post().to(resources::add)))
        .service(page(resource::PATH, resource::get))
        .service(form(resource::NAME, resource::get, web::post().to(resource::rename)))
        .service(form(resource::SECRET, resource::secret, web::post().to(resource::rotate)))
        .service(form(resource::PAUSE, resource::pause, web::post().to(resource::paused)))
        .service(form(resource::RESUME, resource::resume, web::post().to(resource::resumed)))
        .service(form(resource::REMOVE, resource::remove, web::post().to(resource::removed)))
        .service(page(access::PATH, access::get))
        .service(form(access::AUDIENCE, access::get, web::post().to(access::open)))
        .service(form(access::PERSON, access::get, web::post().to(access::name)))
        .service(form(access::TAKE_OFF, access::take_off, web::post().to(access::taken_off)));
}

/// At a listener that has no other pages, the bare address leads to these.
pub async fn enter(visit: Visit) -> HttpResponse {
    see_other(&visit.here("/owner"))
}

/// What the address asks for.
fn query(visit: &Visit) -> Result<Parameters, PageError> {
    Parameters::parse(visit.http.query_string()).map_err(|error| visit.failed(error))
}

/// The page for an id that is nobody's.
fn missing(visit: &Visit, why: &'static str) -> PageError {
    visit.failed(ErrorCode::InvalidRequest.because(why)).with_status(StatusCode::NOT_FOUND)
}

/// A page of one thing, by its id, which may have any character.
fn address(path: &str, id: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!("{path}?{}", query.append_pair("id", id).finish())
}
