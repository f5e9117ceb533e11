//! Logs: one line for each thing that happened, for people or for machines. Never a secret.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// What is logged when `RUST_LOG` does not say otherwise.
const DEFAULT_FILTER: &str = "info,actix_server=warn";

/// Sends the log to stderr: stdout is for what a command answers. Once for the process.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| DEFAULT_FILTER.into());
    // A log that cannot be written, on a full disk, must not end a request: it would be a panic.
    let logger = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    let terminal = std::io::stderr().is_terminal();
    // A second start, in a test, keeps the first.
    let for_people = match format {
        LogFormat::Json => false,
        LogFormat::Pretty => true,
        LogFormat::Auto => terminal,
    };
    // A second start, in a test, keeps the first.
    let _started = if for_people {
        logger.with_ansi(terminal).with_target(false).try_init()
    } else {
        logger.json().flatten_event(true).with_span_list(false).try_init()
    };
}
