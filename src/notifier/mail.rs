//! A mailbox is told by SMTP: RFC 5321, RFC 5322, RFC 3834.

use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{Error, extension::ClientId};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use secrecy::ExposeSecret as _;

use super::channel::Problem;
use super::message::Message;
use crate::clock::UnixTime;
use crate::config::{self, Certificates, SmtpSecurity};

/// How long the server may take for each of its answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// Mailboxes, and who takes mail for them.
pub struct Mail {
    to: config::Mail,
    server: AsyncSmtpTransport<Tokio1Executor>,
}

impl Mail {
    /// # Errors
    /// In words: certificates that are none, a system that trusts nobody.
    pub(super) fn new(to: &config::Mail, ca: &Certificates) -> Result<Self, String> {
        let server = &to.server;
        let tls = match server.security {
            SmtpSecurity::Plain => Tls::None,
            SmtpSecurity::StartTls => Tls::Required(parameters(&server.host, ca)?),
            SmtpSecurity::Tls => Tls::Wrapper(parameters(&server.host, ca)?),
        };
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(server.port)
            .tls(tls)
            .hello_name(ClientId::default())
            .timeout(Some(PATIENCE));
        let transport = match &server.credentials {
            Some((user, password)) => transport
                .credentials(Credentials::new(user.clone(), password.expose_secret().to_owned())),
            None => transport,
        };
        Ok(Self { to: to.clone(), server: transport.build() })
    }

    pub(super) async fn send(&self, message: &Message, now: UnixTime) -> Result<String, Problem> {
        let mail = compose(&self.to, message, now).map_err(|error| Problem {
            is_answer: true,
            why: error.to_string(),
            retry_after: None,
        })?;
        let sent = self.server.send(mail).await.map_err(|error| problem(&error))?;
        let words: String = sent.message().collect::<Vec<_>>().join(" ");
        Ok(format!("{} {words}", sent.code()).trim_end().to_owned())
    }
}

fn problem(error: &Error) -> Problem {
    let why = match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    let why = why.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Problem { is_answer: error.status().is_some(), why, retry_after: None }
}

/// No header has a word in it that somebody else has written: titles are ours, addresses the
/// operator's.
fn compose(
    to: &config::Mail,
    message: &Message,
    now: UnixTime,
) -> Result<lettre::Message, lettre::error::Error> {
    let since_epoch = Duration::from_secs(u64::try_from(now.0).unwrap_or(0));
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    let mail = lettre::Message::builder()
        .from(to.from.clone())
        .subject(format!("{} ({})", message.title, message.host))
        .message_id(Some(format!("<{}@{}>", message.id, message.host)))
        .date(UNIX_EPOCH + since_epoch)
        .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
        .header(ContentType::TEXT_PLAIN);
    let mail = to.to.iter().fold(mail, |mail, mailbox| mail.to(mailbox.clone()));
    let text = format!("{}\n\nWhen: {}\nMore: {}\n", message.text, message.at, message.url);
    mail.body(text)
}

fn parameters(host: &str, ca: &Certificates) -> Result<TlsParameters, String> {
    let mut parameters = TlsParameters::builder(host.to_owned());
    for der in ca.iter() {
        let certificate =
            Certificate::from_der(der.to_vec()).map_err(|error| problem(&error).why)?;
        parameters = parameters.add_root_certificate(certificate);
    }
    parameters.build().map_err(|error| problem(&error).why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(text: &str) -> String {
        let to = config::Mail {
            to: vec!["Ada <ada@h.example>".parse().unwrap(), "b@h.example".parse().unwrap()],
            from: "mcp@h.example".parse().unwrap(),
            server: config::SmtpServer {
                host: "h.example".to_owned(),
                port: 25,
                security: SmtpSecurity::Plain,
                credentials: None,
            },
        };
        let issuer = "https://auth.example".parse().unwrap();
        let message = Message { text: text.to_owned(), ..Message::test(&issuer, UnixTime(0)) };
        let mail = compose(&to, &message, UnixTime(1_700_000_000)).unwrap();
        String::from_utf8(mail.formatted()).unwrap()
    }

    #[test]
    fn a_mail_says_that_a_machine_wrote_it() {
        let mail = composed("Hello.");
        let (head, body) = mail.split_once("\r\n\r\n").unwrap();
        for line in [
            "From: mcp@h.example",
            "To: Ada <ada@h.example>, b@h.example",
            "Subject: A test (auth.example)",
            "Date: Tue, 14 Nov 2023 22:13:20 +0000",
            "Auto-Submitted: auto-generated",
            "Content-Type: text/plain; charset=utf-8",
        ] {
            assert!(head.lines().any(|found| found == line), "{line}: {head}");
        }
        assert!(head.contains("Message-ID: <evt_test_0@auth.example>"), "{head}");
        assert!(body.starts_with("Hello.\r\n\r\nWhen: 1970-01-01T00:00:00Z\r\n"), "{body}");
    }

    #[test]
    fn no_text_becomes_a_header() {
        let hostile = "x\r\nBcc: eve@h.example\r\n\r\n<script>";
        let mail = composed(hostile);
        let (head, body) = mail.split_once("\r\n\r\n").unwrap();
        assert!(!head.contains("eve") && body.contains("Bcc: eve@h.example"), "{mail}");
    }
}
