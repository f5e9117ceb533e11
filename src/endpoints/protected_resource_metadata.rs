//! `/.well-known/oauth-protected-resource`: RFC 9728, for each resource whose requests reach us.

use actix_web::http::header::HOST;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::error::EndpointError;
use crate::app::App;
use crate::storage::resources::{self, Resource};

/// RFC 9728 section 2. No member is ever null.
#[derive(Serialize)]
struct Metadata<'a> {
    resource: &'a str,
    authorization_servers: [&'a str; 1],
    scopes_supported: Vec<&'a str>,
    bearer_methods_supported: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<&'a str>,
}

/// The document of the resource that has this path; at the root, of the default resource.
///
/// # Errors
/// The database's.
pub async fn get(app: web::Data<App>, request: HttpRequest) -> Result<HttpResponse, EndpointError> {
    let registered = app.storage.read(resources::list).await?;
    let tail = request.match_info().get("path").unwrap_or_default();
    let path = format!("/{}", tail.trim_matches('/'));
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let path = path.trim_end_matches('/');
    let Some(resource) = pick(&app, &registered, host.unwrap_or_default(), path) else {
        return Ok(super::not_found().await);
    };
    let scopes = resource.offered(&app.config.scopes);
    Ok(super::document(&Metadata {
        resource: resource.uri.as_str(),
        authorization_servers: [app.config.issuer.as_str()],
        scopes_supported: scopes.tokens().collect(),
        bearer_methods_supported: ["header"],
        resource_name: resource.name.as_deref(),
    }))
}

/// Several resources may have one path, on different hosts: `Host` says which is asked for. It
/// chooses among what the operator has registered, and nothing of it is in the answer. Without one
/// that fits, the resource on the issuer's host is meant, then the default, then the first.
fn pick<'a>(app: &App, registered: &'a [Resource], host: &str, path: &str) -> Option<&'a Resource> {
    let default = app.default_resource();
    let is_default = |resource: &&Resource| {
        default.is_some_and(|default| default.canonical() == resource.canonical)
    };
    let on_host = |resource: &&Resource| {
        let (_, authority) = resource.uri.origin().split_once("://").unwrap_or_default();
        authority.eq_ignore_ascii_case(host)
    };
    let here = |resource: &&Resource| resource.uri.origin() == app.config.issuer.origin();
    let of_path = |resource: &&Resource| resource.uri.path() == path;
    // At the root the resource without a path is meant, or else any.
    let any = path.is_empty() && !registered.iter().any(|resource| of_path(&resource));
    let candidates = registered.iter().filter(|resource| any || of_path(resource));
    candidates
        .min_by_key(|candidate| (!on_host(candidate), !here(candidate), !is_default(candidate)))
}
