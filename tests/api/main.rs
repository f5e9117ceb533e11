//! The service as clients, resources and people see it: over HTTP, on a real file, with a clock
//! that the test moves.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(unreachable_pub, reason = "one binary has no outside")]

mod endpoints;
mod flows;
#[path = "../cli/replaced.rs"]
mod replaced;
mod support;
