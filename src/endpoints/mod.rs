//! HTTP for machines: one file for each `*_endpoint` of the metadata.

pub mod authorization;
pub mod authorization_server_metadata;
pub mod body;
pub mod client_configuration;
pub mod error;
pub mod form;
pub mod gate;
pub mod health;
pub mod introspection;
pub mod protected_resource_metadata;
pub mod registration;
pub mod revocation;
pub mod token;

use std::future::{Ready, ready};

use actix_cors::Cors;
use actix_web::http::header::{ALLOW, CACHE_CONTROL};
use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, HttpResponseBuilder, Resource, web};
use serde::Serialize;
use serde_json::json;

use crate::middleware::rate_limit;
use crate::middleware::security_headers::for_machines;
use crate::oauth::Issuer;
use crate::pages;

/// The endpoints to which clients come with tokens. Before all that has a pattern, which is tried in turn, and
/// whose match costs as much as reading the request.
pub fn tokens(routes: &mut web::ServiceConfig, issuer: &Issuer) {
    let at = |path| format!("{}{path}", issuer.path());
    routes
        .service(
            post_only(&at("/token"), web::post().to(token::post))
                .wrap(from_fn(rate_limit::token_failures))
                .wrap(cors()),
        )
        .service(post_only(&at("/revoke"), web::post().to(revocation::post)).wrap(cors()));
}

/// Where browsers are sent by clients, below the issuer's path.
pub fn authorization(routes: &mut web::ServiceConfig) {
    routes.service(pages::page("/authorize", authorization::get));
}

/// Where clients register, and what they may do with their registrations, below the issuer's path.
pub fn registration(routes: &mut web::ServiceConfig) {
    const METHODS: &str = "GET, PUT, DELETE, OPTIONS";
    routes
        .service(
            post_only("/register", web::post().to(registration::post))
                .wrap(from_fn(rate_limit::registrations))
                .wrap(cors()),
        )
        .service(
            web::resource("/register/{client_id}")
                .route(web::get().to(client_configuration::get))
                .route(web::put().to(client_configuration::put))
                .route(web::delete().to(client_configuration::delete))
                .route(
                    web::method(actix_web::http::Method::OPTIONS)
                        .to(|| allow(HttpResponse::NoContent(), METHODS)),
                )
                .default_service(web::to(|| allow(HttpResponse::MethodNotAllowed(), METHODS)))
                .wrap(from_fn(rate_limit::registration_changes))
                .wrap(cors().allowed_methods(["PUT", "DELETE"])),
        );
}

/// Introspection, which only resources ask: without the logger, which costs as much as the answer.
pub fn introspection(
    routes: &mut web::ServiceConfig,
    issuer: &Issuer,
    narrowed: impl FnOnce(Resource) -> Resource,
) {
    let path = format!("{}/introspect", issuer.path());
    routes.service(
        narrowed(post_only(&path, web::post().to(introspection::post)))
            .wrap(from_fn(rate_limit::introspection_failures))
            .wrap(for_machines()),
    );
}

/// What reverse proxies ask, at an address that only their operator writes: at the root, whatever
/// path the issuer has. Without the logger, as introspection, and without a pattern, whose match would
/// cost as much as the decision.
pub fn gate(routes: &mut web::ServiceConfig) {
    let below = |path, ask| web::scope(path).default_service(ask).wrap(for_machines());
    routes
        .service(below("/gate", web::route().to(gate::ask)))
        .service(below("/ext_authz", web::route().to(gate::ask_as_envoy)));
}

/// What supervisors ask.
pub fn health(routes: &mut web::ServiceConfig) {
    let at = |path, answer| get_only(path, answer).wrap(for_machines());
    routes
        .service(at("/livez", web::route().to(health::livez)))
        .service(at("/readyz", web::route().to(health::readyz)))
        .service(at("/healthz", web::route().to(health::readyz)))
        .service(at("/metrics", web::route().to(health::metrics)));
}

/// Discovery, at the root of the host. Metadata of an issuer with a path has that path inserted
/// (RFC 8414 section 3.1) and, for clients that know no better, appended.
pub fn well_known(routes: &mut web::ServiceConfig, issuer: &Issuer) {
    const SERVER: &str = "/.well-known/oauth-authorization-server";
    const RESOURCE: &str = "/.well-known/oauth-protected-resource";
    let path = issuer.path();
    let mut places = vec![format!("{SERVER}{path}"), format!("{SERVER}{path}/")];
    if !path.is_empty() {
        places.push(format!("{path}{SERVER}"));
    }
    for place in places {
        let get = web::route().to(authorization_server_metadata::get);
        routes.service(get_only(&place, get).wrap(cors()));
    }
    for place in [RESOURCE.to_owned(), format!("{RESOURCE}/{{path:.*}}")] {
        let get = web::route().to(protected_resource_metadata::get);
        routes.service(get_only(&place, get).wrap(cors()));
    }
    let mut unknown = vec![];
    for base in ["", path] {
        unknown.push(format!("{base}/.well-known/{{unknown:.*}}"));
        unknown.push(format!("{base}/.well-known"));
    }
    routes.service(web::resource(unknown).wrap(cors()).to(not_found));
}

/// 404 as JSON, never a page: clients that look for metadata go on to the next place.
pub async fn not_found() -> HttpResponse {
    HttpResponse::NotFound().insert_header((CACHE_CONTROL, "no-store")).json(json!({
        "error": "not_found",
        "error_description": "there is nothing at this address",
    }))
}

/// A metadata document, kept for as long as a client may go on with an old one.
fn document(metadata: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "public, max-age=300")).json(metadata)
}

fn post_only(path: &str, post: actix_web::Route) -> Resource {
    web::resource(path)
        .route(post)
        .route(
            web::method(actix_web::http::Method::OPTIONS)
                .to(|| allow(HttpResponse::NoContent(), "POST, OPTIONS")),
        )
        .default_service(web::to(|| allow(HttpResponse::MethodNotAllowed(), "POST, OPTIONS")))
}

/// HEAD is GET without its body.
fn get_only(path: &str, get: actix_web::Route) -> Resource {
    let is_get = actix_web::guard::Any(actix_web::guard::Get()).or(actix_web::guard::Head());
    web::resource(path)
        .route(get.guard(is_get))
        .route(
            web::method(actix_web::http::Method::OPTIONS)
                .to(|| allow(HttpResponse::NoContent(), "GET, HEAD, OPTIONS")),
        )
        .default_service(web::to(|| allow(HttpResponse::MethodNotAllowed(), "GET, HEAD, OPTIONS")))
}

fn allow(mut response: HttpResponseBuilder, methods: &'static str) -> Ready<HttpResponse> {
    ready(response.insert_header((ALLOW, methods)).finish())
}

/// For clients that run in a browser: any origin, no credentials, any header. Errors carry the
/// headers too.
fn cors() -> Cors {
    Cors::default()
        .allow_any_origin()
        .send_wildcard()
        .allowed_methods(["GET", "HEAD", "POST", "OPTIONS"])
        .allow_any_header()
        .expose_headers(["WWW-Authenticate", "X-Request-Id", "Retry-After"])
        .max_age(3600)
}
