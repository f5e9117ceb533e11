//! The OAuth 2.1 authorization server that sits beside an MCP server.

pub mod accounts;
pub mod app;
pub mod authorization;
pub mod cli;
pub mod clients;
pub mod clock;
pub mod config;
pub mod endpoints;
pub mod error;
pub mod gate;
pub mod grant_types;
pub mod metrics;
pub mod middleware;
pub mod oauth;
pub mod pages;
pub mod revocation;
pub mod server;
pub mod storage;
pub mod sweeper;
pub mod telemetry;
