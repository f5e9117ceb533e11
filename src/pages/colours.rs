//! One colour, made fit for text on light and on dark pages: WCAG 2.2, success criterion 1.4.3.

use crate::config::Colour;

/// What the accent stands on, from `style.css`: of each scheme the ground that is nearest to it.
const LIGHT_GROUND: Colour = Colour([0xf3, 0xf5, 0xf8]);
const DARK_GROUND: Colour = Colour([0x19, 0x1f, 0x28]);
/// What stands on the accent.
const ON_LIGHT_ACCENT: Colour = Colour([0xff, 0xff, 0xff]);
const ON_DARK_ACCENT: Colour = Colour([0x0b, 0x1a, 0x26]);

const BLACK: Colour = Colour([0, 0, 0]);
const WHITE: Colour = Colour([0xff, 0xff, 0xff]);
/// The least contrast of text.
const TEXT: f64 = 4.5;

/// The accents of `style.css`, made of another colour.
#[must_use]
pub fn style_sheet(colour: Colour) -> String {
    let [light, dark] = accents(colour);
    format!(
        ":root {{ {} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {} }} }}\n",
        variables(light, BLACK),
        variables(dark, WHITE)
    )
}

/// As it is where that can be read, else darker or lighter, by as little as it takes.
fn accents(colour: Colour) -> [Colour; 2] {
    [
        toward(BLACK, colour, &[LIGHT_GROUND, ON_LIGHT_ACCENT]),
        toward(WHITE, colour, &[DARK_GROUND, ON_DARK_ACCENT]),
    ]
}

fn variables(accent: Colour, end: Colour) -> String {
    let strong = mix(accent, end, 25);
    format!("--accent: {}; --accent-strong: {};", hex(accent), hex(strong))
}

/// The mixture with the least of `end` that can be told from all of `grounds`.
fn toward(end: Colour, colour: Colour, grounds: &[Colour]) -> Colour {
    let readable = |mixed: &Colour| grounds.iter().all(|ground| contrast(*mixed, *ground) >= TEXT);
    (0..=100).map(|percent| mix(colour, end, percent)).find(readable).unwrap_or(end)
}

fn mix(Colour(from): Colour, Colour(to): Colour, percent: u32) -> Colour {
    let channel = |index: usize| {
        let (from, to): (u32, u32) = (from[index].into(), to[index].into());
        // A mean of two bytes is a byte.
        u8::try_from((from * (100 - percent) + to * percent + 50) / 100).unwrap_or(u8::MAX)
    };
    Colour([channel(0), channel(1), channel(2)])
}

/// WCAG 2.2, "contrast ratio": from 1 to 21.
#[must_use]
pub(super) fn contrast(one: Colour, other: Colour) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// WCAG 2.2, "relative luminance": from 0 to 1.
fn luminance(Colour(channels): Colour) -> f64 {
    let [red, green, blue] = channels.map(|channel| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn hex(Colour([red, green, blue]): Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_can_be_read_in_both_schemes() {
        const STEPS: [u8; 9] = [0, 32, 64, 96, 128, 160, 192, 224, 255];
        let cube = STEPS.iter().flat_map(|r| STEPS.iter().map(move |g| (r, g)));
        for colour in cube.flat_map(|(r, g)| STEPS.iter().map(move |b| Colour([*r, *g, *b]))) {
            let [light, dark] = accents(colour);
            for (accent, end, grounds) in [
                (light, BLACK, [LIGHT_GROUND, ON_LIGHT_ACCENT]),
                (dark, WHITE, [DARK_GROUND, ON_DARK_ACCENT]),
            ] {
                for shade in [accent, mix(accent, end, 25)] {
                    for ground in grounds {
                        let contrast = contrast(shade, ground);
                        assert!(contrast >= 4.5, "{colour:?}: {shade:?} on {ground:?} {contrast}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_colour_that_can_be_read_stays_as_it_is() {
        assert_eq!(accents(Colour([0x1f, 0x5f, 0x8b]))[0], Colour([0x1f, 0x5f, 0x8b]));
        assert_eq!(accents(Colour([0x7c, 0xc0, 0xee]))[1], Colour([0x7c, 0xc0, 0xee]));
        assert_eq!(accents(BLACK)[0], BLACK);
    }

    #[test]
    fn the_grounds_are_those_of_the_style_sheet() {
        let css = include_str!("style.css");
        let (light, dark) = css.split_once("prefers-color-scheme: dark").unwrap();
        for (scheme, name, colour) in [
            (light, "page", LIGHT_GROUND),
            (light, "sunken", LIGHT_GROUND),
            (light, "on-accent", ON_LIGHT_ACCENT),
            (dark, "card", DARK_GROUND),
            (dark, "on-accent", ON_DARK_ACCENT),
        ] {
            assert!(scheme.contains(&format!("--{name}: {};", hex(colour))), "{name}");
        }
    }

    #[test]
    fn the_style_sheet_says_both() {
        let css = style_sheet(Colour([0x1f, 0x5f, 0x8b]));
        assert!(css.starts_with(":root { --accent: #1f5f8b; --accent-strong: #174768; }"), "{css}");
        assert!(css.contains("@media (prefers-color-scheme: dark) { :root { --accent: #"), "{css}");
    }
}
