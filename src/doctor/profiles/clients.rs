//! One file for each client, and the four families of code that most of them are built on.

mod antigravity;
mod chatgpt;
mod claude_code;
mod claude_web;
mod codex;
mod copilot_cli;
mod cursor;
mod families;
mod fastmcp;
mod gemini;
mod goose;
mod grok;
mod inspector;
mod mcp_remote;
mod mcpjam;
mod opencode;
mod python_sdk;
mod rmcp;
mod typescript_sdk;
mod vscode;
mod zed;

use super::profile::Profile;

/// Every client whose habits are known.
pub const ALL: [Profile; 22] = [
    claude_web::PROFILE,
    claude_code::PROFILE,
    chatgpt::PROFILE,
    codex::PROFILE,
    cursor::PROFILE,
    vscode::PROFILE,
    gemini::PROFILE,
    antigravity::PROFILE,
    goose::PROFILE,
    grok::PROFILE,
    copilot_cli::PROFILE,
    zed::PROFILE,
    opencode::PROFILE,
    mcpjam::PROFILE,
    inspector::PROFILE,
    inspector::PROFILE_V1,
    mcp_remote::PROFILE,
    fastmcp::PROFILE,
    python_sdk::PROFILE,
    typescript_sdk::PROFILE,
    typescript_sdk::PROFILE_V1,
    rmcp::PROFILE,
];
