//! `allow`: who of a provider's people may come in.

use std::fmt;
use std::str::FromStr;

/// Somebody of a provider's who may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// `*`
    Everybody,
    /// `sub:…`: the one name of an account that never changes.
    Subject(String),
    /// `user:…`: a user name. Good only where people cannot choose theirs.
    Username(String),
    /// `ada@example.org`: a mail address that the provider has verified.
    Mail(String),
    /// `@example.org`: any verified mail address of exactly this domain.
    Domain(String),
    /// `org:…`: an organisation of GitHub's, or a member of the claim `groups`.
    Organisation(String),
}

impl FromStr for Allowed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let visible = |text: &str| !text.is_empty() && !text.contains(char::is_control);
        match (text.split_once(':'), text.split_once('@')) {
            _ if text == "*" => Ok(Self::Everybody),
            (Some(("sub", subject)), _) if visible(subject) => Ok(Self::Subject(subject.into())),
            (Some(("user", name)), _) if visible(name) => Ok(Self::Username(name.into())),
            (Some(("org", name)), _) if visible(name) => Ok(Self::Organisation(name.into())),
            (None, Some((local, domain))) if is_domain(domain) => Ok(if local.is_empty() {
                Self::Domain(domain.to_ascii_lowercase())
            } else {
                Self::Mail(text.to_ascii_lowercase())
            }),
            _ => Err("is none of sub:ID, user:NAME, ada@example.org, @example.org, org:NAME or *"),
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => f.write_str("*"),
            Self::Subject(subject) => write!(f, "sub:{subject}"),
            Self::Username(name) => write!(f, "user:{name}"),
            Self::Mail(mail) => f.write_str(mail),
            Self::Domain(domain) => write!(f, "@{domain}"),
            Self::Organisation(name) => write!(f, "org:{name}"),
        }
    }
}

/// In ASCII, as mail addresses of providers have it: a name of another script is written `xn--…`.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(allowed)
    };
    text.split('.').all(label)
}
