//! Who an app is: what of it is verified, and what it only says (MCP, security best practices,
//! "consent"; OAuth 2.1 section 7.10).

use crate::clients::look_alike::{self, Behind, Ourselves, Pose};
use crate::clients::{connecting, known};
use crate::config::{Config, Connecting};
use crate::oauth::{ClientId, ClientIdUrl, Destination, RedirectUri, display_name};
use crate::pages::Frame;
use crate::pages::language::Html;
use crate::storage;
use crate::storage::clients::Client;
use crate::words;

/// Enough for every honest name, and the decision stays in sight.
const LONGEST_NAME: usize = 80;

/// How we know a client, which is how far it can be trusted. Its name never is by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientOrigin {
    /// By anonymous registration: RFC 7591.
    Registered,
    /// The same, but its answers go to a well-known client, and nobody else gets them.
    KnownCallback {
        /// The host to which they go.
        host: String,
    },
    /// By a document that this host publishes.
    MetadataDocument {
        /// The host of the `client_id`.
        host: String,
    },
    /// It says so, and every program on the person's own computer could: the answers go there (Client
    /// ID Metadata Document draft -01, section 6.1; MCP, "localhost redirect URI risks").
    ClaimedDocument {
        /// The host of the `client_id`.
        host: String,
    },
    /// The operator added it.
    Configured,
}

impl ClientOrigin {
    /// Of the client with this id, whose answers go there.
    #[must_use]
    pub fn of(
        (origin, id): (storage::ClientOrigin, &ClientId),
        answers: &[RedirectUri],
        connecting: &Connecting,
    ) -> Self {
        match (origin, ClientIdUrl::of(id)) {
            (storage::ClientOrigin::Configured, _) => Self::Configured,
            (storage::ClientOrigin::Document, Some(url)) => {
                let leave = |uri: &RedirectUri| matches!(uri.destination(), Destination::Web(_));
                let host = url.host();
                if answers.iter().all(leave) {
                    Self::MetadataDocument { host }
                } else {
                    Self::ClaimedDocument { host }
                }
            }
            _ => Self::of_registration(answers, connecting),
        }
    }

    /// All of the answers have to go to the one host.
    fn of_registration(answers: &[RedirectUri], connecting: &Connecting) -> Self {
        let host = |uri: &RedirectUri| match uri.destination() {
            Destination::Web(host) if known::is_known_site(uri, connecting) => Some(host.clone()),
            _ => None,
        };
        let first = answers.first().and_then(host);
        match first.filter(|first| answers.iter().all(|uri| host(uri).as_ref() == Some(first))) {
            Some(host) => Self::KnownCallback { host },
            None => Self::Registered,
        }
    }

    /// Whether anything of it is verified.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        !matches!(self, Self::Registered | Self::ClaimedDocument { .. })
    }

    pub(in crate::pages) fn words(&self, frame: &Frame) -> Html {
        let (words, host) = match self {
            Self::Registered => {
                (words!("This app registered itself. Nobody has verified its name."), None)
            }
            Self::KnownCallback { host } => {
                let words = words!(
                    "This app registered itself. Access goes only to {}, and only that is verified."
                );
                (words, Some(host))
            }
            Self::MetadataDocument { host } => {
                (words!("This app is described at {}. Only that address is verified."), Some(host))
            }
            Self::ClaimedDocument { host } => {
                let words = words!(
                    "This app says that it is described at {}. Any program on this device could \
                     say the same."
                );
                (words, Some(host))
            }
            Self::Configured => {
                (words!("This app was added by the operator of this server."), None)
            }
        };
        frame.say(words, host.as_slice())
    }
}

/// Whom the app's name poses as, if its answers go there. Whom the operator has named poses as nobody.
pub(in crate::pages) fn pose(
    client: &Client,
    answers: &[RedirectUri],
    config: &Config,
) -> Option<Pose> {
    let name = shown_name(&client.name)?;
    let origin = (client.origin, &client.client_id);
    let origin = ClientOrigin::of(origin, answers, &config.connecting);
    let ours = Ourselves { brand: config.brand.name.as_deref(), host: config.issuer.host() };
    let is_named = connecting::is_named(client, &config.connecting);
    let behind = |uri| match (&origin, RedirectUri::destination(uri)) {
        (ClientOrigin::Configured, _) => Behind::Operator,
        _ if is_named => Behind::Operator,
        (ClientOrigin::MetadataDocument { host } | ClientOrigin::ClaimedDocument { host }, _)
        | (_, Destination::Web(host)) => Behind::Host(host),
        _ => Behind::AnyProgram,
    };
    answers.iter().find_map(|uri| look_alike::pose(&name, behind(uri), ours))
}

