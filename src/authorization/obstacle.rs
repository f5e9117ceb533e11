//! What can be in the way of a person's yes.

use crate::clients::connecting::{self, MayConnect};
use crate::config::Connecting;
use crate::storage::clients::Client;
use crate::words;

/// Why a person cannot say yes, for all that is known of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The owner has closed the resource for a while, to everybody.
    Paused,
    /// The resource is not for this person.
    NotAdmitted,
    /// The resource is, but nothing of what the client asks for; or not for the client.
    NothingLeft,
    /// The resource is not served here any more.
    Gone,
    /// The client is new, and waits for the owner.
    Waits,
    /// The owner has said no to a new client.
    NotLetIn,
    /// The owner has switched the client off.
    SwitchedOff,
    /// The client is none of those that may connect.
    NotKnown,
}

impl Obstacle {
    /// In words for the person.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Paused => {
                words!("This MCP server is paused. Nothing was lost: try again later")
            }
            Self::NotAdmitted => {
                words!("This MCP server is not for your account. Its owner decides who may use it")
            }
            Self::NothingLeft => {
                words!(
                    "Nothing is left of what this app asks for: it may not have it, or your account may not"
                )
            }
            Self::Gone => words!("This MCP server is no longer served here"),
            Self::Waits => words!("This app is new here. The owner of this server decides first"),
            Self::NotLetIn => words!("The owner of this server has not let this app in"),
            Self::SwitchedOff => words!("This app has been switched off here"),
            Self::NotKnown => connecting::NOT_KNOWN,
        }
    }
}

/// Why nobody may say yes to this client, if so. The owner is asked about a new one only when nothing
/// else is in its way: after [`super::consent::grantable`].
#[must_use]
pub fn unwelcome(client: &Client, connecting: &Connecting) -> Option<Obstacle> {
    if client.was_refused() {
        return Some(Obstacle::NotLetIn);
    }
    if client.disabled_at.is_some() {
        return Some(Obstacle::SwitchedOff);
    }
    match connecting::may_connect(client, connecting) {
        MayConnect::Yes => None,
        MayConnect::Waits => Some(Obstacle::Waits),
        MayConnect::No => Some(Obstacle::NotKnown),
    }
}
