//! The way between the pages of somebody who is signed in.

use crate::words;

/// The way between the pages of somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Nav {
    /// Who it is.
    pub username: String,
    /// Whether the pages of everybody are served here.
    pub account: bool,
    /// Whether the owner's pages are for him, and are served here.
    pub owner: bool,
    /// Path of the page, below the issuer's, as the links say it.
    pub here: &'static str,
    /// Proves that the form to sign out is ours.
    pub csrf: String,
}

impl Nav {
    /// Paths and what they are called.
    pub(super) fn places(&self) -> &'static [(&'static str, &'static str)] {
        const PLACES: [(&str, &str); 9] = [
            ("/account", words!("Connected apps")),
            ("/account/security", words!("Security")),
            ("/owner", words!("Overview")),
            ("/owner/people", words!("People")),
            ("/owner/resources", words!("MCP servers")),
            ("/owner/clients", words!("Apps")),
            ("/owner/grants", words!("Connections")),
            ("/owner/attempts", words!("Attempts to connect")),
            ("/owner/emergency", words!("Emergency")),
        ];
        match (self.account, self.owner) {
            (true, true) => &PLACES,
            (true, false) => &PLACES[..2],
            (false, true) => &PLACES[2..],
            (false, false) => &[],
        }
    }

    pub(super) fn is_here(&self, path: &&str) -> bool {
        self.here == *path
    }
}
