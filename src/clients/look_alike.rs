//! Names that pose as somebody else's: UTS 39 section 4, "confusable detection", and what people do by
//! hand besides (digits for letters, letters with spaces between).
//!
//! A name is never refused for it: the real one can come by a way that is not known here, and somebody
//! who may call himself so would not learn why he cannot connect. The person is warned instead, beside
//! the name, and so is the owner who is asked about it. Nor are names kept free that the operator has
//! for himself: his own app bears his name.

mod letters;
mod well_known;

use letters::{Word, folded, plain};
use well_known::WELL_KNOWN;

/// Whom a name poses as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pose {
    /// A client that everybody knows, which is elsewhere.
    Elsewhere {
        /// What people call it.
        name: &'static str,
        /// Where it is.
        home: &'static str,
    },
    /// The same, by letters that only look like those of the name.
    Disguised {
        /// What people call it.
        name: &'static str,
    },
    /// This service, or who runs it.
    Ours,
    /// Something that somebody has looked at.
    Vouched,
}

/// What is behind a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind<'a> {
    /// The operator's word.
    Operator,
    /// A host that says so, or the one to which answers go.
    Host(&'a str),
    /// Nothing but a program on the person's own computer.
    AnyProgram,
}

/// What this service is called.
#[derive(Debug, Clone, Copy)]
pub struct Ourselves<'a> {
    /// By the operator, if he calls it anything.
    pub brand: Option<&'a str>,
    /// In the address bar, with its port if it has one.
    pub host: &'a str,
}

/// What a name says that has been looked at. Beginnings of words, in the languages of the pages.
const VOUCHED: [&str; 11] = [
    "verified",
    "official",
    "trusted",
    "approved",
    "certified",
    "verifiziert",
    "offiziell",
    "zertifiziert",
    "vertrauenswürdig",
    "bestätigt",
    "geprüft",
];

/// This program, which has no pages elsewhere.
const THIS_PROGRAM: &str = "mcp-oauthd";

/// Whom the name poses as, if anybody.
///
/// Nobody can tell whether a program on the person's computer is the one that it says it is, and the
/// page says so anyway. So an honestly spelt name says nothing there; a disguise does.
#[must_use]
pub fn pose(name: &str, behind: Behind<'_>, ours: Ourselves<'_>) -> Option<Pose> {
    if behind == Behind::Operator {
        return None;
    }
    let seen = folded(name);
    let known = WELL_KNOWN.iter().find(|known| known.is_seen(&seen));
    if is_ours(&seen, ours, known.is_some()) {
        return Some(Pose::Ours);
    }
    if let Some(known) = known {
        let written = known.is_written(&plain(name));
        let (name, home) = (known.names[0], known.homes[0]);
        match (behind, written) {
            (Behind::Host(host), _) if known.lives_at(host) => {}
            (Behind::Host(_), true) => return Some(Pose::Elsewhere { name, home }),
            (Behind::AnyProgram, true) => {}
            _ => return Some(Pose::Disguised { name }),
        }
    }
    let says = |word: &Word| VOUCHED.iter().any(|claim| word.begins_like(claim));
    seen.iter().any(says).then_some(Pose::Vouched)
}

