//! The ways to tell, as the settings have them.

use std::time::Duration;

use super::mail::Mail;
use super::message::Message;
use super::ntfy::Ntfy;
use super::webhook::Webhook;
use crate::app::fetcher::Fetcher;
use crate::clock::{Seconds, UnixTime};
use crate::config::Config;

/// How long one attempt may take.
const LONGEST: Duration = Duration::from_secs(15);

/// A way to tell.
pub enum Channel {
    /// A program: Standard Webhooks.
    Webhook(Webhook),
    /// A telephone.
    Ntfy(Ntfy),
    /// A mailbox.
    Mail(Box<Mail>),
}

/// Why a message was not taken.
#[derive(Debug)]
pub struct Problem {
    /// Whether somebody answered; else nobody was reached.
    pub is_answer: bool,
    /// In words, without a secret.
    pub why: String,
    /// For how long the receiver does not want to be asked again.
    pub retry_after: Option<Seconds>,
}

/// Every channel that the settings have.
///
/// # Errors
/// In words: certificates that are none, a system that trusts nobody.
pub fn channels(config: &Config, fetcher: &Fetcher) -> Result<Vec<Channel>, String> {
    let notify = &config.notify;
    let mut channels = vec![];
    if let Some(to) = notify.webhook.clone() {
        let client = fetcher.client_for(&to.url).map_err(|error| error.to_string())?;
        channels.push(Channel::Webhook(Webhook::new(client.clone(), to)));
    }
    if let Some(to) = notify.ntfy.clone() {
        let client = fetcher.client_for(&to.url).map_err(|error| error.to_string())?;
        channels.push(Channel::Ntfy(Ntfy::new(client.clone(), to)));
    }
    if let Some(mail) = &notify.mail {
        channels.push(Channel::Mail(Box::new(Mail::new(mail, &config.outgoing_ca)?)));
    }
    Ok(channels)
}

impl Channel {
    /// In the database, the metrics and the command line.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Ntfy(_) => "ntfy",
            Self::Mail(_) => "mail",
        }
    }

    /// Tells it once. What the receiver said.
    ///
    /// # Errors
    /// When it was not taken.
    pub async fn send(&self, message: &Message, now: UnixTime) -> Result<String, Problem> {
        let sent = async {
            match self {
                Self::Webhook(webhook) => webhook.send(message, now).await,
                Self::Ntfy(ntfy) => ntfy.send(message, now).await,
                Self::Mail(mail) => mail.send(message, now).await,
            }
        };
        // A mail server may fall silent between any two of its answers.
        tokio::time::timeout(LONGEST, sent).await.unwrap_or_else(|_| {
            let why = "it takes too long".to_owned();
            Err(Problem { is_answer: false, why, retry_after: None })
        })
    }
}
