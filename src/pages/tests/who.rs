//! A name that poses as another one's, and an app that waits.

use askama::Template as _;

use super::{consent, frame};
use crate::clients::look_alike::Pose;
use crate::clock::UnixTime;
use crate::oauth::Destination;
use crate::pages::consent::ClientOrigin;
use crate::pages::waiting::{OwnersPage, Waiting};

pub(super) fn pages() -> Vec<(&'static str, String)> {
    let notes = Destination::Web("notes.example.org".to_owned());
    let mut look_alike = consent("Claude \u{2705}", ClientOrigin::Registered, notes);
    look_alike.pose = Some(Pose::Elsewhere { name: "Claude", home: "claude.ai" });
    vec![
        ("consent_look_alike", look_alike.render().unwrap()),
        ("consent_waiting", waiting(OwnersPage::SomebodyElse).render().unwrap()),
        ("waiting_owner", waiting(OwnersPage::Here("/owner".to_owned())).render().unwrap()),
        ("waiting_command", waiting(OwnersPage::Command).render().unwrap()),
    ]
}

fn waiting(owners_page: OwnersPage) -> Waiting {
    Waiting {
        frame: frame(),
        request: "17".to_owned(),
        csrf: "csrf-token".to_owned(),
        client_name: Some("Notebook".to_owned()),
        client_origin: ClientOrigin::ClaimedDocument { host: "notes.example.org".to_owned() },
        pose: None,
        destination: "127.0.0.1".to_owned(),
        client_id: "https://notes.example.org/client.json".parse().unwrap(),
        since: UnixTime(1_790_000_000 - 60),
        owners_page,
        username: "mia".to_owned(),
        script: "/as/assets/waiting.js".to_owned(),
    }
}
