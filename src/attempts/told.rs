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
    /// What the person is called who said yes.
    pub username: Option<String>,
    /// How it stands, and why.
    pub diagnosis: Diagnosis,
    facts: Facts,
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
        if let Some((_, words)) = self.afterwards().last() {
            return words;
        }
        let steps = self.attempt.story.steps();
        let far = steps.iter().rfind(|step| !step.stage.is_discovery()).or(steps.last());
        far.map_or("", |step| said(step.stage))
    }

    /// What is kept of it.
    #[must_use]
    pub fn steps(&self) -> &[Entry] {
        self.attempt.story.steps()
    }

    /// What followed, as other tables say it.
    #[must_use]
    pub fn afterwards(&self) -> Vec<(UnixTime, &'static str)> {
        let mut after = vec![];
        if let Seen::Since(at) = self.facts.seen {
            after.push((at, words!("A token was seen at work at the MCP server")));
        }
        if let Some(grant) = &self.facts.grant {
            if grant.last_used_at > grant.created_at {
                after.push((grant.last_used_at, words!("The app fetched new tokens, at the last")));
            }
            if let Some(at) = grant.revoked_at {
                after.push((at, words!("It was ended")));
            }
        }
        after.sort_by_key(|(at, _)| *at);
        after
    }
}
