//! The ways to tell, as the settings have them.

use super::client;
use std::time::Duration;

use url::Url;

use super::mail::Mail;
use super::message::Message;
use super::ntfy::Ntfy;
use super::webhook::Webhook;
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
pub fn channels(config: &Config) -> Result<Vec<Channel>, String> {
    let (notify, ca) = (&config.notify, &config.outgoing_ca);
    let mut channels = vec![];
    let (webhook, ntfy) = (notify.webhook.clone(), notify.ntfy.clone());
    let urls: Vec<&Url> =
        webhook.iter().map(|to| &to.url).chain(ntfy.iter().map(|to| &to.url)).collect();
    if !urls.is_empty() {
        let client = client::client(ca, urls.iter().any(|url| url.scheme() == "https"))?;
        channels.extend(webhook.map(|to| Channel::Webhook(Webhook::new(client.clone(), to))));
        channels.extend(ntfy.map(|to| Channel::Ntfy(Ntfy::new(client, to))));
    }
    if let Some(mail) = &notify.mail {
        channels.push(Channel::Mail(Box::new(Mail::new(mail, ca)?)));
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
