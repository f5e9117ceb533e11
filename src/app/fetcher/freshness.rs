//! For how long an answer stays good: RFC 9111 section 4.2.

use std::time::UNIX_EPOCH;

use reqwest::header::{AGE, CACHE_CONTROL, DATE, EXPIRES, HeaderMap, HeaderValue};

use crate::clock::{Seconds, UnixTime};

/// For how long the answer with this head, which came `now`, may be used without asking again; none,
/// if it does not say. What is said badly, or twice and differently, says that it is stale (section
/// 4.2.1).
pub(super) fn fresh_for(head: &HeaderMap, now: UnixTime) -> Option<Seconds> {
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
    if lifetimes.is_empty() {
        let expires = head.get_all(EXPIRES).iter();
        lifetimes.extend(expires.map(|at| until(at, sent_at(head).unwrap_or(now))));
    }
    let lifetime = *lifetimes.first()?;
    if lifetimes.iter().any(|other| *other != lifetime) {
        return Some(Seconds(0));
    }
    let age = head.get(AGE).and_then(|age| age.to_str().ok()).map_or(0, seconds);
    Some(Seconds(lifetime.saturating_sub(age).max(0)))
}

/// When it says that it was made. Without that it counts from when it came: RFC 9110 section 6.6.1.
fn sent_at(head: &HeaderMap) -> Option<UnixTime> {
    date(head.get(DATE)?)
}

/// What is no date, `0` above all, has expired: section 5.3.
fn until(expires: &HeaderValue, sent_at: UnixTime) -> i64 {
    date(expires).map_or(0, |at| (at - sent_at).0.max(0))
}

/// RFC 9110 section 5.6.7, in any of its three spellings.
fn date(value: &HeaderValue) -> Option<UnixTime> {
    let moment = httpdate::parse_http_date(value.to_str().ok()?).ok()?;
    let since_epoch = moment.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since_epoch.as_secs()).ok().map(UnixTime)
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
    use reqwest::header::HeaderName;

    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT
    const NOW: UnixTime = UnixTime(784_111_777);

    fn of(lines: &[(HeaderName, &'static str)]) -> Option<i64> {
        let lines = lines.iter().map(|(name, value)| (name, HeaderValue::from_static(value)));
        let mut head = HeaderMap::new();
        for (name, value) in lines {
            head.append(name, value);
        }
        fresh_for(&head, NOW).map(|seconds| seconds.0)
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
    fn when_it_expires_counts_where_it_says_no_age() {
        let nine = "Sun, 06 Nov 1994 09:00:00 GMT";
        for (said, expected) in [
            (&[(EXPIRES, nine)][..], Some(623)),
            (&[(EXPIRES, nine), (DATE, "Sun, 06 Nov 1994 08:00:00 GMT")], Some(3600)),
            (&[(EXPIRES, nine), (DATE, "yesterday")], Some(623)),
            (&[(EXPIRES, nine), (DATE, "Sun, 06 Nov 1994 09:00:01 GMT")], Some(0)),
            (&[(EXPIRES, nine), (AGE, "23")], Some(600)),
            (&[(EXPIRES, "Sunday, 06-Nov-94 09:00:00 GMT")], Some(623)),
            (&[(EXPIRES, "Sun Nov  6 09:00:00 1994")], Some(623)),
            (&[(EXPIRES, "Thu, 01 Jan 1970 00:00:00 GMT")], Some(0)),
            (&[(EXPIRES, "0")], Some(0)),
            (&[(EXPIRES, "")], Some(0)),
            (&[(EXPIRES, nine), (EXPIRES, nine)], Some(623)),
            (&[(EXPIRES, nine), (EXPIRES, "0")], Some(0)),
            (&[(EXPIRES, nine), (CACHE_CONTROL, "public")], Some(623)),
            (&[(EXPIRES, nine), (CACHE_CONTROL, "max-age=7")], Some(7)),
            (&[(EXPIRES, "0"), (CACHE_CONTROL, "max-age=7")], Some(7)),
            (&[(EXPIRES, nine), (CACHE_CONTROL, "no-cache")], Some(0)),
            (&[(DATE, nine)], None),
        ] {
            assert_eq!(of(said), expected, "{said:?}");
        }
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
