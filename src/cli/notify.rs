//! `notify`: whether those who are told what happens can be reached.

use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use super::{Failure, output};
use crate::app::fetcher::Fetcher;
use crate::clock::Clock;
use crate::config::Config;
use crate::notifier::{self, Channel, Message};

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Send a test message, also while the service does not run
    Test {
        /// Over this channel only
        #[arg(long)]
        channel: Option<Name>,
        /// For programs
        #[arg(long)]
        json: bool,
    },
}

/// A channel.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Name {
    /// `MCP_OAUTH_NOTIFY_WEBHOOK`
    Webhook,
    /// `MCP_OAUTH_NOTIFY_NTFY`
    Ntfy,
    /// `MCP_OAUTH_NOTIFY_MAIL_TO`
    Mail,
}

/// What happened to the message on one channel.
#[derive(Serialize)]
struct Sent {
    channel: &'static str,
    told: bool,
    /// Whether anybody answered.
    reached: bool,
    answer: String,
}

/// Runs it.
///
/// # Errors
/// 1 when somebody did not take it, 69 when somebody was not reached, 78 when there is nobody to
/// tell.
pub async fn run(command: Command, config: &Config) -> Result<(), Failure> {
    let Command::Test { channel, json } = command;
    let mut channels = channels(config)?;
    let wanted = channel.map(|name| match name {
        Name::Webhook => ("webhook", "MCP_OAUTH_NOTIFY_WEBHOOK"),
        Name::Ntfy => ("ntfy", "MCP_OAUTH_NOTIFY_NTFY"),
        Name::Mail => ("mail", "MCP_OAUTH_NOTIFY_MAIL_TO"),
    });
    channels.retain(|channel| wanted.is_none_or(|(name, _)| name == channel.name()));
    if channels.is_empty() {
        let setting = wanted.map_or("MCP_OAUTH_NOTIFY_...", |(_, setting)| setting);
        return Err(Failure::Configuration(format!(
            "{setting} is not set: nobody is told what happens\nhint: set \
             MCP_OAUTH_NOTIFY_WEBHOOK, MCP_OAUTH_NOTIFY_NTFY or MCP_OAUTH_NOTIFY_MAIL_TO"
        )));
    }
    let now = Clock::System.now();
    let message = Message::test(&config.issuer, now);
    let mut all = vec![];
    for channel in &channels {
        let (told, reached, answer) = match channel.send(&message, now).await {
            Ok(answer) => (true, true, answer),
            Err(problem) => (false, problem.is_answer, problem.why),
        };
        all.push(Sent { channel: channel.name(), told, reached, answer });
    }
    show(&all, json)?;
    let untold = |reached| all.iter().any(|sent| !sent.told && sent.reached == reached);
    if untold(true) {
        return Err(Failure::Failed("the message was not taken".to_owned()));
    }
    if untold(false) {
        return Err(Failure::Unavailable("nobody was reached".to_owned()));
    }
    Ok(())
}

/// Every channel that the settings have, ready to be used.
///
/// # Errors
/// 78 when no certificate is trusted.
pub(super) fn channels(config: &Config) -> Result<Vec<Channel>, Failure> {
    let fetcher = Fetcher::new(config.outgoing_ca.clone());
    notifier::channels(config, &fetcher)
        .map_err(|why| Failure::Configuration(format!("MCP_OAUTH_OUTGOING_CA_FILE: {why}")))
}

fn show(all: &[Sent], json: bool) -> Result<(), Failure> {
    if json {
        return output::json(&all);
    }
    all.iter().try_for_each(|sent| {
        let outcome = if sent.told { "told" } else { "not told" };
        output::line(&format!("{}: {outcome} ({})", sent.channel, output::printable(&sent.answer)))
    })
}
