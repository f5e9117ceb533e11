//! The steps of an attempt to connect, as a column: JSON of a bounded length.

use std::fmt;
use std::str::FromStr;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};

use crate::clock::UnixTime;

/// The most steps of one story. Its middle makes room: how it began and how it ended say most.
const MOST_STEPS: usize = 24;

/// What happened in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The MCP server was asked without a token: RFC 9728 section 5.1.
    Challenged,
    /// The MCP server was asked with a token that is not good there.
    TokenNotGood,
    /// A browser asked whether it may: the Fetch standard, "CORS-preflight".
    Preflight,
    /// The metadata of a resource was fetched: RFC 9728.
    ResourceMetadata,
    /// Ours was fetched: RFC 8414.
    ServerMetadata,
    /// Metadata was looked for where there is none.
    NothingThere,
    /// The client registered itself: RFC 7591.
    Registered,
    /// Its registration was refused.
    RegistrationRefused,
    /// A browser came with an authorization request: RFC 6749 section 4.1.1.
    Asked,
    /// The authorization request was refused.
    AskRefused,
    /// The metadata document of the client could not be had, or is not good.
    DocumentRefused,
    /// The person was asked to sign in.
    SignInShown,
    /// Somebody who had signed in could not say yes.
    Obstacle,
    /// The client waits for the owner.
    Waiting,
    /// The person was asked.
    ConsentShown,
    /// The person said yes; the code is on its way.
    Approved,
    /// The person said no.
    Denied,
    /// The code became tokens.
    TokenIssued,
    /// The request for tokens was refused.
    TokenRefused,
    /// A refresh was refused.
    RefreshRefused,
    /// A revocation was refused.
    RevocationRefused,
}

impl Stage {
    /// Whether this is only a look at what there is, which needs no name.
    #[must_use]
    pub fn is_discovery(self) -> bool {
        matches!(
            self,
            Self::Challenged
                | Self::TokenNotGood
                | Self::Preflight
                | Self::ResourceMetadata
                | Self::ServerMetadata
                | Self::NothingThere
        )
    }

    /// Whether somebody has signed in before it can happen.
    #[must_use]
    pub fn has_person(self) -> bool {
        matches!(
            self,
            Self::Obstacle | Self::ConsentShown | Self::Approved | Self::Denied | Self::TokenIssued
        )
    }
}

/// A step, perhaps several times in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What happened.
    pub stage: Stage,
    /// When, at first.
    pub at: UnixTime,
    /// When, at last.
    pub last_at: UnixTime,
    /// How often.
    pub times: u32,
    /// Why it was refused, in our words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What it was about, perhaps in a stranger's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

/// The steps of one attempt, the first one first.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, AsExpression, FromSqlRow,
)]
#[diesel(sql_type = Text)]
#[serde(transparent)]
pub struct Story(Vec<Entry>);

impl Story {
    /// The steps, the first one first.
    #[must_use]
    pub fn steps(&self) -> &[Entry] {
        &self.0
    }

    /// Goes on with the story. The same again is no step more.
    pub fn push(&mut self, entry: Entry) {
        if let Some(last) = self.0.last_mut()
            && (last.stage, &last.why, &last.about) == (entry.stage, &entry.why, &entry.about)
        {
            last.times = last.times.saturating_add(entry.times);
            last.last_at = last.last_at.max(entry.last_at);
            return;
        }
        if self.0.len() >= MOST_STEPS {
            self.0.remove(MOST_STEPS / 2);
        }
        self.0.push(entry);
    }

    /// Takes the looks at what there is from its end: they belong to the attempt that follows.
    #[must_use]
    pub fn split_discovery(&mut self) -> Self {
        let end = self.0.iter().rposition(|entry| !entry.stage.is_discovery());
        Self(self.0.split_off(end.map_or(0, |last| last + 1)))
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Story {
    type Err = serde_json::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(stage: Stage, about: &str, at: i64) -> Entry {
        let (at, about) = (UnixTime(at), Some(about.to_owned()));
        Entry { stage, at, last_at: at, times: 1, why: None, about }
    }

    #[test]
    fn the_same_again_is_no_step_more() {
        let mut story = Story::default();
        for (about, at) in [("a", 1), ("a", 2), ("b", 3), ("a", 4)] {
            story.push(entry(Stage::NothingThere, about, at));
        }
        let steps: Vec<_> = story.steps().iter().map(|step| (step.times, step.last_at.0)).collect();
        assert_eq!(steps, [(2, 2), (1, 3), (1, 4)]);
    }

    #[test]
    fn a_long_story_keeps_its_beginning_and_its_end() {
        let mut story = Story::default();
        for at in 0..1000 {
            story.push(entry(Stage::NothingThere, &at.to_string(), at));
        }
        let steps = story.steps();
        assert_eq!(steps.len(), MOST_STEPS);
        assert_eq!((steps[0].at.0, steps[11].at.0, steps[MOST_STEPS - 1].at.0), (0, 11, 999));
    }

    #[test]
    fn the_looks_at_its_end_can_go_to_the_next_one() {
        let mut story = Story::default();
        for stage in [Stage::ServerMetadata, Stage::Registered, Stage::Challenged] {
            story.push(entry(stage, "", 1));
        }
        let stages = |story: &Story| story.steps().iter().map(|s| s.stage).collect::<Vec<_>>();
        assert_eq!(stages(&story.split_discovery()), [Stage::Challenged]);
        assert_eq!(stages(&story), [Stage::ServerMetadata, Stage::Registered]);
        assert!(story.split_discovery().steps().is_empty());
    }

    #[test]
    fn a_story_reads_what_it_writes() {
        let mut story = Story::default();
        story.push(entry(Stage::AskRefused, "http://localhost:1/x", 5));
        assert_eq!(story.to_string().parse::<Story>().unwrap(), story);
    }
}
