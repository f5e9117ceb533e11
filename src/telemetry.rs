//! Logs: one line for each thing that happened, for people or for machines. Never a secret.

use std::io::IsTerminal as _;
use std::sync::Arc;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::LogFormat;

tokio::task_local! {
    static REQUEST: Arc<str>;
}

/// Answers a request; whatever is recorded meanwhile tells by its id by which one it was decided.
pub async fn in_request<T>(id: &str, answer: impl Future<Output = T>) -> T {
    REQUEST.scope(id.into(), answer).await
}

/// The id of the request that is being answered, as the log and the answer say it; none for what
/// nobody has asked for over HTTP.
#[must_use]
pub fn request_id() -> Option<Arc<str>> {
    REQUEST.try_with(Arc::clone).ok()
}

/// Sends the log to stderr: stdout is for what a command answers. Once for the process. `RUST_LOG`
/// says what is logged: a level, or one for each module, as `info,actix_server=warn`.
pub fn start(format: LogFormat) {
    let said = std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty());
    let wanted = said.and_then(|text| text.parse().ok());
    let usual =
        || Targets::new().with_default(Level::INFO).with_target("actix_server", Level::WARN);
    let logger = tracing_subscriber::registry().with(wanted.unwrap_or_else(usual));
    // A log that cannot be written, on a full disk, must not end a request: it would be a panic.
    let lines = fmt::layer().with_writer(std::io::stderr).log_internal_errors(false);
    let terminal = std::io::stderr().is_terminal();
    let for_people = match format {
        LogFormat::Json => false,
        LogFormat::Pretty => true,
        LogFormat::Auto => terminal,
    };
    // A second start, in a test, keeps the first.
    let _started = if for_people {
        logger.with(lines.with_ansi(terminal).with_target(false)).try_init()
    } else {
        logger.with(lines.json().flatten_event(true).with_span_list(false)).try_init()
    };
}
