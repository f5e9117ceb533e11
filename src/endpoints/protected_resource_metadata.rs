//! `/.well-known/oauth-protected-resource`: RFC 9728, for each resource whose requests reach us.

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
    let Some(resource) = pick(&app, &registered, path.trim_end_matches('/')) else {
        return Ok(super::not_found().await);
    };
    Ok(super::document(&Metadata {
        resource: resource.uri.as_str(),
        authorization_servers: [app.config.issuer.as_str()],
        scopes_supported: app.config.scopes.tokens().collect(),
        bearer_methods_supported: ["header"],
        resource_name: resource.name.as_deref(),
    }))
}

/// Several resources may have one path, on different hosts. The `Host` header is nobody's proof, so
/// the one on the issuer's host is meant, then the default, then the first.
fn pick<'a>(app: &App, registered: &'a [Resource], path: &str) -> Option<&'a Resource> {
    let default = app.offer().default_resource;
    let is_default = |resource: &&Resource| {
        default.as_ref().is_some_and(|default| default.canonical() == resource.canonical)
    };
    let here = |resource: &&Resource| resource.uri.origin() == app.config.issuer.origin();
    let of_path = || registered.iter().filter(|resource| resource.uri.path() == path);
    of_path()
        .find(here)
        .or_else(|| of_path().find(is_default))
        .or_else(|| of_path().next())
        .or_else(|| {
            let root = path.is_empty().then_some(registered)?;
            root.iter().find(is_default).or(root.first())
        })
}
