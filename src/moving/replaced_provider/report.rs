//! What was taken, and what was left, and why.

use serde::Serialize;

/// As many as explain what is meant.
const EXAMPLES: usize = 5;

/// All of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// What is here now; of a dry run, what would be.
    pub taken: Counts,
    /// What was here before, perhaps ended since.
    pub already_here: Counts,
    /// What cannot be used here.
    pub left: Vec<Left>,
    /// What was past its time.
    pub expired: Expired,
}

/// How many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Apps that registered themselves.
    pub clients: usize,
    /// Codes on their way.
    pub codes: usize,
    /// Grants, each of a token or a pair.
    pub grants: usize,
    /// Of those.
    pub access_tokens: usize,
    /// Of those.
    pub refresh_tokens: usize,
}

/// How many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Expired {
    /// Codes.
    pub codes: usize,
    /// Tokens of both kinds.
    pub tokens: usize,
}

/// Some of one kind, for one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Of which kind.
    pub what: &'static str,
    /// The cause.
    pub why: &'static str,
    /// How many.
    pub count: usize,
    /// The first of them: ids of clients, or the MCP servers that they name, in strangers' words.
    pub examples: Vec<String>,
}

impl Report {
    /// One more is left.
    pub(super) fn leave(&mut self, what: &'static str, why: &'static str, example: &str) {
        let examples = vec![example.to_owned()];
        self.add_left(Left { what, why, count: 1, examples });
    }

    /// Adds what a batch has done.
    pub(super) fn add(&mut self, other: Self) {
        self.taken.add(other.taken);
        self.already_here.add(other.already_here);
        self.expired.codes += other.expired.codes;
        self.expired.tokens += other.expired.tokens;
        other.left.into_iter().for_each(|left| self.add_left(left));
    }

    fn add_left(&mut self, more: Left) {
        let same = |left: &&mut Left| (left.what, left.why) == (more.what, more.why);
        let Some(left) = self.left.iter_mut().find(same) else { return self.left.push(more) };
        left.count += more.count;
        for example in more.examples {
            if left.examples.len() < EXAMPLES && !left.examples.contains(&example) {
                left.examples.push(example);
            }
        }
    }
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.clients += other.clients;
        self.codes += other.codes;
        self.grants += other.grants;
        self.access_tokens += other.access_tokens;
        self.refresh_tokens += other.refresh_tokens;
    }
}
