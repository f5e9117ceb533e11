//! The OAuth 2.1 authorization server that sits beside an MCP server.

pub mod clock;
pub mod oauth;
