//! The record of decisions, as sentences.

use crate::clock::UnixTime;
use crate::oauth::display_name;
use crate::pages::Frame;
use crate::pages::language::Html;
use crate::storage::events::{Event, Recorded, Subject};
use crate::storage::{DbConnection, StorageError, clients, resources, users};
use crate::words;

/// One decision, with the names of those whom it is about.
pub(super) struct Happening {
    pub(super) at: UnixTime,
    kind: Option<Event>,
    person: Option<String>,
    app: Option<String>,
    resource: Option<String>,
    detail: Option<String>,
    address: Option<String>,
}

/// Looks the names up. Who is gone has none.
///
/// # Errors
/// The database's.
pub(super) fn describe(
    conn: &mut DbConnection,
    recorded: Recorded,
) -> Result<Happening, StorageError> {
    let Subject { user_id, client_id, resource, address, detail, .. } = recorded.subject;
    let user = user_id.map(|id| users::find(conn, &id)).transpose()?.flatten();
    let app = client_id.map(|id| clients::name(conn, &id)).transpose()?.flatten();
    let resource = match resource {
        Some(uri) => {
            let name = resources::find_by_uri(conn, &uri)?.and_then(|resource| resource.name);
            Some(name.unwrap_or_else(|| uri.to_string()))
        }
        None => None,
    };
    Ok(Happening {
        at: recorded.at,
        kind: recorded.kind.known(),
        person: user.map(|user| user.username),
        app: app.as_deref().and_then(display_name),
        resource,
        detail,
        address,
    })
}

/// Whether somebody should look at it.
pub(super) fn is_alarming(recorded: &Recorded) -> bool {
    let is_theft =
        matches!(recorded.subject.detail.as_deref(), Some("code_replayed" | "refresh_replayed"));
    is_theft || matches!(recorded.kind.known(), Some(Event::LockedOut | Event::DiskLow))
}

/// What a sentence names.
#[derive(Clone, Copy)]
enum Name {
    Person,
    App,
    Resource,
}

impl Happening {
    /// What happened.
    pub(super) fn sentence(&self, frame: &Frame) -> Html {
        let (sentence, names) = match (self.kind, &self.app, &self.person) {
            (Some(Event::GrantsEnded), Some(_), _) => ENDED_OF_APP,
            (Some(Event::GrantsEnded), None, Some(_)) => ENDED_OF_PERSON,
            (kind, _, _) => kind.map_or(DECIDED, said),
        };
        let names: Vec<&str> = names.iter().map(|name| self.name(*name, frame)).collect();
        frame.say(sentence, &names)
    }

    /// Why a connection has ended, or from where somebody came.
    pub(super) fn more(&self, frame: &Frame) -> Option<Html> {
        match (self.kind, self.detail.as_deref(), &self.address) {
            (Some(Event::GrantRevoked), Some(detail), _) => {
                Some(Html::sentence(frame.t(why(detail)?), &[""; 0]))
            }
            (_, _, Some(address)) => Some(frame.say("from {}", &[address])),
            _ => None,
        }
    }

    fn name<'a>(&'a self, name: Name, frame: &Frame) -> &'a str {
        let (known, unknown) = match name {
            Name::Person => (&self.person, words!("somebody who is gone")),
            Name::App => (&self.app, words!("an app without a name")),
            Name::Resource => (&self.resource, words!("an MCP server")),
        };
        known.as_deref().unwrap_or_else(|| frame.t(unknown))
    }
}

/// Why a connection has ended: the word that the record has for it.
pub(super) fn why(because: &str) -> Option<&'static str> {
    Some(match because {
        "client" => words!("the app signed out"),
        "operator" => words!("an owner ended it"),
        "user" => words!("the account was disabled or removed"),
        "client_removed" => words!("the app was disabled or removed"),
        "not_admitted" => words!("the person may not have it any more"),
        "client_limited" => words!("the app may not have so much any more"),
        "resource_removed" => words!("the MCP server was removed"),
        "code_replayed" => words!("its code was used twice: somebody may have stolen it"),
        "refresh_replayed" => words!("two holders used one login: somebody may have stolen it"),
        _ => return None,
    })
}

