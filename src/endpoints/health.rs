//! `/livez`, `/readyz`, `/metrics`: for supervisors and for Prometheus.

use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};
use actix_web::{HttpResponse, web};

use crate::app::App;
use crate::storage::{StorageError, probe};

/// Below this many bytes some writes still succeed, and others do not.
const LEAST_FREE_SPACE: u64 = 1024 * 1024;

/// The process answers. Asks nobody else.
pub async fn livez() -> HttpResponse {
    plain(HttpResponse::Ok(), "alive")
}

/// Traffic may come: the database answers and can be written, and the service is not stopping.
pub async fn readyz(app: web::Data<App>) -> HttpResponse {
    if app.storage.health().is_damaged() {
        return not_ready("the database is damaged");
    }
    if let Some(why) = app.readiness.refusal() {
        return not_ready(why);
    }
    if app.storage.read(probe::read).await.is_err() {
        return not_ready("the database cannot be read");
    }
    if app.storage.free_space().is_some_and(|free| free < LEAST_FREE_SPACE) {
        return not_ready("the disk is full");
    }
    if app.storage.health().is_failing() {
        // Nobody else may be writing: find out whether it works again.
        let tried: Result<(), StorageError> = app.storage.write(probe::write).await;
        if tried.is_err() {
            return not_ready("the database cannot be written");
        }
    }
    plain(HttpResponse::Ok(), "ready")
}

/// `OpenMetrics` text.
pub async fn metrics(app: web::Data<App>) -> HttpResponse {
    let health = app.storage.health();
    app.metrics.storage_failing.set(i64::from(health.is_failing() || health.is_damaged()));
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(app.metrics.render())
}

fn not_ready(why: &'static str) -> HttpResponse {
    let mut response = HttpResponse::ServiceUnavailable();
    response.insert_header((RETRY_AFTER, 5));
    plain(response, why)
}

fn plain(mut response: actix_web::HttpResponseBuilder, text: &'static str) -> HttpResponse {
    response
        .content_type("text/plain; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(format!("{text}\n"))
}