/// The name that people know us by stands first, as on our pages; a client that everybody knows may
/// name the server that it is for behind its own.
fn is_ours(seen: &[Word], ours: Ourselves<'_>, of_somebody_known: bool) -> bool {
    let begins = |with: &str| letters::begins(seen, &folded(with));
    let has = |what: &str| letters::has(seen, &folded(what));
    let host = ours.host.rsplit_once(':').map_or(ours.host, |(host, _)| host);
    has(THIS_PROGRAM) || ours.brand.is_some_and(begins) || (!of_somebody_known && has(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::shipped;
    use crate::oauth::ClientIdUrl;

    const OURS: Ourselves<'_> = Ourselves { brand: Some("Läse-Stube"), host: "auth.example.org" };
    const SITE: Behind<'_> = Behind::Host("notes.example");

    fn posed(name: &str, behind: Behind<'_>) -> Option<Pose> {
        pose(name, behind, OURS)
    }

    #[test]
    fn honest_names_are_let_alone() {
        for (name, host) in [
            ("Claude", "claude.ai"),
            ("Claude Code (wiki)", "claude.ai"),
            ("Claude", "www.claude.com"),
            ("ChatGPT", "chatgpt.com"),
            ("Codex", "chatgpt.com"),
            ("Visual Studio Code", "vscode.dev"),
            ("Visual Studio Code - Insiders", "insiders.vscode.dev"),
            ("Cursor", "www.cursor.com"),
            ("GitHub Copilot CLI", "github.com"),
            ("Gemini CLI", "antigravity.google"),
            ("MCP Inspector", "mcp.example"),
            ("Notebook", "notes.example"),
            ("Mouse Cursor Trainer", "notes.example"),
            ("The Golden Goose", "notes.example"),
            ("Claudette", "notes.example"),
            ("Unofficial reader of an unverified wiki", "notes.example"),
            ("Reader for the Läse-Stube", "notes.example"),
            ("شركة التأمين", "notes.example"),
            ("Клиент", "notes.example"),
            ("", "notes.example"),
            ("\u{2764}", "notes.example"),
        ] {
            assert_eq!(posed(name, Behind::Host(host)), None, "{name} at {host}");
        }
        for name in ["Claude Code (auth.example.org)", "Codex", "Gemini CLI MCP Client", "FastMCP"]
        {
            assert_eq!(posed(name, Behind::AnyProgram), None, "{name}");
        }
        assert_eq!(posed("Official Läse-Stube", Behind::Operator), None);
    }

    #[test]
    fn names_of_known_clients_from_elsewhere_are_said_to_be_from_elsewhere() {
        for (name, whose) in [
            ("Claude", "Claude"),
            ("CLAUDE", "Claude"),
            ("claude.ai", "Claude"),
            ("ClaudeAI", "Claude"),
            ("Claude 4", "Claude"),
            ("Claude4", "Claude"),
            ("Sign in with Claude", "Claude"),
            ("Chat GPT", "ChatGPT"),
            ("chat-gpt", "ChatGPT"),
            ("VS Code", "Visual Studio Code"),
            ("VSCode", "Visual Studio Code"),
            ("Cursor", "Cursor"),
            ("GitHub Copilot", "GitHub Copilot"),
        ] {
            let Some(Pose::Elsewhere { name: found, .. }) = posed(name, SITE) else {
                panic!("{name}: {:?}", posed(name, SITE));
            };
            assert_eq!(found, whose, "{name}");
        }
        for host in ["claude.ai.evil.example", "evilclaude.ai", "claude.ai:8443", "ai"] {
            assert!(posed("Claude", Behind::Host(host)).is_some(), "{host}");
        }
    }

    #[test]
    fn where_strangers_publish_nobody_is_at_home() {
        for (name, host) in [
            ("Gemini", "script.google.com"),
            ("Gemini", "sites.google.com"),
            ("Gemini", "storage.cloud.google.com"),
            ("Visual Studio Code", "stranger.visualstudio.com"),
            ("Visual Studio Code", "learn.microsoft.com"),
            ("GitHub Copilot", "gist.github.com"),
            ("GitHub Copilot", "stranger.github.io"),
            ("Microsoft Copilot", "stranger.sharepoint.com"),
            ("Claude", "stranger.claude.ai"),
            ("MCPJam", "www.app.www.mcpjam.com"),
        ] {
            let found = posed(name, Behind::Host(host));
            assert!(matches!(found, Some(Pose::Elsewhere { .. })), "{name} at {host}: {found:?}");
        }
    }

    #[test]
    fn known_clients_are_at_home_where_their_documents_are() {
        for shipped in shipped::all() {
            let url: ClientIdUrl = shipped.client_id.parse().unwrap();
            let document: serde_json::Value = serde_json::from_str(&shipped.document).unwrap();
            let name = document["client_name"].as_str().unwrap();
            assert_eq!(posed(name, Behind::Host(&url.host())), None, "{name} at {url}");
        }
    }

    #[test]
    fn a_disguise_is_seen_through_wherever_it_comes_from() {
        for (name, whose) in [
            ("C1aude", "Claude"),
            ("CIaude", "Claude"),
            ("Cl\u{430}ude", "Claude"),
            ("\u{421}laude", "Claude"),
            ("\u{421}L\u{410}UDE", "Claude"),
            ("Ｃｌａｕｄｅ", "Claude"),
            ("𝐂𝐥𝐚𝐮𝐝𝐞", "Claude"),
            ("Claud\u{e9}", "Claude"),
            ("C\u{327}laude", "Claude"),
            ("C l a u d e", "Claude"),
            ("C.l.a.u.d.e", "Claude"),
            ("Cl4ud3", "Claude"),
            ("Cl@ude", "Claude"),
            ("ChatGРT", "ChatGPT"),
            ("0penAI", "ChatGPT"),
            ("G1tHub Copilot", "GitHub Copilot"),
            ("Gem1ni", "Gemini"),
            ("Microsоft Copilot", "GitHub Copilot"),
        ] {
            let expected = Some(Pose::Disguised { name: whose });
            assert_eq!(posed(name, SITE), expected, "{name}");
            assert_eq!(posed(name, Behind::AnyProgram), expected, "{name}");
        }
    }

    #[test]
    fn nobody_poses_as_this_server() {
        for name in [
            "Läse-Stube",
            "LÄSE STUBE",
            "Lase-Stube Security",
            "L\u{e4}se-\u{405}tube",
            "auth.example.org",
            "Sign in at auth.example.org",
            "auth . example . org",
            "mcp-oauthd",
            "MCP OAuthD (admin)",
            "mcp\u{2010}\u{43e}authd",
        ] {
            for behind in [SITE, Behind::AnyProgram, Behind::Host("claude.ai")] {
                assert_eq!(posed(name, behind), Some(Pose::Ours), "{name} {behind:?}");
            }
        }
        let nameless = Ourselves { brand: None, host: "127.0.0.1:8080" };
        assert_eq!(pose("Login for 127.0.0.1:8080", SITE, nameless), Some(Pose::Ours));
        assert_eq!(pose("Notebook 8080", SITE, nameless), None);
    }

    #[test]
    fn nobody_says_that_he_has_been_looked_at() {
        for name in [
            "Notes (verified)",
            "The OFFICIAL Reader",
            "Offizielle App",
            "Verif1ed",
            "Geprüfte App",
        ] {
            for behind in [SITE, Behind::AnyProgram] {
                assert_eq!(posed(name, behind), Some(Pose::Vouched), "{name}");
            }
        }
    }

    #[test]
    fn long_and_hostile_names_are_looked_at_too() {
        for name in
            ["W".repeat(2000), "a ".repeat(1000), "\u{fdfa}".repeat(700), "\u{301}".repeat(900)]
        {
            assert_eq!(posed(&name, SITE), None);
        }
    }
}
