//! Every word that a page says is in every language: the catalogues below `src/pages/languages` have
//! what the sources say, once, and nothing else.
//!
//! Said is a literal in `t("…")`, `say("…")` and `code("…")` of a template or the program, in
//! `words!("…")` where it is chosen in one place and shown in another, and in the refusals of the
//! modules that decide about people. Nothing else may be shown: no prose stands bare in a template,
//! and none is given a name without being marked.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// How words begin, and where.
const SAID: [(&str, &[&str]); 6] = [
    (".t(", &["src/pages"]),
    (".say(", &["src/pages"]),
    (".code(", &["src/pages"]),
    ("words!(", &["src"]),
    (".because(", PEOPLE),
    ("refuse(", PEOPLE),
];

/// Whose refusals people read.
const PEOPLE: &[&str] =
    &["src/accounts", "src/authorization", "src/pages", "src/endpoints/authorization.rs"];

/// What has the same name in every language.
const NAMES: [&str; 8] =
    ["(RFC 8414)", "FastMCP", "MCP SDK", "Python", "Rust", "TypeScript", "curl", "rmcp"];

/// What is read out, or shown, of a tag.
const SHOWN_ATTRIBUTES: [&str; 5] =
    [" alt=\"", " aria-label=\"", " content=\"", " placeholder=\"", " title=\""];

/// What a template may have in these: addresses, and what browsers are told.
const NO_PROSE: [&str; 4] = [
    "https://wiki.example.org/mcp",
    "light dark",
    "noindex",
    "width=device-width, initial-scale=1",
];

#[test]
fn every_language_is_complete() {
    let said = said();
    assert!(said.len() > 20, "{said:?}");
    for file in sources(Path::new("src/pages/languages")) {
        let catalogue: BTreeMap<String, String> =
            toml::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let keys: BTreeSet<_> = catalogue.keys().cloned().collect();
        let missing: Vec<_> = said.difference(&keys).collect();
        let orphans: Vec<_> = keys.difference(&said).collect();
        assert!(missing.is_empty(), "{} lacks {missing:#?}", file.display());
        assert!(orphans.is_empty(), "{} has what nobody says: {orphans:#?}", file.display());
        for (english, other) in &catalogue {
            let values = |text: &str| text.matches("{}").count();
            assert_eq!(values(english), values(other), "{english}");
            assert!(!other.trim().is_empty(), "{english}");
        }
    }
}

#[test]
fn no_word_stands_bare_in_a_template() {
    let mut seen = 0;
    for file in sources(Path::new("src/pages")) {
        if file.extension().is_some_and(|kind| kind == "html") {
            let bare = bare(&fs::read_to_string(&file).unwrap());
            assert!(bare.is_empty(), "{}: {bare:#?}", file.display());
            seen += 1;
        }
    }
    assert!(seen >= 8);
}

#[test]
fn no_words_have_a_name_and_no_mark() {
    let said = said();
    let mut bare = vec![];
    for file in sources(Path::new("src")) {
        let is_program = file.extension().is_some_and(|kind| kind == "rs");
        let is_shown = PEOPLE.iter().any(|place| file.starts_with(place));
        if !is_program || !is_shown || file.ends_with("tests.rs") {
            continue;
        }
        for start in ["= \"", "=> \"", "=> { \""] {
            let text = program(&file).replace("reason = \"", "");
            let named = text.split(start).skip(1).map(literal);
            let prose = named.filter(|words| is_prose(words) && !said.contains(words));
            bare.extend(prose.map(|words| format!("{}: {words}", file.display())));
        }
    }
    assert!(bare.is_empty(), "say words!(…): {bare:#?}");
}

#[test]
fn the_tests_see_what_they_look_for() {
    for (template, expected) in [
        ("<p>Hello</p>", vec!["Hello"]),
        ("<p>{{ frame.t(\"Hello\") }} · <code>a</code> {% if b %}1{% endif %}</p>", vec![]),
        ("<img alt=\"A picture\" src=\"{{ a }}\">", vec!["A picture"]),
        ("<pre aria-label=\"{{ frame.t(\"Code\") }}: rmcp\"><b>no</b></pre>", vec![]),
        ("<summary>Rust · rmcp</summary><b>Rusty</b>", vec!["Rusty"]),
        ("{# why #}<p{% if a > b %} class=\"x\"{% endif %}>&amp;</p>", vec![]),
    ] {
        assert_eq!(bare(template), expected, "{template}");
    }
    assert!(
        is_prose("This link is used")
            && !is_prose("default-src 'none'; b")
            && !is_prose("GET, HEAD, POST")
    );
}

