//! The name that somebody gives himself, as it may be shown to a person: Unicode TR 36 section 2.

use std::ops::RangeInclusive;

/// What hides, or turns the direction of writing around. It has no place in a name.
const DECEPTIVE: [RangeInclusive<char>; 8] = [
    '\u{ad}'..='\u{ad}',
    '\u{61c}'..='\u{61c}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{feff}'..='\u{feff}',
    '\u{fff9}'..='\u{fffb}',
    '\u{e0000}'..='\u{e0fff}',
];

/// What has its place in a name, and is not to be seen by itself: joiners, fillers and selectors of
/// some scripts, and a Braille pattern without a dot.
const BLANK: [RangeInclusive<char>; 9] = [
    '\u{34f}'..='\u{34f}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{2800}'..='\u{2800}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{1d159}'..='\u{1d17a}',
];

/// Marks of the scripts that can stack them: they would cover the lines above and below.
const STACKED: [RangeInclusive<char>; 8] = [
    '\u{300}'..='\u{36f}',
    '\u{483}'..='\u{489}',
    '\u{e31}'..='\u{e3a}',
    '\u{e47}'..='\u{e4e}',
    '\u{1ab0}'..='\u{1aff}',
    '\u{1dc0}'..='\u{1dff}',
    '\u{20d0}'..='\u{20ff}',
    '\u{fe20}'..='\u{fe2f}',
];
/// The most marks on one letter: UTS 39 section 5.4.
const MOST_MARKS: usize = 4;

/// The name without what deceives; none if nothing is left to be seen.
#[must_use]
pub fn display_name(name: &str) -> Option<String> {
    let within = |ranges: &[RangeInclusive<char>], c| ranges.iter().any(|range| range.contains(&c));
    let honest = |c: &char| !c.is_control() && !within(&DECEPTIVE, *c);
    let mut marks: Vec<char> = vec![];
    let stacks = |c: &char| {
        if !within(&STACKED, *c) {
            marks.clear();
            return true;
        }
        let fits = marks.len() < MOST_MARKS && marks.last() != Some(c);
        marks.push(*c);
        fits
    };
    let name: String = name.chars().filter(honest).filter(stacks).collect();
    let seen = |c: char| !c.is_whitespace() && !within(&BLANK, c);
    name.chars().any(seen).then(|| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_reorder_the_page() {
        assert_eq!(display_name(" Cla\u{202e}ude\u{200b}\n ").as_deref(), Some("Claude"));
        for name in ["Claude", "\u{c758}\u{3164}x", "\u{2764}\u{fe0f}", "\u{2801}"] {
            assert_eq!(display_name(name).as_deref(), Some(name));
        }
    }

    #[test]
    fn marks_do_not_pile_up() {
        let pile = |marks: &str| display_name(&format!("a{marks}b")).unwrap();
        assert_eq!(pile(&"\u{301}".repeat(50)), "a\u{301}b");
        assert_eq!(pile(&"\u{301}\u{302}".repeat(50)), "a\u{301}\u{302}\u{301}\u{302}b");
        // Vietnamese, and Thai: a vowel and a tone.
        for name in ["Tie\u{302}\u{301}ng Vie\u{323}\u{302}t", "\u{e17}\u{e35}\u{e48}"] {
            assert_eq!(display_name(name).as_deref(), Some(name));
        }
    }

    #[test]
    fn what_nobody_can_see_is_no_name() {
        for name in ["", " ", "\u{a0}", "\u{3164}", "\u{115f}\u{1160}", "\u{2800} \u{2800}"] {
            assert_eq!(display_name(name), None, "{name:?}");
        }
        for name in ["\u{200b}", "\u{ad}\u{34f}", "\u{fe0f}", "\u{ffa0}", "\u{e0041}\u{180e}"] {
            assert_eq!(display_name(name), None, "{name:?}");
        }
    }
}