/// A sentence, and what its places are filled with.
type Said = (&'static str, &'static [Name]);

const ENDED_OF_APP: Said = (words!("Every connection of {} was ended"), &[Name::App]);
const ENDED_OF_PERSON: Said = (words!("Every connection of {} was ended"), &[Name::Person]);

/// For what only a newer program knows.
const DECIDED: Said = (words!("Something was decided"), &[]);

/// The sentence for a decision, and what its places are filled with.
fn said(kind: Event) -> Said {
    use Name::{App, Person, Resource};
    match kind {
        Event::ClientRegistered => (words!("{} registered itself"), &[App]),
        Event::ClientDescribed => (words!("{} is known by its document"), &[App]),
        Event::DocumentChanged => (words!("{} describes itself otherwise now"), &[App]),
        Event::DocumentAdded => (words!("A description of {} was laid down here"), &[App]),
        Event::DocumentRemoved => (words!("The description of {} is asked for again"), &[App]),
        Event::ClientAsked => {
            (words!("{} wants to connect {}, which waits for an owner"), &[Person, App])
        }
        Event::ClientApproved => (words!("{} was approved"), &[App]),
        Event::ClientAdded => (words!("{} was added"), &[App]),
        Event::ClientDisabled => (words!("{} was disabled"), &[App]),
        Event::ClientEnabled => (words!("{} may be used again"), &[App]),
        Event::ClientRemoved => (words!("An app was removed"), &[]),
        Event::ClientUpdated => (words!("{} has changed what it registered"), &[App]),
        Event::ClientDeregistered => (words!("An app has taken its registration back"), &[]),
        Event::ClientLimited => (words!("What {} may have was changed"), &[App]),
        Event::ResourceAdded => (words!("{} was added"), &[Resource]),
        Event::ResourceRenamed => (words!("{} has a new name"), &[Resource]),
        Event::SecretRotated => (words!("{} has a new secret"), &[Resource]),
        Event::ResourceRemoved => (words!("{} was removed"), &[Resource]),
        Event::ResourcePaused => (words!("{} was paused"), &[Resource]),
        Event::ResourceResumed => (words!("{} was resumed"), &[Resource]),
        Event::RuleAdded => (words!("{} has one rule more"), &[Resource]),
        Event::RuleRemoved => (words!("{} has one rule less"), &[Resource]),
        Event::AudienceChanged => (words!("Who may use {} was changed"), &[Resource]),
        Event::ScopesChanged => (words!("What there is to be had at {} was changed"), &[Resource]),
        Event::GrantsEnded => (words!("Every connection to {} was ended"), &[Resource]),
        Event::PersonAllowed => (words!("{} may use {}"), &[Person, Resource]),
        Event::PersonDisallowed => (words!("{} is not named for {} any more"), &[Person, Resource]),
        Event::ConsentApproved => (words!("{} let {} use {}"), &[Person, App, Resource]),
        Event::ConsentDenied => (words!("{} did not let {} use {}"), &[Person, App, Resource]),
        Event::GrantCreated => (words!("{} of {} is connected to {}"), &[App, Person, Resource]),
        Event::GrantImported => {
            (words!("{} of {} was connected to {} before the move"), &[App, Person, Resource])
        }
        Event::ClientImported => (words!("{} was there before the move"), &[App]),
        Event::GrantRevoked => {
            (words!("{} of {} is disconnected from {}"), &[App, Person, Resource])
        }
        kind => said_of_people(kind),
    }
}

