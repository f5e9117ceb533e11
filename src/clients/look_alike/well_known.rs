//! The clients that people know by name, and where they are.

use super::letters::{Word, begins_as, key};

/// One of them.
pub(super) struct WellKnown {
    /// What people call it; the first is its name.
    pub(super) names: &'static [&'static str],
    /// Hosts of its documents and of its callbacks, and of no others. At many that its owner has, and
    /// below them, strangers publish too (`script.google.com`, `gist.github.com`). The first is where
    /// people know it from.
    pub(super) homes: &'static [&'static str],
    /// Its name is a word of its own: it means nobody else, wherever it stands in a name.
    unmistakable: bool,
}

/// Of those that connect to MCP servers.
pub(super) const WELL_KNOWN: &[WellKnown] = &[
    WellKnown {
        names: &["Claude", "Anthropic"],
        homes: &["claude.ai", "claude.com", "anthropic.com"],
        unmistakable: true,
    },
    WellKnown {
        names: &["ChatGPT", "Chat GPT", "OpenAI", "Open AI"],
        homes: &["chatgpt.com", "openai.com"],
        unmistakable: true,
    },
    WellKnown { names: &["Codex"], homes: &["chatgpt.com", "openai.com"], unmistakable: false },
    WellKnown {
        names: &["Visual Studio Code", "VS Code", "VSCode"],
        homes: &["vscode.dev", "insiders.vscode.dev", "code.visualstudio.com"],
        unmistakable: true,
    },
    WellKnown {
        names: &["GitHub Copilot", "GitHub", "Microsoft Copilot"],
        homes: &["github.com", "copilot.microsoft.com"],
        unmistakable: true,
    },
    WellKnown { names: &["Cursor"], homes: &["cursor.com"], unmistakable: false },
    WellKnown {
        names: &["Gemini", "Google Gemini", "Antigravity"],
        homes: &["gemini.google.com", "antigravity.google"],
        unmistakable: false,
    },
    WellKnown { names: &["Grok", "xAI"], homes: &["grok.com", "x.ai"], unmistakable: false },
    WellKnown { names: &["Goose"], homes: &["goose-docs.ai"], unmistakable: false },
    WellKnown { names: &["Zed"], homes: &["zed.dev"], unmistakable: false },
    WellKnown { names: &["opencode"], homes: &["opencode.ai"], unmistakable: false },
    WellKnown { names: &["MCPJam"], homes: &["mcpjam.com", "app.mcpjam.com"], unmistakable: true },
];

/// What is written onto a name without making it another one.
const AFFIXES: [&str; 8] = ["ai", "app", "bot", "code", "cli", "desktop", "mcp", "web"];

impl WellKnown {
    /// Whether this is one of its hosts. A port is another service.
    pub(super) fn lives_at(&self, host: &str) -> bool {
        self.homes.contains(&host.strip_prefix("www.").unwrap_or(host))
    }

    /// Whether one of its names is seen in these words.
    pub(super) fn is_seen(&self, words: &[Word]) -> bool {
        let places = if self.unmistakable { words.len() } else { words.len().min(1) };
        let seen = |name: &str| (0..places).any(|from| begins_as(&words[from..], name));
        self.names.iter().any(|name| {
            let name: String = name.to_lowercase().split(' ').map(key).collect();
            seen(&name) || AFFIXES.iter().any(|affix| seen(&format!("{name}{}", key(affix))))
        })
    }

    /// Whether one of them is written there, letter by letter.
    pub(super) fn is_written(&self, words: &[String]) -> bool {
        self.names.iter().any(|name| {
            let name = name.to_lowercase();
            let name: Vec<&str> = name.split(' ').collect();
            words.windows(name.len()).any(|window| is_written(&name, window))
        })
    }
}

fn is_written(name: &[&str], words: &[String]) -> bool {
    let (Some((last, rest)), Some((last_word, words))) = (name.split_last(), words.split_last())
    else {
        return false;
    };
    let affix = last_word.strip_prefix(last).is_some_and(|affix| {
        let is_version = affix.bytes().all(|byte| byte.is_ascii_digit());
        is_version || AFFIXES.contains(&affix)
    });
    affix && rest.iter().zip(words).all(|(part, word)| part == word)
}
