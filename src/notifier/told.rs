//! Which events are told, and in what words: one table.

use super::message::{About, Urgency};
use crate::config::Topic;
use crate::storage::Event;

/// A line of the table.
pub(super) struct Told {
    /// The event.
    pub(super) event: Event,
    /// The details that are meant; none: all of them.
    details: &'static [&'static str],
    /// By which the operator chooses.
    pub(super) topic: Topic,
    /// The `type` of the message.
    pub(super) kind: &'static str,
    /// A few words. Nothing that somebody else has written is in them.
    pub(super) title: &'static str,
    /// The sentences.
    pub(super) text: fn(&About) -> String,
    /// How much it matters.
    pub(super) urgency: Urgency,
    /// <https://docs.ntfy.sh/emojis/>
    pub(super) tag: &'static str,
    /// Where there is more.
    pub(super) page: &'static str,
}

const ACCOUNT: &str = "/account";
const SECURITY: &str = "/account/security";
const OWNER: &str = "/owner";

/// What is told. The first line that matches an event is its.
pub(super) const TOLD: &[Told] = &[
    Told {
        event: Event::GrantCreated,
        details: &[],
        topic: Topic::AppConnected,
        kind: "grant.created",
        title: "A new app is connected",
        text: |about| {
            format!(
                "{} has let {} use {}: {}.",
                about.person(),
                about.client(),
                about.resource(),
                about.scopes()
            )
        },
        urgency: Urgency::Normal,
        tag: "electric_plug",
        page: ACCOUNT,
    },
    Told {
        event: Event::NewPlace,
        details: &[],
        topic: Topic::NewPlace,
        kind: "session.new_place",
        title: "A sign-in from a new place",
        text: |about| {
            format!(
                "{} has signed in from {}, where this account was never signed in to before. If \
                 that was somebody else, sign out everywhere and change what signs in.",
                about.person(),
                about.place()
            )
        },
        urgency: Urgency::High,
        tag: "round_pushpin",
        page: SECURITY,
    },
    Told {
        event: Event::GrantRevoked,
        details: &["refresh_replayed", "code_replayed"],
        topic: Topic::Replay,
        kind: "grant.replayed",
        title: "A login was used by two holders, and ended",
        text: |about| {
            let what = match about.detail.as_deref() {
                Some("code_replayed") => "code",
                _ => "refresh token",
            };
            format!(
                "A {what} of {} for {}, given by {}, was used a second time by somebody else: it \
                 may have been stolen. The app is disconnected, and has to ask again.",
                about.client(),
                about.resource(),
                about.person()
            )
        },
        urgency: Urgency::High,
        tag: "rotating_light",
        page: ACCOUNT,
    },
    Told {
        event: Event::LockedOut,
        details: &[],
        topic: Topic::LockOut,
        kind: "user.locked_out",
        title: "Too many attempts to sign in",
        text: |about| {
            format!(
                "Somebody has tried too often to sign in as {}, at last from {}. New places have \
                 to wait some minutes now; places from which the account was signed in to before \
                 do not.",
                about.person(),
                about.place()
            )
        },
        urgency: Urgency::High,
        tag: "lock",
        page: OWNER,
    },
    Told {
        event: Event::DiskLow,
        details: &[],
        topic: Topic::LowDisk,
        kind: "disk.low",
        title: "The disk is nearly full",
        text: |about| {
            format!(
                "The disk of the database has only {} left. When it is full, nobody can sign in or \
                 refresh a login.",
                about.mebibytes()
            )
        },
        urgency: Urgency::High,
        tag: "floppy_disk",
        page: OWNER,
    },
    Told {
        event: Event::DiskEnough,
        details: &[],
        topic: Topic::LowDisk,
        kind: "disk.enough",
        title: "The disk has room again",
        text: |about| format!("The disk of the database has {} left.", about.mebibytes()),
        urgency: Urgency::Normal,
        tag: "floppy_disk",
        page: OWNER,
    },
    Told {
        event: Event::SchemaUpdated,
        details: &[],
        topic: Topic::Update,
        kind: "schema.updated",
        title: "The database was brought up to date",
        text: |about| {
            format!(
                "A newer version of the service has updated the schema of its database {}. An older \
                 version may not be able to open it any more.",
                about.detail.as_deref().unwrap_or_default()
            )
        },
        urgency: Urgency::Normal,
        tag: "package",
        page: OWNER,
    },
];

/// The message of `notify test`.
pub(super) const TEST: Told = Told {
    // Never looked at: it is not in the table.
    event: Event::SchemaUpdated,
    details: &[],
    topic: Topic::Update,
    kind: "test",
    title: "A test",
    text: |_| "If you can read this, you will be told what happens.".to_owned(),
    urgency: Urgency::Normal,
    tag: "white_check_mark",
    page: "/",
};

/// The line of an event, if it is told and chosen.
pub(super) fn line(event: Event, detail: Option<&str>, topics: &[Topic]) -> Option<&'static Told> {
    TOLD.iter().find(|told| {
        told.event == event
            && (told.details.is_empty() || detail.is_some_and(|word| told.details.contains(&word)))
            && topics.contains(&told.topic)
    })
}

/// The events of the whole table.
pub(super) fn events() -> Vec<Event> {
    let mut events: Vec<Event> = vec![];
    for told in TOLD {
        if !events.contains(&told.event) {
            events.push(told.event);
        }
    }
    events
}

impl About {
    /// Its name is its own choice, and said to be so.
    fn client(&self) -> String {
        match (&self.client_name, &self.client_id) {
            (Some(name), _) => format!("an app that calls itself \u{201c}{name}\u{201d}"),
            (None, Some(id)) => format!("an app without a name ({id})"),
            (None, None) => "an app".to_owned(),
        }
    }

    fn person(&self) -> &str {
        self.username.as_deref().unwrap_or("Somebody whose account is gone")
    }

    fn resource(&self) -> String {
        match (&self.resource_name, &self.resource) {
            (Some(name), Some(uri)) => format!("{name} ({uri})"),
            (None, Some(uri)) => uri.to_string(),
            (_, None) => "an MCP server".to_owned(),
        }
    }

    fn place(&self) -> &str {
        self.address.as_deref().unwrap_or("an unknown address")
    }

    fn scopes(&self) -> String {
        let Some(scope) = &self.scope else { return "what it asked for".to_owned() };
        let words: Vec<String> = scope
            .tokens()
            .map(|token| match token {
                "mcp" => "to call its tools and read what it offers".to_owned(),
                other => format!("with the permission \u{201c}{other}\u{201d}"),
            })
            .collect();
        words.join(", ")
    }

    fn mebibytes(&self) -> String {
        let bytes = self.detail.as_deref().and_then(|detail| detail.parse::<u64>().ok());
        format!("{} MiB", bytes.unwrap_or_default() >> 20)
    }
}
