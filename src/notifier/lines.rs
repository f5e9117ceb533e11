//! Which events are told, and in what words. Whatever else is to be told is another line here.

use super::message::Urgency;
use super::told::Told;
use crate::config::Topic;
use crate::storage::Event;

const ACCOUNT: &str = "/account";
const SECURITY: &str = "/account/security";
const OWNER: &str = "/owner";
const WAITING: &str = "/owner/clients?show=waiting";

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
        event: Event::ClientAsked,
        details: &[],
        topic: Topic::AppConnected,
        kind: "client.asked",
        title: "A new app waits for you",
        text: |about| {
            format!(
                "{} wants to connect {}. Nobody can before you have approved it.",
                about.person(),
                about.client()
            )
        },
        urgency: Urgency::Normal,
        tag: "raised_hand",
        page: WAITING,
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
    Told {
        event: Event::UserAdded,
        details: &[],
        topic: Topic::People,
        kind: "user.added",
        title: "A new account",
        text: |about| format!("There is an account for {} now.", about.person()),
        urgency: Urgency::Normal,
        tag: "bust_in_silhouette",
        page: OWNER,
    },
    Told {
        event: Event::PasswordChanged,
        details: &[],
        topic: Topic::People,
        kind: "user.password_changed",
        title: "A password was changed",
        text: |about| {
            format!("The password of {} was changed, and every browser signed out.", about.person())
        },
        urgency: Urgency::Normal,
        tag: "key",
        page: OWNER,
    },
    Told {
        event: Event::ResourcePaused,
        details: &[],
        topic: Topic::Emergency,
        kind: "resource.paused",
        title: "Access is paused",
        text: |about| format!("Nobody has access to {} until it is resumed.", about.resource()),
        urgency: Urgency::High,
        tag: "no_entry",
        page: OWNER,
    },
    Told {
        event: Event::ResourceResumed,
        details: &[],
        topic: Topic::Emergency,
        kind: "resource.resumed",
        title: "Access is resumed",
        text: |about| format!("Whoever had access to {} has it again.", about.resource()),
        urgency: Urgency::Normal,
        tag: "arrow_forward",
        page: OWNER,
    },
    Told {
        event: Event::GrantsEnded,
        details: &[],
        topic: Topic::Emergency,
        kind: "grant.all_ended",
        title: "All logins were ended",
        text: |about| format!("Every login of {} was ended.", about.party()),
        urgency: Urgency::High,
        tag: "no_entry",
        page: OWNER,
    },
    Told {
        event: Event::Restored,
        details: &[],
        topic: Topic::Emergency,
        kind: "database.restored",
        title: "The database was restored",
        text: |about| {
            format!(
                "A backup has taken the place of the database, which went back {}.",
                about.detail.as_deref().unwrap_or_default()
            )
        },
        urgency: Urgency::High,
        tag: "rewind",
        page: OWNER,
    },
    Told {
        event: Event::RoleChanged,
        details: &["owner"],
        topic: Topic::People,
        kind: "user.made_owner",
        title: "A new owner",
        text: |about| format!("{} is an owner now.", about.person()),
        urgency: Urgency::High,
        tag: "crown",
        page: OWNER,
    },
    Told {
        event: Event::ResetOffered,
        details: &[],
        topic: Topic::People,
        kind: "user.reset_offered",
        title: "A link to reset a password",
        text: |about| format!("There is a link that sets a new password for {}.", about.person()),
        urgency: Urgency::Normal,
        tag: "key",
        page: OWNER,
    },
    Told {
        event: Event::SecondFactorReset,
        details: &[],
        topic: Topic::People,
        kind: "user.second_factor_reset",
        title: "A second factor was taken away",
        text: |about| {
            format!("{} signs in without a second factor until there is a new one.", about.person())
        },
        urgency: Urgency::High,
        tag: "key",
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