/// As [`said`], for what is about people alone.
fn said_of_people(kind: Event) -> Said {
    use Name::Person;
    match kind {
        Event::UserAdded => (words!("{} has an account"), &[Person]),
        Event::UserDisabled => (words!("The account of {} was disabled"), &[Person]),
        Event::UserEnabled => (words!("The account of {} works again"), &[Person]),
        Event::UserRemoved => (words!("An account was removed"), &[]),
        Event::RoleChanged => (words!("{} has another role"), &[Person]),
        Event::UserInvited => (words!("{} has an invitation"), &[Person]),
        Event::ResetOffered => (words!("{} has a link for a new start"), &[Person]),
        Event::LinkUsed => (words!("{} has used the link"), &[Person]),
        Event::PasswordChanged => (words!("The password of {} was changed"), &[Person]),
        Event::SignedIn => (words!("{} signed in"), &[Person]),
        Event::SignedOut => (words!("{} signed out"), &[Person]),
        Event::TotpAdded => (words!("{} uses codes of an authenticator app now"), &[Person]),
        Event::TotpRemoved => {
            (words!("{} does not use codes of an authenticator app any more"), &[Person])
        }
        Event::RecoveryCodesReplaced => (words!("{} has other recovery codes"), &[Person]),
        Event::RecoveryCodeUsed => (words!("{} used a recovery code"), &[Person]),
        Event::SecondFactorReset => (words!("The second factor of {} was removed"), &[Person]),
        Event::SecondFactorRefused => {
            (words!("Somebody with the password of {} did not pass the second factor"), &[Person])
        }
        Event::AppsDisconnected => (words!("{} disconnected every app"), &[Person]),
        kind => said_of_ways_in(kind),
    }
}

/// As [`said`], for how people sign in, and for the service itself.
fn said_of_ways_in(kind: Event) -> Said {
    use Name::Person;
    match kind {
        Event::PasskeyAdded => (words!("{} has one passkey more"), &[Person]),
        Event::PasskeyRenamed => (words!("{} calls a passkey something else"), &[Person]),
        Event::PasskeyRemoved => (words!("{} has one passkey less"), &[Person]),
        Event::PasskeyRequired => (words!("{} is always asked for a passkey now"), &[Person]),
        Event::PasskeyNotRequired => {
            (words!("{} is not always asked for a passkey any more"), &[Person])
        }
        Event::IdentityLinked => (words!("{} can sign in with an account elsewhere"), &[Person]),
        Event::IdentityUnlinked => (words!("{} has let an account elsewhere go"), &[Person]),
        Event::NewPlace => (words!("{} signed in from a new place"), &[Person]),
        Event::LockedOut => (words!("The attempts to sign in as {} are used up"), &[Person]),
        Event::DiskLow => (words!("The disk of the database is nearly full"), &[]),
        Event::DiskEnough => (words!("The disk of the database has room again"), &[]),
        Event::RegistrationTokenAdded => {
            (words!("There is one more token with which apps can register"), &[])
        }
        Event::RegistrationTokenRemoved => {
            (words!("A token with which apps could register was removed"), &[])
        }
        Event::Restored => (words!("The database was restored from a backup"), &[]),
        Event::RowsImported => (words!("What was known elsewhere was taken over"), &[]),
        Event::IssuerMoved => (words!("This service has moved to another address"), &[]),
        Event::IssuerForgotten => (words!("A former address is given up"), &[]),
        Event::SchemaUpdated => (words!("The database was brought up to date"), &[]),
        _ => DECIDED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decision_has_a_sentence_of_its_own_with_a_place_for_each_name() {
        let source = include_str!("../../storage/events.rs");
        let kinds = source.split(" = \"").skip(1).filter_map(|rest| rest.split('"').next());
        let kinds: Vec<Event> = kinds.filter_map(|kind| kind.parse().ok()).collect();
        assert!(kinds.len() > 30, "{kinds:?}");
        for kind in kinds {
            let (sentence, names) = said(kind);
            assert_ne!(sentence, "Something was decided", "{kind} has no sentence");
            assert_eq!(sentence.matches("{}").count(), names.len(), "{kind}");
        }
    }
}
