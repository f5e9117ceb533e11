//! The command line: one file for each command. They act on the database, also while the service
//! runs; what they revoke is revoked at its next request.

pub mod access;
pub mod audit;
pub mod backup;
pub mod client;
pub mod config;
pub mod connection;
pub mod doctor;
pub mod export;
mod failure;
pub mod gc;
pub mod grant;
pub mod healthcheck;
pub mod import;
pub mod issuer;
pub mod notify;
pub mod output;
pub mod registration_token;
pub mod resource;
pub mod restore;
pub mod serve;
pub mod settings;
pub mod user;

use std::path::Path;
use std::pin::Pin;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::config::{Config, Database};
use crate::storage::{Limits, Missing, Storage};
pub use failure::Failure;
use settings::Settings;

/// The OAuth 2.1 authorization server that sits beside an MCP server.
#[derive(Debug, Parser)]
#[command(name = "mcp-oauthd", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service
    Serve,
    /// People who may sign in
    #[command(subcommand)]
    User(user::Command),
    /// MCP servers, which may introspect tokens
    #[command(subcommand)]
    Resource(resource::Command),
    /// Apps that ask for access
    #[command(subcommand)]
    Client(client::Command),
    /// Tokens with which apps register, where not every one may
    #[command(subcommand)]
    RegistrationToken(registration_token::Command),
    /// What people have said yes to
    #[command(subcommand)]
    Grant(grant::Command),
    /// How each attempt to connect went, and why it did not succeed
    #[command(subcommand)]
    Connection(connection::Command),
    /// Close MCP servers to everybody for a while
    #[command(subcommand)]
    Access(access::Command),
    /// Copy the database, also while the service runs; keep the copy as you keep the database
    Backup(backup::Arguments),
    /// Put a backup into the place of the database, while the service does not run
    Restore(restore::Arguments),
    /// What was decided about access, by whom and when
    #[command(subcommand)]
    Audit(audit::Command),
    /// Write all that is portable as lines of JSON, for `import`
    Export(export::Arguments),
    /// Take over what is elsewhere
    Import(import::Arguments),
    /// Change the public URL of the service, and keep clients of the former one connected
    #[command(subcommand)]
    Issuer(issuer::Command),
    /// Delete what is past its time (the service does so by itself)
    Gc,
    /// Those who are told what happens: webhook, ntfy, mail
    #[command(subcommand)]
    Notify(notify::Command),
    /// Say whether clients can connect, and what mends it where they cannot
    Doctor(doctor::Arguments),
    /// Ask a running service whether it is ready
    Healthcheck,
    /// The settings
    #[command(subcommand)]
    Config(config::Command),
    /// Print a completion script for a shell
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// Parses the arguments, and runs one command. 2 for arguments that cannot be understood.
#[must_use]
pub fn main() -> ExitCode {
    // What we create is for our user alone, and our memory is for nobody.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _no_core_dumps = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.exit(),
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Config(command) => return config::run(&command, &cli.settings),
        Command::Completions { shell } => {
            let mut script = vec![];
            clap_complete::generate(shell, &mut Cli::command(), "mcp-oauthd", &mut script);
            return output::bytes(&script);
        }
        Command::Man => {
            let mut page = vec![];
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            return output::bytes(&page);
        }
        _ => {}
    }
    let config = Config::from_sources(&cli.settings.sources()?)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    run_to_end(runtime, async {
        match cli.command {
            Command::Serve => serve::run(config).await,
            Command::Healthcheck => healthcheck::run(&config).await,
            Command::User(command) => user::run(command, &config).await,
            Command::Resource(command) => resource::run(command, &config).await,
            Command::Client(command) => client::run(command, &config).await,
            Command::RegistrationToken(command) => registration_token::run(command, &config).await,
            Command::Grant(command) => grant::run(command, &config).await,
            Command::Connection(command) => connection::run(command, &config).await,
            Command::Access(command) => access::run(command, &config).await,
            Command::Audit(command) => audit::run(command, &config).await,
            Command::Doctor(arguments) => doctor::run(arguments, &config).await,
            Command::Backup(arguments) => backup::run(arguments, &config).await,
            Command::Restore(arguments) => restore::run(arguments, &config).await,
            Command::Export(arguments) => export::run(arguments, &config).await,
            Command::Import(arguments) => import::run(arguments, &config).await,
            Command::Issuer(command) => issuer::run(command, &config).await,
            Command::Gc => gc::run(&config).await,
            Command::Notify(command) => notify::run(command, &config).await,
            Command::Config(_) | Command::Completions { .. } | Command::Man => Ok(()),
        }
    })
}

/// Runs a command, and waits for nothing else: what it started beside itself, as the look at every
/// page after a crash, may take minutes on a thread of its own.
fn run_to_end<T>(runtime: tokio::runtime::Runtime, command: impl Future<Output = T>) -> T {
    // Without its type: otherwise every command is compiled once for each kind of runtime.
    let command: Pin<Box<dyn Future<Output = T>>> = Box::pin(command);
    let outcome = runtime.block_on(command);
    runtime.shutdown_background();
    outcome
}

/// Opens the database of a command beside the service.
pub(crate) fn open(config: &Config, missing: Missing) -> Result<Storage, Failure> {
    file(config)?;
    let clock = crate::clock::Clock::System;
    Ok(Storage::open(&config.database, missing, limits(config), clock)?)
}

/// Where the database of a command is.
pub(crate) fn file(config: &Config) -> Result<&Path, Failure> {
    match &config.database {
        Database::File(path) => Ok(path),
        Database::Memory => {
            let why = "MCP_OAUTH_DB is :memory:, which only `serve` can use";
            Err(Failure::Configuration(why.to_owned()))
        }
    }
}

/// What the settings allow a storage.
fn limits(config: &Config) -> Limits {
    Limits {
        queue: config.limits.queue,
        longest_wait: std::time::Duration::from_secs(config.limits.write_wait.0.unsigned_abs()),
        known_tokens: config.limits.known_tokens,
        update_copies: config.limits.update_copies,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_does_not_wait_for_what_runs_beside_it() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        run_to_end(runtime.unwrap(), async {
            tokio::task::spawn_blocking(move || ended.recv());
        });
        assert!(end.send(()).is_ok(), "it was still running");
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
