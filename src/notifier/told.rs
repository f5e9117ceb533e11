//! How an event finds its line, and the line its words.

use super::lines::TOLD;
use super::message::{About, Urgency};
use crate::config::Topic;
use crate::storage::Event;

/// A line of the table.
pub(super) struct Told {
    /// The event.
    pub(super) event: Event,
    /// The details that are meant; none: all of them.
    pub(super) details: &'static [&'static str],
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
    pub(super) fn client(&self) -> String {
        match (&self.client_name, &self.client_id) {
            (Some(name), _) => format!("an app that calls itself \u{201c}{name}\u{201d}"),
            (None, Some(id)) => format!("an app without a name ({id})"),
            (None, None) => "an app".to_owned(),
        }
    }

    pub(super) fn person(&self) -> &str {
        self.username.as_deref().unwrap_or("Somebody whose account is gone")
    }

    pub(super) fn resource(&self) -> String {
        match (&self.resource_name, &self.resource) {
            (Some(name), Some(uri)) => format!("{name} ({uri})"),
            (None, Some(uri)) => uri.to_string(),
            (_, None) => "an MCP server".to_owned(),
        }
    }

    /// The one of them that is named.
    pub(super) fn party(&self) -> String {
        if self.client_id.is_some() {
            self.client()
        } else if self.user_id.is_some() {
            self.person().to_owned()
        } else {
            self.resource()
        }
    }

    pub(super) fn place(&self) -> &str {
        self.address.as_deref().unwrap_or("an unknown address")
    }

    pub(super) fn scopes(&self) -> String {
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

    pub(super) fn mebibytes(&self) -> String {
        let bytes = self.detail.as_deref().and_then(|detail| detail.parse::<u64>().ok());
        format!("{} MiB", bytes.unwrap_or_default() >> 20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TOPICS;

    #[test]
    fn an_event_is_told_if_its_detail_is_meant_and_its_topic_chosen() {
        let all = TOPICS.map(|(_, topic)| topic);
        let kind = |event, detail, topics: &[Topic]| line(event, detail, topics).map(|l| l.kind);
        let (revoked, replayed) = (Event::GrantRevoked, Some("grant.replayed"));
        assert_eq!(kind(revoked, Some("refresh_replayed"), &all), replayed);
        assert_eq!(kind(revoked, Some("code_replayed"), &[Topic::Replay]), replayed);
        assert_eq!(kind(revoked, Some("client"), &all), None);
        assert_eq!(kind(revoked, None, &all), None);
        assert_eq!(kind(revoked, Some("refresh_replayed"), &[Topic::LockOut]), None);
        assert_eq!(kind(Event::SignedOut, None, &all), None);
    }

    #[test]
    fn every_line_has_words_even_when_nothing_is_known() {
        for told in TOLD {
            let text = (told.text)(&About::default());
            assert!(text.ends_with('.') && !text.contains("  "), "{}: {text}", told.kind);
            assert!(told.title.len() < 60 && told.page.starts_with('/'), "{}", told.kind);
        }
    }

    #[test]
    fn scopes_are_words() {
        let scope = Some("mcp wiki:write".parse().unwrap());
        let about = About { scope, ..About::default() };
        let words = "to call its tools and read what it offers, with the permission \u{201c}wiki:write\u{201d}";
        assert_eq!(about.scopes(), words);
    }
}
