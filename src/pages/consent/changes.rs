//! What has changed about an app since the person last said yes to it: Client ID Metadata Document
//! draft -01, section 6.3.

use super::who::shown_name;
use crate::clock::UnixTime;
use crate::oauth::{ClientMetadata, Destination, GrantType};
use crate::pages::Frame;
use crate::pages::language::Html;
use crate::storage::clients::Client;
use crate::storage::{ClientOrigin, DbConnection, StorageError, seen_documents, users::User};
use crate::words;

/// A difference between what a person has said yes to and what is asked about now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// When the person said yes.
    pub seen_at: UnixTime,
    /// What the app called itself then and calls itself now.
    pub name: Option<(String, String)>,
    /// Where answers may go now.
    pub added: Vec<Destination>,
    /// Where they may not go any more.
    pub removed: Vec<Destination>,
    /// Whether they go to other addresses of the same places.
    pub moved: bool,
    /// Whether it may stay connected now, or may no more.
    pub refreshes: Option<bool>,
}

impl Changes {
    /// What has changed for this person; none for a client that is not described by a document, for
    /// somebody's first time, and if nothing has.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn find(
        conn: &mut DbConnection,
        user: &User,
        client: &Client,
    ) -> Result<Option<Self>, StorageError> {
        if client.origin != ClientOrigin::Document {
            return Ok(None);
        }
        let seen = seen_documents::find(conn, &user.id, &client.client_id)?;
        Ok(seen.and_then(|(then, seen_at)| Self::between(&then, &client.metadata, seen_at)))
    }

    fn between(then: &ClientMetadata, now: &ClientMetadata, seen_at: UnixTime) -> Option<Self> {
        let (name_then, name_now) = (called(then), called(now));
        let (added, removed) = (missing(now, then), missing(then, now));
        let differs = |one: &ClientMetadata, other: &ClientMetadata| {
            one.redirect_uris.iter().any(|uri| !other.redirect_uris.contains(uri))
        };
        let moved = added.is_empty() && (differs(now, then) || differs(then, now));
        let refreshes = now.uses(GrantType::RefreshToken);
        let changes = Self {
            seen_at,
            name: (name_then != name_now).then_some((name_then, name_now)),
            moved: moved && removed.is_empty(),
            added,
            removed,
            refreshes: (refreshes != then.uses(GrantType::RefreshToken)).then_some(refreshes),
        };
        let places = changes.moved || !changes.added.is_empty() || !changes.removed.is_empty();
        (places || changes.name.is_some() || changes.refreshes.is_some()).then_some(changes)
    }

    pub(in crate::pages) fn when(&self, frame: &Frame) -> Html {
        let words = frame.t("It describes itself otherwise than when you last allowed it, {}:");
        Html::around(words, &frame.when(&self.seen_at))
    }

    /// A sentence for each.
    pub(in crate::pages) fn lines(&self, frame: &Frame) -> Vec<Html> {
        let name = self.name.as_ref().map(|(then, now)| {
            frame.say("It called itself {}, and calls itself {} now.", &[then, now])
        });
        let to = |words: &'static str| {
            move |destination: &Destination| frame.say(words, &[destination.to_string()])
        };
        let fixed = |words: &'static str| Html::sentence(frame.t(words), &[""; 0]);
        let moved = words!("Answers may go to other addresses of the same places now.");
        let stays = words!("It may stay connected while you are away now.");
        let goes = words!("It can no longer stay connected while you are away.");
        let refreshes = self.refreshes.map(|refreshes| if refreshes { stays } else { goes });
        name.into_iter()
            .chain(self.added.iter().map(to(words!("Answers may go to {} now."))))
            .chain(self.removed.iter().map(to(words!("Answers can no longer go to {}."))))
            .chain(self.moved.then(|| fixed(moved)))
            .chain(refreshes.map(fixed))
            .collect()
    }
}

fn called(metadata: &ClientMetadata) -> String {
    metadata.client_name.as_deref().and_then(shown_name).unwrap_or_default()
}

/// The destinations of `one` that are none of `other`, each once.
fn missing(one: &ClientMetadata, other: &ClientMetadata) -> Vec<Destination> {
    let mut missing: Vec<Destination> = vec![];
    for uri in &one.redirect_uris {
        let destination = uri.destination();
        let known = other.redirect_uris.iter().any(|uri| uri.destination() == destination);
        if !known && !missing.contains(destination) {
            missing.push(destination.clone());
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(name: &str, uris: &[&str], grants: &str) -> ClientMetadata {
        let uris = serde_json::to_string(uris).unwrap();
        format!(
            r#"{{"redirect_uris":{uris},"token_endpoint_auth_method":"none","grant_types":{grants},"response_types":["code"],"client_name":"{name}"}}"#
        )
        .parse()
        .unwrap()
    }

    const BOTH: &str = r#"["authorization_code","refresh_token"]"#;

    #[test]
    fn what_a_person_would_see_is_a_change_and_nothing_else() {
        let then = metadata("A", &["https://a.example/cb", "http://127.0.0.1/cb"], BOTH);
        let changes = |now: &ClientMetadata| Changes::between(&then, now, UnixTime(1));
        assert_eq!(changes(&then), None);
        let sorted = metadata("A", &["http://127.0.0.1/cb", "https://a.example/cb"], BOTH);
        assert_eq!(changes(&sorted), None);
        let other_home =
            ClientMetadata { client_uri: Some("https://x.example".into()), ..then.clone() };
        assert_eq!(changes(&other_home), None);

        let now = metadata("B\u{202e}", &["https://a.example/cb", "https://b.example/cb"], BOTH);
        let changes = changes(&now).unwrap();
        assert_eq!(changes.name, Some(("A".to_owned(), "B".to_owned())));
        assert_eq!(changes.added, [Destination::Web("b.example".to_owned())]);
        assert_eq!(changes.removed, [Destination::Loopback("127.0.0.1".to_owned())]);
        assert!(!changes.moved && changes.refreshes.is_none());
    }

    #[test]
    fn another_address_of_the_same_place_and_another_grant_are_changes() {
        let then = metadata("A", &["https://a.example/cb"], r#"["authorization_code"]"#);
        let changes =
            |uri, grants| Changes::between(&then, &metadata("A", &[uri], grants), UnixTime(1));
        let moved = changes("https://a.example/other", r#"["authorization_code"]"#).unwrap();
        assert!(moved.moved && moved.added.is_empty() && moved.removed.is_empty());
        let stays = changes("https://a.example/cb", BOTH).unwrap();
        assert_eq!((stays.moved, stays.refreshes), (false, Some(true)));
    }
}
