//! How much a storage holds.

use std::time::Duration;

/// What a storage may hold, in memory and beside its file.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most writes that wait.
    pub queue: usize,
    /// How long a write waits for a place in a full queue, before it is refused.
    pub longest_wait: Duration,
    /// The most access tokens that are remembered; see [`super::Known`].
    pub known_tokens: usize,
    /// The most copies from before an update of the schema that are kept; 0: none is made.
    pub update_copies: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue: 4096,
            longest_wait: Duration::from_secs(5),
            known_tokens: 100_000,
            update_copies: 3,
        }
    }
}
