//! An attempt with all that there is to say of it, for a page or a terminal.

use super::diagnosis::{Diagnosis, diagnose};
use super::facts::{self, Facts, Seen};
use super::said::said;
use crate::clock::UnixTime;
use crate::oauth::display_name;
use crate::storage::attempts::{Attempt, Entry};
use crate::storage::{DbConnection, StorageError, users};
use crate::words;

/// The longest name that is shown.
const LONGEST_NAME: usize = 80;

/// One attempt, explained.
#[derive(Debug)]
pub struct Told {
    /// As it is kept.
    pub attempt: Attempt,
    /// What the person is called who signed in for it.
    pub username: Option<String>,
    /// How it stands, and why.
    pub diagnosis: Diagnosis,
    facts: Facts,
}

/// One step of it, perhaps several times in a row.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// When, at first.
    pub at: UnixTime,
    /// What happened.
    pub words: &'static str,
    /// How often.
    pub times: u32,
    /// Why it was refused, in our words.
    pub why: Option<&'a str>,
    /// What it was about, perhaps in a stranger's words.
    pub about: Option<&'a str>,
    /// Whether it is only a look at what there is.
    is_look: bool,
}

impl Told {
    /// # Errors
    /// The database's.
    pub fn of(
        conn: &mut DbConnection,
        attempt: Attempt,
        now: UnixTime,
    ) -> Result<Self, StorageError> {
        let facts = facts::find(conn, &attempt)?;
        let user = attempt.user_id.as_ref().map(|id| users::find(conn, id)).transpose()?.flatten();
        let diagnosis = diagnose(&attempt, &facts, now);
        Ok(Self { username: user.map(|user| user.username), diagnosis, facts, attempt })
    }

    /// Whether the app that it names is kept here.
    #[must_use]
    pub fn has_client(&self) -> bool {
        self.facts.client.is_some()
    }

    /// What the app calls itself; else what its program does; nothing if neither can be seen.
    #[must_use]
    pub fn called(&self) -> Option<String> {
        let name = self.facts.client.as_ref().and_then(|client| display_name(&client.name));
        let name = name.or_else(|| display_name(&self.attempt.agent))?;
        Some(name.chars().take(LONGEST_NAME).collect())
    }

    /// The step that it has come to, in words.
    #[must_use]
    pub fn how_far(&self) -> &'static str {
        let steps = self.steps();
        let far = steps.iter().rfind(|step| !step.is_look).or(steps.last());
        far.map_or("", |step| step.words)
    }

    /// What is kept of it, and what followed as other tables say it, in the order of time.
    #[must_use]
    pub fn steps(&self) -> Vec<Step<'_>> {
        let kept = self.attempt.story.steps().iter().map(Step::from);
        let mut steps: Vec<_> = kept.chain(self.afterwards()).collect();
        steps.sort_by_key(|step| step.at);
        steps
    }

    fn afterwards(&self) -> Vec<Step<'_>> {
        let mut after = vec![];
        if let Seen::Since(at) = self.facts.seen {
            after.push(Step::new(at, words!("A token was seen at work at the MCP server")));
        }
        if let Some(grant) = &self.facts.grant {
            if grant.last_used_at > grant.created_at {
                let words = words!("The app fetched new tokens, at the last");
                after.push(Step::new(grant.last_used_at, words));
            }
            if let Some(at) = grant.revoked_at {
                after.push(Step::new(at, words!("It was ended")));
            }
        }
        after
    }
}

impl Step<'_> {
    fn new(at: UnixTime, words: &'static str) -> Self {
        Self { at, words, times: 1, why: None, about: None, is_look: false }
    }
}

impl<'a> From<&'a Entry> for Step<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self {
            at: entry.at,
            words: said(entry.stage),
            times: entry.times,
            why: entry.why.as_deref(),
            about: entry.about.as_deref(),
            is_look: entry.stage.is_discovery(),
        }
    }
}
