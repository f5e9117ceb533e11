//! `/livez`, `/readyz`, `/metrics`: for supervisors and for Prometheus.

use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};
use actix_web::{HttpResponse, web};

use crate::app::App;
use crate::storage::{Place, StorageError, probe};

/// Supervisors wait for a second, most of them.
const PATIENCE: Duration = Duration::from_millis(500);

/// The process answers. Asks nobody else.
pub async fn livez() -> HttpResponse {
    plain(HttpResponse::Ok(), "alive")
}

/// Traffic may come: the database answers and can be written, and the service is not stopping.
pub async fn readyz(app: web::Data<App>) -> HttpResponse {
    let health = app.storage.health();
    if let Some(why) = health.given_up() {
        return not_ready(why.words());
    }
    if let Some(why) = app.readiness.refusal() {
        return not_ready(why);
    }
    if app.storage.read(probe::read).await.is_err() || health.is_unreadable() {
        return not_ready("the database cannot be read");
    }
    match app.storage.place() {
        Place::Kept => {}
        Place::Full => return not_ready("the disk is full"),
        Place::Gone | Place::Replaced | Place::OtherLog => {
            return not_ready("the file of the database is not where it was");
        }
    }
    if health.is_failing() {
        // Nobody else may be writing: find out whether it works again. Whoever asks has no patience.
        let tried = app.storage.write::<_, StorageError>(probe::write);
        if !matches!(tokio::time::timeout(PATIENCE, tried).await, Ok(Ok(()))) {
            return not_ready("the database cannot be written");
        }
    }
    if app.clock.behind().is_some() {
        return not_ready("the clock of this machine went backwards");
    }
    plain(HttpResponse::Ok(), "ready")
}

/// `OpenMetrics` text.
pub async fn metrics(app: web::Data<App>) -> HttpResponse {
    let health = app.storage.health();
    let failing = health.is_failing() || health.given_up().is_some();
    app.metrics.storage_failing.set(i64::from(failing));
    app.metrics.log_size.set(i64::try_from(app.storage.log_size()).unwrap_or(i64::MAX));
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
