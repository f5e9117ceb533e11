//! `MCP_OAUTH_NOTIFY_SMTP`: who takes the mail, and how it gets there (RFC 5321, RFC 8314).

use secrecy::SecretString;
use url::Url;

use super::is_loopback;

/// `MCP_OAUTH_NOTIFY_SMTP`
#[derive(Debug, Clone)]
pub struct SmtpServer {
    /// A name, or an address without brackets.
    pub host: String,
    /// 465 or 587 if nothing else is said.
    pub port: u16,
    /// How it is encrypted.
    pub security: SmtpSecurity,
    /// User name and password.
    pub credentials: Option<(String, SecretString)>,
}

/// How a mail is encrypted on its way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// From the first byte: RFC 8314 section 3.3.
    Tls,
    /// From the STARTTLS command on, without which nothing is sent: RFC 3207.
    StartTls,
    /// Not at all, because it never leaves the machine.
    Plain,
}

/// `smtps://user@host:465`, `smtp://user@host:587`.
pub(super) fn smtp_server(text: &str, password: Option<&str>) -> Result<SmtpServer, String> {
    let wrong = |why: &str| format!("({text}) {why}");
    let url = Url::parse(text).map_err(|_| wrong("is no URL like smtps://user@host:465"))?;
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    if url.password().is_some() {
        // Not shown.
        return Err("has a password in it, whose place is MCP_OAUTH_NOTIFY_SMTP_PASSWORD".into());
    }
    if host.is_empty() || !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(wrong("is no URL like smtps://user@host:465"));
    }
    let (security, port) = match (url.scheme(), url.query()) {
        ("smtps", None) => (SmtpSecurity::Tls, 465),
        ("smtp", None) if is_loopback(&host) => (SmtpSecurity::Plain, 25),
        ("smtp", None | Some("tls=required")) => (SmtpSecurity::StartTls, 587),
        _ => return Err(wrong("is neither smtps:// nor smtp://")),
    };
    let user = percent_encoding::percent_decode_str(url.username()).decode_utf8_lossy();
    let credentials = match (user.is_empty(), password) {
        (true, None) => None,
        (false, Some(password)) => Some((user.into_owned(), password.into())),
        (false, None) => return Err(wrong("needs MCP_OAUTH_NOTIFY_SMTP_PASSWORD_FILE")),
        (true, Some(_)) => return Err(wrong("has no user name, but there is a password")),
    };
    Ok(SmtpServer { host, port: url.port().unwrap_or(port), security, credentials })
}
