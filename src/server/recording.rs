//! What was seen of attempts to connect goes to the database each second. A crash loses the last one.

use std::time::Duration;

use tokio::task::JoinHandle;
use tracing::debug;

use actix_web::web;

use crate::app::App;

/// How often.
const PERIOD: Duration = Duration::from_secs(1);

/// Records until it is aborted.
pub(super) fn start(app: &web::Data<App>) -> JoinHandle<()> {
    let app = app.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(PERIOD).await;
            record(&app).await;
        }
    })
}

/// Records what there is.
pub(super) async fn record(app: &App) {
    if let Err(error) = app.attempts.flush(&app.storage, app.config.limits.attempts).await {
        // The writer says once that the database cannot be written.
        debug!(%error, "what was seen of attempts to connect is lost");
    }
}
