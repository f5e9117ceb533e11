//! The binary: one command, one exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    mcp_oauthd::cli::main()
}
