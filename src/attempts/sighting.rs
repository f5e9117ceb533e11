//! What was seen of an attempt to connect: where from, about what, which step. Bounded, and nothing in
//! it is a secret.

use std::net::IpAddr;

use crate::app::Network;
use crate::oauth::{ClientId, OAuthError, TokenHash, TokenId, TokenKind, TokenSecret, UserId};
use crate::storage::attempts::Stage;

/// What `doctor` calls itself, in `User-Agent` or, where it imitates somebody, in a header of this
/// name. Anybody can say so: it hides nothing, and gathers what is said so in one network in one story
/// that tells who it says it was.
pub const DOCTOR: &str = "mcp-oauthd-doctor";

/// The longest name of a program, in bytes.
const LONGEST_AGENT: usize = 200;
/// The longest text of a stranger about a step, in bytes.
const LONGEST_ABOUT: usize = 300;

/// Who it was, as far as that can be seen without a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// An IPv4 address, or the /48 that one IPv6 site has: no flood shall have many.
    pub network: String,
    /// `User-Agent`: RFC 9110 section 10.1.5.
    pub agent: String,
}

impl Origin {
    /// Of a request.
    #[must_use]
    pub fn new(address: IpAddr, agent: &str) -> Self {
        let network = Network::from(address).holder();
        Self { network, agent: bounded(agent, LONGEST_AGENT) }
    }
}

/// What a step is about, as far as the request names it. Keys of rows, which are no secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The client.
    pub client_id: Option<ClientId>,
    /// A pending authorization request, of the browser that has started it.
    pub request: Option<TokenId>,
    /// Who is signed in there.
    pub person: Option<UserId>,
    /// A code that was presented.
    pub code: Option<PresentedToken>,
    /// A refresh token that was presented.
    pub refresh: Option<PresentedToken>,
    /// The refresh token that was issued with a code.
    pub issued: Option<TokenId>,
}

/// A token that somebody has presented. Only its hash tells whether it is the one in that row: the
/// key alone is no secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PresentedToken {
    /// The key of the row.
    pub id: TokenId,
    /// Of the whole text.
    pub hash: TokenHash,
}

impl PresentedToken {
    /// None for what is not a token of this kind.
    #[must_use]
    pub fn parse(kind: TokenKind, text: &str) -> Option<Self> {
        let token = TokenSecret::parse(kind, text)?;
        Some(Self { id: token.id(), hash: token.hash() })
    }
}

impl Subject {
    /// A client, and nothing else.
    #[must_use]
    pub fn client(id: &ClientId) -> Self {
        Self { client_id: Some(id.clone()), ..Self::default() }
    }

    /// A pending request, and nothing else.
    #[must_use]
    pub fn request(id: TokenId) -> Self {
        Self { request: Some(id), ..Self::default() }
    }

    /// Who has signed in for it.
    #[must_use]
    pub fn by(self, person: &UserId) -> Self {
        Self { person: Some(person.clone()), ..self }
    }
}

/// One step, seen once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sighting {
    /// Who.
    pub origin: Origin,
    /// About what.
    pub subject: Subject,
    /// Which step.
    pub stage: Stage,
    /// Why it was refused, in our words.
    pub why: Option<String>,
    /// What it was about, perhaps in a stranger's words.
    pub about: Option<String>,
}

impl Sighting {
    /// A step of somebody of whom nothing else is known.
    #[must_use]
    pub fn new(origin: Origin, stage: Stage) -> Self {
        Self { origin, subject: Subject::default(), stage, why: None, about: None }
    }

    /// What it is about.
    #[must_use]
    pub fn of(self, subject: Subject) -> Self {
        Self { subject, ..self }
    }

    /// Why it was refused: `error: error_description`, which never repeats the request.
    #[must_use]
    pub fn because(self, refused: &OAuthError) -> Self {
        Self { why: Some(bounded(&refused.to_string(), LONGEST_ABOUT)), ..self }
    }

    /// What a stranger wrote, without what could be a secret in it.
    #[must_use]
    pub fn about(self, text: &str) -> Self {
        let text = bounded(&without_secrets(text), LONGEST_ABOUT);
        Self { about: Some(text).filter(|text| !text.is_empty()), ..self }
    }
}

/// A URL without its query, its fragment and its user, where secrets are.
fn without_secrets(text: &str) -> String {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let text = &text[..end];
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{scheme}://{host}{path}")
}

/// At most so many bytes, without what moves the cursor of a terminal.
fn bounded(text: &str, most: usize) -> String {
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(most).collect();
    let end = (0..=most.min(short.len())).rev().find(|end| short.is_char_boundary(*end));
    short.truncate(end.unwrap_or(0));
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Sighting {
        let origin = Origin::new(IpAddr::from([192, 0, 2, 1]), "agent");
        Sighting::new(origin, Stage::AskRefused)
    }

    #[test]
    fn a_url_is_kept_without_what_could_be_a_secret() {
        for (text, kept) in [
            ("http://localhost:1234/x?token=1&b=2", "http://localhost:1234/x"),
            ("https://user:pass@h.example/cb#frag", "https://h.example/cb"),
            ("https://h.example", "https://h.example"),
            ("cursor://a/b?code=x", "cursor://a/b"),
            ("no url?x", "no url"),
            ("a\u{1b}[2Jb\n", "a[2Jb"),
        ] {
            assert_eq!(seen().about(text).about.as_deref(), Some(kept), "{text}");
        }
        assert_eq!(seen().about("?only=query").about, None);
    }

    #[test]
    fn what_strangers_write_is_cut_between_characters() {
        let origin = Origin::new(IpAddr::from([192, 0, 2, 1]), &"ü".repeat(1000));
        assert_eq!(origin.agent.len(), LONGEST_AGENT);
        let odd = format!("a{}", "ü".repeat(1000));
        assert_eq!(seen().about(&odd).about.map(|text| text.len()), Some(LONGEST_ABOUT - 1));
    }

    #[test]
    fn one_site_is_one_network() {
        let network = |text: &str| Origin::new(text.parse().unwrap(), "").network;
        assert_eq!(network("2001:db8:1:2::3"), "2001:db8:1::/48");
        assert_eq!(network("2001:db8:1:ffff::3"), network("2001:db8:1:2::3"));
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
