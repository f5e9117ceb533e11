//! The binary as an operator meets it: commands, exit codes, and what refuses to start.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(unreachable_pub, reason = "one binary has no outside")]

mod access;
mod archive;
mod audit;
mod backup;
mod client_document;
mod commands;
mod connection;
mod doctor;
mod import_replaced;
mod issuer;
mod notify;
mod registration_token;
mod replaced;
mod restore;
mod stand_in;
mod start;
mod support;
