//! For how long an answer stays good: RFC 9111 section 4.2.

use reqwest::header::{AGE, CACHE_CONTROL, HeaderMap};

use crate::clock::Seconds;

/// For how long the answer with this head may be used without asking again; none, if it does not
/// say. What is said badly, or twice and differently, says that it is stale (section 4.2.1).
pub(super) fn fresh_for(head: &HeaderMap) -> Option<Seconds> {
    let lines = head.get_all(CACHE_CONTROL).iter();
    let said = lines.map(|line| line.to_str().unwrap_or("max-age=?")).collect::<Vec<_>>().join(",");
    let mut lifetimes = vec![];
    for directive in said.split(',') {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            // With field names behind it, it is about those fields only; nothing is kept of them.
            "no-store" | "no-cache" if value.is_empty() => return Some(Seconds(0)),
            "max-age" => lifetimes.push(seconds(value)),
            _ => {}
        }
    }
    let lifetime = *lifetimes.first()?;
    if lifetimes.iter().any(|other| *other != lifetime) {
        return Some(Seconds(0));
    }
    let age = head.get(AGE).and_then(|age| age.to_str().ok()).map_or(0, seconds);
    Some(Seconds(lifetime.saturating_sub(age).max(0)))
}

/// Delta-seconds, section 1.2.2: what is too large for anybody is as much as there is.
fn seconds(text: &str) -> i64 {
    let digits = text.trim().trim_matches('"');
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    digits.parse().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn of(lines: &[(HeaderName, &'static str)]) -> Option<i64> {
        let lines = lines.iter().map(|(name, value)| (name, HeaderValue::from_static(value)));
        let mut head = HeaderMap::new();
        for (name, value) in lines {
            head.append(name, value);
        }
        fresh_for(&head).map(|seconds| seconds.0)
    }

    #[test]
    fn an_answer_says_how_long_it_is_good() {
        for (said, expected) in [
            ("max-age=300", Some(300)),
            ("public, max-age=3600, must-revalidate", Some(3600)),
            ("Max-Age=\"60\"", Some(60)),
            ("max-age=99999999999999999999", Some(i64::MAX)),
            ("max-age=0", Some(0)),
            ("max-age=-1", Some(0)),
            ("max-age", Some(0)),
            ("max-age=1.5", Some(0)),
            ("max-age=60, max-age=60", Some(60)),
            ("max-age=60, max-age=90", Some(0)),
            ("no-store", Some(0)),
            ("NO-CACHE, max-age=300", Some(0)),
            ("max-age=300, no-store", Some(0)),
            ("max-age=300, no-cache=\"set-cookie\"", Some(300)),
            ("public", None),
            ("", None),
        ] {
            assert_eq!(of(&[(CACHE_CONTROL, said)]), expected, "{said}");
        }
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn how_old_it_is_already_counts() {
        let aged = |age| of(&[(CACHE_CONTROL, "max-age=300"), (AGE, age)]);
        assert_eq!(aged("100"), Some(200));
        assert_eq!(aged("400"), Some(0));
        assert_eq!(aged("nonsense"), Some(300));
        assert_eq!(of(&[(CACHE_CONTROL, "public"), (CACHE_CONTROL, "max-age=9")]), Some(9));
    }
}
