//! How we know an app, in words for people.

use crate::oauth::{ClientId, ClientIdUrl};
use crate::pages::Frame;
use crate::pages::language::Html;
use crate::storage;
use crate::words;

/// How we know a client, which is how far its name can be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientOrigin {
    /// By anonymous registration: RFC 7591.
    Registered,
    /// By a document that this host publishes.
    MetadataDocument {
        /// The host of the `client_id`.
        host: String,
    },
    /// The operator added it.
    Configured,
}

impl ClientOrigin {
    /// Of the client with this id.
    #[must_use]
    pub fn of(origin: storage::ClientOrigin, id: &ClientId) -> Self {
        match (origin, ClientIdUrl::of(id)) {
            (storage::ClientOrigin::Configured, _) => Self::Configured,
            (storage::ClientOrigin::Document, Some(url)) => {
                Self::MetadataDocument { host: url.host() }
            }
            _ => Self::Registered,
        }
    }

    pub(in crate::pages) fn words(&self, frame: &Frame) -> Html {
        let (words, host) = match self {
            Self::Registered => {
                (words!("This app registered itself. Nobody has verified its name."), None)
            }
            Self::MetadataDocument { host } => {
                (words!("This app is described at {}. Only that address is verified."), Some(host))
            }
            Self::Configured => {
                (words!("This app was added by the operator of this server."), None)
            }
        };
        frame.say(words, host.as_slice())
    }
}
