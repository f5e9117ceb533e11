//! Every word that a page says is in every language: the catalogues below `src/pages/languages` have
//! what the sources say, once, and nothing else.
//!
//! Said is a literal in `t("…")` and `say("…")` of a template or the program, in `words!("…")` where
//! it is chosen in one place and shown in another, and in the refusals of the modules that decide
//! about people.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// How words begin, and where.
const SAID: [(&str, &[&str]); 5] = [
    (".t(", &["src/pages"]),
    (".say(", &["src/pages"]),
    ("words!(", &["src"]),
    (".because(", &["src/accounts", "src/authorization/consent.rs", "src/pages"]),
    ("refuse(", &["src/accounts", "src/authorization/consent.rs"]),
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

fn said() -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    for file in sources(Path::new("src")) {
        let text = fs::read_to_string(&file).unwrap();
        // What tests say is said to nobody.
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
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
