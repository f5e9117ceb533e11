//! Time passes faster for the service: nothing is swept within the first day, and an hour would only
//! show how its file grows. libfaketime, loaded before all else, scales both clocks of a process and
//! whatever waits by them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// By so much. At 50 what waits for 50 ms would wait for no whole millisecond, and never sleep.
const RATE: u32 = 48;
/// Lifetimes: hours, of what lives for days.
const LIFETIMES: [(&str, &str); 7] = [
    ("MCP_OAUTH_ACCESS_TOKEN_LIFETIME", "20m"),
    ("MCP_OAUTH_REFRESH_TOKEN_LIFETIME", "1h"),
    ("MCP_OAUTH_SESSION_LIFETIME", "1h"),
    ("MCP_OAUTH_SESSION_IDLE_LIFETIME", "1h"),
    ("MCP_OAUTH_UNUSED_CLIENT_LIFETIME", "1h"),
    ("MCP_OAUTH_EVENT_LIFETIME", "1h"),
    ("MCP_OAUTH_ATTEMPT_LIFETIME", "1h"),
];
/// What is waited for in this world's time: the disk, and running requests.
const WAITS: [(&str, u32); 2] =
    [("MCP_OAUTH_LIMIT_WRITE_WAIT", 5), ("MCP_OAUTH_SHUTDOWN_TIMEOUT", 30)];
/// In the service's seconds, until as much is swept as comes: a day after a refresh token that nobody
/// has used, and two turns of the sweeper.
const SETTLED: u32 = 86_400 + 3_600 + 2 * 600;

/// After so long the file has its size.
pub(super) const SETTLED_AFTER: Duration = Duration::from_secs((SETTLED / RATE) as u64);

/// The time of the service, through all its restarts.
pub(super) struct Faster {
    begun: Instant,
    library: PathBuf,
}

impl Faster {
    /// From now on.
    pub(super) fn begin() -> Self {
        let library = library();
        let library =
            library.unwrap_or_else(|| panic!("libfaketime is not there: run tests/crash/install"));
        Self { begun: Instant::now(), library }
    }

    /// What a process is given that is started now.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        let ahead = (self.begun.elapsed() * (RATE - 1)).as_secs();
        let mut environment = vec![
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME", format!("+{ahead} x{RATE}")),
            ("NO_FAKE_STAT", "1".to_owned()),
        ];
        environment.extend(LIFETIMES.map(|(name, value)| (name, value.to_owned())));
        environment.extend(WAITS.map(|(name, seconds)| (name, format!("{}s", RATE * seconds))));
        environment
    }
}

/// Where Debian puts it.
fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.filter_map(Result::ok);
    let path = |folder: fs::DirEntry| folder.path().join(Path::new("faketime/libfaketimeMT.so.1"));
    folders.map(path).find(|path| path.exists())
}
