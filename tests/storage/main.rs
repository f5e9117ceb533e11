//! The two verbs of `Storage`, on every engine, and how SQLite's file is opened.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod contention;
mod damage;
mod engines;
mod following;
mod groups;
mod ids;
mod lists;
mod opening;
mod refusals;
mod remembering;
mod schema;
mod upgrade;
mod verbs;
