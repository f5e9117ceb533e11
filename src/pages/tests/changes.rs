//! The question about an app that has changed.

use super::super::consent::{Changes, ClientOrigin, Consent};
use super::consent;
use crate::clock::UnixTime;
use crate::oauth::Destination;

pub(super) fn changed() -> Consent {
    let web = Destination::Web("claude.ai".to_owned());
    let described = ClientOrigin::MetadataDocument { host: "claude.ai".to_owned() };
    let changes = Changes {
        seen_at: UnixTime(1_774_000_000),
        name: Some(("Clod".to_owned(), "Claude".to_owned())),
        added: vec![web.clone()],
        removed: vec![Destination::App("cursor".to_owned())],
        moved: false,
        refreshes: Some(true),
    };
    Consent { changes: Some(changes), ..consent("Claude", described, web) }
}
