//! How names are compared: as they are written, and as they are seen (UTS 39 section 4, "skeleton").

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use unicode_security::skeleton;

/// As much of a name is looked at: more than is shown of it.
const LONGEST: usize = 120;
/// Digits behind so many letters are a version.
const VERSIONED: usize = 3;

/// A word as it is seen, in each way to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word(Vec<String>);

impl Word {
    fn of(written: &str) -> Self {
        let unversioned = written.trim_end_matches(|c: char| c.is_ascii_digit());
        let mut readings = vec![];
        for text in [written, unversioned] {
            let is_word = text.len() == written.len() || text.chars().count() >= VERSIONED;
            let text: String = text.chars().map(letter).filter(|_| is_word).collect();
            // A capital letter can look like another small one than its own.
            readings.extend([key(&text.to_lowercase()), key(&text)]);
        }
        readings.retain(|reading| !reading.is_empty());
        readings.dedup();
        Self(readings)
    }

    /// Whether it begins as `claim` is seen.
    pub(super) fn begins_like(&self, claim: &str) -> bool {
        let claim = key(claim);
        self.0.iter().any(|reading| reading.starts_with(&claim))
    }
}

/// The words as they are written, in lower case.
pub(super) fn plain(name: &str) -> Vec<String> {
    let name: String = name.chars().take(LONGEST).flat_map(char::to_lowercase).collect();
    name.split(|c: char| !is_letter(c)).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

/// The words as they are seen. Wide and mathematical letters are the usual ones here.
pub(super) fn folded(name: &str) -> Vec<Word> {
    let name: String = name.chars().take(LONGEST).nfkc().collect();
    let parts = |c: char| !is_letter(c) && !matches!(c, '@' | '$');
    name.split(parts).map(Word::of).filter(|word| !word.0.is_empty()).collect()
}

/// Whether the words begin with these, however either are parted.
pub(super) fn begins(words: &[Word], with: &[Word]) -> bool {
    begins_as(words, &joined(with))
}

/// Whether these words are among them, however either are parted.
pub(super) fn has(words: &[Word], what: &[Word]) -> bool {
    let what = joined(what);
    (0..words.len()).any(|from| begins_as(&words[from..], &what))
}

/// Whether some of the first words are this together, to the end of a word.
pub(super) fn begins_as(words: &[Word], what: &str) -> bool {
    let mut left = vec![what];
    for word in words {
        let mut rest = vec![];
        for part in left {
            rest.extend(word.0.iter().filter_map(|reading| part.strip_prefix(reading.as_str())));
        }
        if rest.is_empty() || rest.contains(&"") {
            return !rest.is_empty();
        }
        rest.dedup();
        left = rest;
    }
    false
}

/// What all spellings have in common that look like this one. `i`, `l` and `1` are one letter.
pub(super) fn key(word: &str) -> String {
    let base = |text: &str| text.nfd().filter(|c| !is_combining_mark(*c)).collect::<String>();
    let seen: String = skeleton(&base(word)).collect();
    base(&seen.to_lowercase()).replace('i', "l").replace("vv", "w")
}

fn joined(words: &[Word]) -> String {
    words.iter().filter_map(|word| word.0.first()).map(String::as_str).collect()
}

/// Digits and signs that people write for letters.
fn letter(c: char) -> char {
    match c {
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        '8' => 'b',
        c => c,
    }
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}