/// The warning beside the name.
pub(in crate::pages) fn warning(pose: &Pose, frame: &Frame) -> Html {
    const NOTHING: &[&str] = &[];
    match pose {
        Pose::Elsewhere { name, home } => {
            frame.say(words!("It is like that of {}, but this app is not from {}."), &[name, home])
        }
        Pose::Disguised { name } => frame.say(
            words!("It is written so that it looks like {}, with letters that are others."),
            &[name],
        ),
        Pose::Ours => frame.say(
            words!(
                "It is like the name of this server. This is another program, and not part of it."
            ),
            NOTHING,
        ),
        Pose::Vouched => frame
            .say(words!("It says that somebody has looked at this app. Nobody here has."), NOTHING),
    }
}

/// What a client calls itself, as it is shown: short, in one line, and without the signs by which
/// pages say that something is good. None if nothing is left to be seen.
#[must_use]
pub fn shown_name(name: &str) -> Option<String> {
    let name = display_name(name)?;
    let mut unmarked = String::new();
    let mut after_mark = false;
    for c in name.chars() {
        // With the selector that would make a picture of it.
        let selects = after_mark && ('\u{fe00}'..='\u{fe0f}').contains(&c);
        after_mark = is_mark(c);
        if !after_mark && !selects {
            unmarked.push(c);
        }
    }
    let words: Vec<&str> = unmarked.split_whitespace().collect();
    let short: String = words.join(" ").chars().take(LONGEST_NAME).collect();
    display_name(&short)
}

/// Ticks, locks, shields and warning signs.
fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\u{2611}'
            | '\u{2705}'
            | '\u{2713}'
            | '\u{2714}'
            | '\u{221a}'
            | '\u{237b}'
            | '\u{26a0}'
            | '\u{26e8}'
            | '\u{26d4}'
            | '\u{1f50f}'
            ..='\u{1f513}'
                | '\u{1f5f8}'
                | '\u{1f5f9}'
                | '\u{1f6ab}'
                | '\u{1f6d1}'
                | '\u{1f6e1}'
                | '\u{1f6c2}'
                | '\u{1fbb1}'
                | '\u{1f4db}'
                | '\u{1f396}'
                | '\u{1f197}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_line_an_end_and_none_of_our_signs() {
        for (name, shown) in [
            ("Claude", Some("Claude")),
            ("\u{2705} Claude \u{2714}\u{fe0f} \u{1f512}", Some("Claude")),
            ("a\nb  c\u{2028}d", Some("ab cd")),
            ("\u{2764}\u{fe0f} Notes", Some("\u{2764}\u{fe0f} Notes")),
            ("\u{2713}\u{1f6e1}\u{fe0f}", None),
            ("", None),
        ] {
            assert_eq!(shown_name(name).as_deref(), shown, "{name:?}");
        }
        assert_eq!(shown_name(&"W".repeat(500)).unwrap().chars().count(), LONGEST_NAME);
    }

    fn origin(kind: storage::ClientOrigin, id: &str, answers: &[&str]) -> ClientOrigin {
        let answers: Vec<RedirectUri> = answers.iter().map(|uri| uri.parse().unwrap()).collect();
        ClientOrigin::of((kind, &id.parse().unwrap()), &answers, &Connecting::default())
    }

    #[test]
    fn only_what_cannot_be_somebody_elses_is_verified() {
        use storage::ClientOrigin::{Configured, Document, Registered};
        let claude = "https://claude.ai/api/mcp/auth_callback";
        let document = "https://claude.ai/oauth/mcp-oauth-client-metadata";
        let local = "http://127.0.0.1/callback";
        let host = || "claude.ai".to_owned();
        for (kind, id, answers, expected) in [
            (Registered, "a", &[claude][..], ClientOrigin::KnownCallback { host: host() }),
            (Registered, "a", &["https://claude.ai/other"], ClientOrigin::Registered),
            (Registered, "a", &[claude, local], ClientOrigin::Registered),
            (Registered, "a", &[claude, "https://vscode.dev/redirect"], ClientOrigin::Registered),
            (Registered, "a", &["http://127.0.0.1/"], ClientOrigin::Registered),
            (
                Registered,
                "a",
                &["cursor://anysphere.cursor-mcp/oauth/callback"],
                ClientOrigin::Registered,
            ),
            (Registered, "a", &[], ClientOrigin::Registered),
            (Document, document, &[claude], ClientOrigin::MetadataDocument { host: host() }),
            (Document, document, &[local], ClientOrigin::ClaimedDocument { host: host() }),
            (Document, document, &[claude, local], ClientOrigin::ClaimedDocument { host: host() }),
            (Configured, "a", &[local], ClientOrigin::Configured),
        ] {
            assert_eq!(origin(kind, id, answers), expected, "{id} {answers:?}");
        }
    }
}
