//! How many connections there is room for. The setting is a total, actix counts by worker, and each
//! connection takes a file descriptor.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

use crate::config::Config;

/// Descriptors for all else: the database, listeners, the log, outgoing connections.
const RESERVE: usize = 64;
/// Descriptors that each worker takes: its connection to the database, its event queue.
const RESERVE_OF_WORKER: usize = 16;

/// How the connections to one listener are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Threads that answer.
    pub(super) workers: usize,
    /// The most connections of each.
    pub(super) connections: usize,
}

/// Raises the soft limit of file descriptors to the hard one: the soft one is 1024 on most systems,
/// for programs that call `select`.
pub fn raise_descriptors() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        // A hardened unit does not even let us ask.
        return;
    }
    let raised = Rlimit { current: maximum, maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        warn!(%error, "the limit of open files could not be raised");
    }
}

impl Room {
    /// As much as the settings want, or as the system allows; then it says so.
    pub(super) fn find(config: &Config, listeners: usize) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let workers = config.workers.unwrap_or_else(cores);
        let descriptors = getrlimit(Resource::Nofile).current;
        let descriptors = descriptors.map(|most| usize::try_from(most).unwrap_or(usize::MAX));
        let wanted = config.limits.connections;
        let allowed = descriptors.map_or(wanted, |most| allowed(most, workers, listeners));
        if allowed < wanted {
            warn!(wanted, allowed, "MCP_OAUTH_LIMIT_CONNECTIONS is above the limit of open files");
        }
        Self { workers, connections: (wanted.min(allowed) / workers).max(1) }
    }
}

/// The most connections to each listener.
fn allowed(descriptors: usize, workers: usize, listeners: usize) -> usize {
    let reserve = listeners * (RESERVE + workers * RESERVE_OF_WORKER);
    descriptors.saturating_sub(reserve) / listeners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_all_else() {
        for (descriptors, workers, listeners, connections) in
            [(1024, 2, 1, 928), (1024, 2, 2, 416), (1_048_576, 64, 1, 1_047_488), (64, 2, 1, 0)]
        {
            let found = allowed(descriptors, workers, listeners);
            assert_eq!(found, connections, "{descriptors} {workers} {listeners}");
            assert!(found * listeners <= descriptors);
        }
    }

    #[test]
    fn the_setting_is_the_total() {
        let room = |workers: &str, connections: &str| {
            let environment = [("WORKERS", workers), ("LIMIT_CONNECTIONS", connections)];
            let environment =
                environment.map(|(name, text)| (format!("MCP_OAUTH_{name}"), text.to_owned()));
            let sources = crate::config::Sources::gather(&[], None, environment).unwrap();
            Room::find(&Config::from_sources(&sources).unwrap(), 1)
        };
        assert_eq!(room("4", "200"), Room { workers: 4, connections: 50 });
        assert_eq!(room("4", "3"), Room { workers: 4, connections: 1 });
    }
}