/// Words of a template that are neither a value nor code.
fn bare(template: &str) -> Vec<String> {
    let template = without(template, "{% block width %}", "{% endblock %}");
    let text = ["{{ }}", "{% %}", "{# #}"].iter().fold(template.clone(), |text, marks| {
        let (open, close) = marks.split_once(' ').unwrap();
        without(&text, open, close)
    });
    let text = without(&without(&text, "<pre", "</pre>"), "<code", "</code>");
    let text = without(&text, "<!--", "-->").replace("<!doctype html>", "");
    let attributes = SHOWN_ATTRIBUTES.iter().flat_map(|name| {
        let values = template.split(name).skip(1);
        values.map(|rest| without(rest, "{{", "}}").split('"').next().unwrap_or("").to_owned())
    });
    let attributes = attributes.filter(|value| !NO_PROSE.contains(&value.as_str()));
    let text = without(&text, "<", ">").replace("&middot;", "").replace("&amp;", "");
    let pieces = text.lines().map(str::to_owned).chain(attributes);
    let pieces = pieces.flat_map(|piece| {
        let parts: Vec<_> = piece.split('·').map(|part| part.trim().to_owned()).collect();
        parts
    });
    let is_word = |piece: &String| piece.chars().any(char::is_alphabetic);
    let is_name = |piece: &String| NAMES.contains(&piece.trim_matches([':', ' ']));
    pieces.filter(|piece| is_word(piece) && !is_name(piece)).collect()
}

fn without(text: &str, open: &str, close: &str) -> String {
    let mut parts = text.split(open);
    let mut left = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        left.push('\n');
        left.push_str(part.split_once(close).map_or("", |(_, rest)| rest));
    }
    left
}

/// Three words or more, one of which only sentences have, and nothing that only programs write.
fn is_prose(text: &str) -> bool {
    const OF_SENTENCES: [&str; 12] =
        ["a", "an", "and", "has", "in", "is", "of", "that", "the", "this", "to", "was"];
    let is_code = text.contains(['=', '<', ';', '\'', '_']);
    let words: Vec<_> = text.split([' ', ',', '.']).map(str::to_lowercase).collect();
    let is_sentence = words.iter().any(|word| OF_SENTENCES.contains(&word.as_str()));
    !is_code && is_sentence && words.len() >= 3
}

fn said() -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    for file in sources(Path::new("src")) {
        let text = program(&file);
        for (start, places) in SAID {
            if places.iter().any(|place| file.starts_with(place)) {
                // A long literal stands on a line of its own.
                let rests = text.split(start).skip(1).map(str::trim_start);
                said.extend(rests.filter_map(|rest| rest.strip_prefix('"')).map(literal));
            }
        }
    }
    said
}

/// A file's text, with an opening bracket and what it encloses on one line. What tests say is said
/// to nobody.
fn program(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let mut joined = String::new();
    for line in text.lines().map(str::trim_start) {
        if !joined.ends_with(['(', '=', '{']) || line.starts_with("//") {
            joined.push('\n');
        } else if joined.ends_with(['=', '{']) {
            joined.push(' ');
        }
        joined.push_str(line);
    }
    joined
}

/// A Rust string literal, up to its closing quote.
fn literal(rest: &str) -> String {
    let mut text = String::new();
    let mut letters = rest.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => match letters.next() {
                Some('\n') => letters = letters.as_str().trim_start().chars(),
                Some(escaped) => text.push(escaped),
                None => break,
            },
            letter => text.push(letter),
        }
    }
    text
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut files = vec![];
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path
            .extension()
            .is_some_and(|kind| ["rs", "html", "toml"].contains(&kind.to_str().unwrap()))
        {
            files.push(path);
        }
    }
    files.sort();
    files
}
