//! `MCP_OAUTH_NOTIFY_...`: who is told what happens, and what of it.

mod smtp;

use std::net::IpAddr;

use data_encoding::BASE64;
use lettre::message::Mailbox;
use secrecy::{SecretSlice, SecretString};
use url::Url;

use super::ConfigError;
use super::values::{Reader, wrong};
use smtp::smtp_server;
pub use smtp::{SmtpSecurity, SmtpServer};

/// Who is told, and what.
#[derive(Debug, Clone)]
pub struct Notify {
    /// A program.
    pub webhook: Option<Webhook>,
    /// A telephone.
    pub ntfy: Option<Ntfy>,
    /// A mailbox.
    pub mail: Option<Mail>,
    /// What they are told.
    pub topics: Vec<Topic>,
    /// The disk is low below so many free bytes; 0: nobody looks.
    pub low_disk: u64,
}

/// `MCP_OAUTH_NOTIFY_WEBHOOK`
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Where it is.
    pub url: Url,
    /// What its messages are signed with.
    pub key: SecretSlice<u8>,
}

/// `MCP_OAUTH_NOTIFY_NTFY`
#[derive(Debug, Clone)]
pub struct Ntfy {
    /// Of the server.
    pub url: Url,
    /// On that server.
    pub topic: String,
    /// Who may publish there.
    pub token: Option<SecretString>,
}

/// `MCP_OAUTH_NOTIFY_MAIL_TO` and the like.
#[derive(Debug, Clone)]
pub struct Mail {
    /// At least one.
    pub to: Vec<Mailbox>,
    /// The sender.
    pub from: Mailbox,
    /// Who takes it.
    pub server: SmtpServer,
}

/// Something that can be told, under the name that `MCP_OAUTH_NOTIFY_EVENTS` knows it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// `app_connected`
    AppConnected,
    /// `new_place`
    NewPlace,
    /// `replay`
    Replay,
    /// `lock_out`
    LockOut,
    /// `low_disk`
    LowDisk,
    /// `update`
    Update,
    /// `emergency`
    Emergency,
    /// `people`
    People,
}

/// Every topic, by its name.
pub const TOPICS: [(&str, Topic); 8] = [
    ("app_connected", Topic::AppConnected),
    ("new_place", Topic::NewPlace),
    ("replay", Topic::Replay),
    ("lock_out", Topic::LockOut),
    ("low_disk", Topic::LowDisk),
    ("update", Topic::Update),
    ("emergency", Topic::Emergency),
    ("people", Topic::People),
];

/// The shortest secret of a webhook, in characters.
const SHORTEST_SECRET: usize = 16;

