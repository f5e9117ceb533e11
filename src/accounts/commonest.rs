//! The passwords that everybody tries first (NIST SP 800-63B section 5.1.1.2): those of the 20,000
//! commonest that are long enough to be asked for.

/// Lower case, one a line, in the order of their bytes.
const WORDS: &str = include_str!("commonest.txt");

/// Whether this password, in lower case, is one of them.
pub(super) fn has(password: &str) -> bool {
    let (mut from, mut to) = (0, WORDS.len());
    while from < to {
        // The line in which the middle lies.
        let middle = usize::midpoint(from, to);
        let start = WORDS[..middle].rfind('\n').map_or(0, |end| end + 1);
        let end = WORDS[middle..].find('\n').map_or(WORDS.len(), |length| middle + length);
        match password.cmp(&WORDS[start..end]) {
            std::cmp::Ordering::Less => to = start,
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Greater => from = end + 1,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_and_nothing_else() {
        let words: Vec<&str> = WORDS.lines().collect();
        assert!(words.len() > 8_000 && words.is_sorted() && WORDS.is_ascii());
        for word in &words {
            assert!(has(word), "{word}");
            assert!(word.len() >= 8 && *word == word.to_lowercase(), "{word}");
        }
        for other in ["", "\n", "!", "~~~~~~~~~", "correct horse", "passwor", "password\npassword1"]
        {
            assert!(!has(other), "{other:?}");
        }
    }
}
