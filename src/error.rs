//! The two ways in which a request fails.

use crate::oauth::OAuthError;
use crate::storage::StorageError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Theirs: the request may not be granted. In the standard's words.
    #[error(transparent)]
    Refused(#[from] OAuthError),
    /// Ours: the request may be good, and can be sent again.
    #[error(transparent)]
    Failed(#[from] StorageError),
}
