//! Times in words, with the exact moment for whoever points at them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::language::{Html, Language};
use crate::clock::{Seconds, UnixTime};
use crate::words;

/// `<time>` with how long ago, or how soon, it is.
#[must_use]
pub fn when(at: UnixTime, now: UnixTime, language: Language) -> Html {
    let (machine, exact) = moments(at);
    let words = in_words(now - at, language);
    Html::trusted(format!("<time datetime=\"{machine}\" title=\"{exact}\">{words}</time>"))
}

/// RFC 3339, and the same for people. Both are UTC, which every reader can place.
fn moments(at: UnixTime) -> (String, String) {
    let Ok(moment) = OffsetDateTime::from_unix_timestamp(at.0) else {
        return (String::new(), String::new());
    };
    let machine = moment.format(&Rfc3339).unwrap_or_default();
    let (hour, minute, second) = moment.to_hms();
    (machine, format!("{} {hour:02}:{minute:02}:{second:02} UTC", moment.date()))
}

fn in_words(age: Seconds, language: Language) -> String {
    const UNITS: [(i64, [&str; 4]); 5] = [
        (
            31_557_600,
            [
                words!("{} year ago"),
                words!("{} years ago"),
                words!("in {} year"),
                words!("in {} years"),
            ],
        ),
        (
            2_629_800,
            [
                words!("{} month ago"),
                words!("{} months ago"),
                words!("in {} month"),
                words!("in {} months"),
            ],
        ),
        (
            86_400,
            [
                words!("{} day ago"),
                words!("{} days ago"),
                words!("in {} day"),
                words!("in {} days"),
            ],
        ),
        (
            3_600,
            [
                words!("{} hour ago"),
                words!("{} hours ago"),
                words!("in {} hour"),
                words!("in {} hours"),
            ],
        ),
        (
            60,
            [
                words!("{} minute ago"),
                words!("{} minutes ago"),
                words!("in {} minute"),
                words!("in {} minutes"),
            ],
        ),
    ];
    let distance = age.0.abs();
    let Some((unit, words)) = UNITS.iter().find(|(unit, _)| distance >= *unit) else {
        return language.translate(words!("just now")).to_owned();
    };
    let count = distance / unit;
    let form = usize::from(count != 1) + if age.0 < 0 { 2 } else { 0 };
    language.translate(words[form]).replace("{}", &count.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_and_far_times_have_words_and_a_moment() {
        let now = UnixTime(1_790_000_000);
        let shown = |at: i64, language| when(UnixTime(at), now, language).to_string();
        assert_eq!(
            shown(now.0 - 7_200, Language::English),
            "<time datetime=\"2026-09-21T12:13:20Z\" title=\"2026-09-21 12:13:20 UTC\">2 hours ago</time>"
        );
        for (at, expected) in [
            (now.0, ">just now<"),
            (now.0 - 61, ">1 minute ago<"),
            (now.0 + 86_400 * 3, ">in 3 days<"),
            (now.0 - 86_400 * 400, ">1 year ago<"),
        ] {
            assert!(shown(at, Language::English).contains(expected), "{expected}");
        }
        assert!(shown(now.0 - 3_600, Language::German).contains(">vor 1 Stunde<"));
    }
}