impl Reader<'_> {
    pub(super) fn notify(&self) -> Result<Notify, ConfigError> {
        Ok(Notify {
            webhook: self.webhook()?,
            ntfy: self.ntfy()?,
            mail: self.mail()?,
            topics: self.topics()?,
            low_disk: self.size("notify_low_disk")?,
        })
    }

    fn webhook(&self) -> Result<Option<Webhook>, ConfigError> {
        const SECRET: &str = "notify_webhook_secret";
        match (self.address("notify_webhook")?, self.0.text(SECRET)) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(wrong(SECRET, "needs MCP_OAUTH_NOTIFY_WEBHOOK")),
            (Some(_), None) => {
                Err(wrong("notify_webhook", "needs MCP_OAUTH_NOTIFY_WEBHOOK_SECRET_FILE"))
            }
            (Some(url), Some(secret)) => {
                Ok(Some(Webhook { url, key: signing_key(secret).map_err(|e| wrong(SECRET, e))? }))
            }
        }
    }

    fn ntfy(&self) -> Result<Option<Ntfy>, ConfigError> {
        const KEY: &str = "notify_ntfy";
        let token = self.0.text("notify_ntfy_token");
        let Some(mut url) = self.address(KEY)? else {
            let alone = token.map(|_| wrong("notify_ntfy_token", "needs MCP_OAUTH_NOTIFY_NTFY"));
            return alone.map_or(Ok(None), Err);
        };
        if token.is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(wrong("notify_ntfy_token", "is no token"));
        }
        let topic = url.path().rsplit('/').next().unwrap_or_default().to_owned();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if url.query().is_some() || !(1..=64).contains(&topic.len()) || !topic.bytes().all(allowed)
        {
            return Err(wrong(KEY, "is no URL of a topic, like https://ntfy.sh/my-topic"));
        }
        let server = url.path().len() - topic.len();
        let path = url.path()[..server].to_owned();
        url.set_path(&path);
        Ok(Some(Ntfy { url, topic, token: token.map(SecretString::from) }))
    }

    fn mail(&self) -> Result<Option<Mail>, ConfigError> {
        const NEEDED: [&str; 3] = ["notify_mail_to", "notify_mail_from", "notify_smtp"];
        let [to, from, server] = NEEDED.map(|key| self.0.text(key));
        let (Some(to), Some(from), Some(server)) = (to, from, server) else {
            let all = [to, from, server, self.0.text("notify_smtp_password")];
            return match NEEDED.iter().find(|key| self.0.text(key).is_none()) {
                Some(missing) if all.iter().any(Option::is_some) => {
                    Err(wrong(missing, "is missing: mail needs an address to, from, and a server"))
                }
                _ => Ok(None),
            };
        };
        let mailbox = |key, text: &str| {
            let why = format!("({text}) is no mail address");
            text.trim().parse::<Mailbox>().map_err(|_| wrong(key, why))
        };
        let to: Result<Vec<Mailbox>, _> =
            to.split(',').map(|text| mailbox("notify_mail_to", text)).collect();
        let password = self.0.text("notify_smtp_password");
        Ok(Some(Mail {
            to: to?,
            from: mailbox("notify_mail_from", from)?,
            server: smtp_server(server, password).map_err(|why| wrong("notify_smtp", why))?,
        }))
    }

    fn topics(&self) -> Result<Vec<Topic>, ConfigError> {
        let text = self.0.text("notify_events").unwrap_or("all");
        if text.trim() == "all" {
            return Ok(TOPICS.iter().map(|(_, topic)| *topic).collect());
        }
        let words = text.split([',', ' ']).filter(|word| !word.is_empty());
        words.map(|word| topic(word).map_err(|why| wrong("notify_events", why))).collect()
    }

    /// https, or http to this machine. The text may be a secret, and is not shown.
    fn address(&self, key: &str) -> Result<Option<Url>, ConfigError> {
        let Some(text) = self.0.text(key) else { return Ok(None) };
        let url = Url::parse(text).map_err(|_| wrong(key, "is no absolute URL"))?;
        let host = url.host_str().unwrap_or_default();
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(host)) {
            return Err(wrong(key, "must be https, or http to this machine"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(wrong(key, "has a user name, a password or a fragment in it"));
        }
        Ok(Some(url))
    }

    /// Bytes, or `64K`, `256M`, `2G`.
    fn size(&self, key: &str) -> Result<u64, ConfigError> {
        let text = self.0.text(key).unwrap_or_default();
        let (number, factor) = match text.char_indices().next_back() {
            Some((last, 'K')) => (&text[..last], 1 << 10),
            Some((last, 'M')) => (&text[..last], 1 << 20),
            Some((last, 'G')) => (&text[..last], 1 << 30),
            _ => (text, 1),
        };
        let size = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        size.ok_or_else(|| wrong(key, format!("({text}) is not a size like 1000000, 64K or 256M")))
    }
}

fn topic(word: &str) -> Result<Topic, String> {
    let found = TOPICS.iter().find(|(name, _)| *name == word);
    found.map(|(_, topic)| *topic).ok_or_else(|| {
        let names = TOPICS.map(|(name, _)| name).join(", ");
        format!("({word}) is all, or some of: {names}")
    })
}

/// `whsec_` and base64 is how Standard Webhooks writes a key; any other text is one itself.
fn signing_key(secret: &str) -> Result<SecretSlice<u8>, &'static str> {
    if secret.len() < SHORTEST_SECRET {
        return Err("is shorter than 16 characters");
    }
    let Some(encoded) = secret.strip_prefix("whsec_") else {
        return Ok(secret.as_bytes().to_vec().into());
    };
    match BASE64.decode(encoded.as_bytes()) {
        Ok(key) if key.len() >= SHORTEST_SECRET => Ok(key.into()),
        _ => Err("begins with whsec_, and is not base64 of at least 16 bytes behind that"),
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
