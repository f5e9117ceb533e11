//! The plot: bars in groups, each group to its own scale, as plain SVG that is readable on light and
//! on dark.

use std::fmt::Write as _;

/// A bar.
pub(crate) struct Bar {
    pub(crate) group: &'static str,
    pub(crate) name: String,
    /// Whether it is the service's.
    pub(crate) ours: bool,
    /// In a second.
    pub(crate) rate: f64,
}

pub(crate) const WIDTH: f64 = 760.0;
/// Where bars begin, and how long the longest is.
const LEFT: f64 = 260.0;
const LONGEST: f64 = 400.0;
const ROW: f64 = 22.0;

/// The whole picture.
pub(crate) fn draw(bars: &[Bar]) -> String {
    let (mut body, mut y) = (String::new(), 8.0);
    for group in bars.chunk_by(|one, next| one.group == next.group) {
        y += ROW + 6.0;
        writeln!(
            body,
            r#"<text class="group" x="8" y="{y:.0}">{}, a second</text>"#,
            group[0].group
        )
        .unwrap();
        let most = group.iter().map(|bar| bar.rate).fold(1.0, f64::max);
        for bar in group {
            y += ROW;
            row(&mut body, bar, bar.rate / most * LONGEST, y);
        }
    }
    let style = "rect { fill: #8c959f }\n.ours { fill: #1f6feb }";
    picture("How many requests a second", y + ROW, style, &body)
}

/// What all pictures have around them.
pub(crate) fn picture(label: &str, height: f64, style: &str, body: &str) -> String {
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0} {height:.0}" width="{WIDTH:.0}" role="img" aria-label="{label}">
<style>
text {{ font: 13px system-ui, sans-serif; fill: #57606a }}
.group {{ font-weight: 600 }}
{style}
@media (prefers-color-scheme: dark) {{ text {{ fill: #b1bac4 }} }}
</style>
{body}</svg>
"#
    )
}

fn row(body: &mut String, bar: &Bar, length: f64, y: f64) {
    let class = if bar.ours { " class=\"ours\"" } else { "" };
    let (name, top) = (&bar.name, y - 13.0);
    let (name_at, number_at) = (LEFT - 8.0, LEFT + length + 8.0);
    writeln!(
        body,
        r#"<text x="{name_at:.0}" y="{y:.0}" text-anchor="end">{name}</text><rect{class} x="{LEFT:.0}" y="{top:.0}" width="{length:.1}" height="17" rx="2"/><text x="{number_at:.0}" y="{y:.0}">{}</text>"#,
        thousands(bar.rate)
    )
    .unwrap();
}

/// `12 300`: three digits are known at most.
fn thousands(rate: f64) -> String {
    let unit = 10_f64.powf((rate.max(1.0).log10().floor() - 2.0).max(0.0));
    let rate = ((rate / unit).round() * unit) as u64;
    if rate < 1000 { rate.to_string() } else { format!("{} {:03}", rate / 1000, rate % 1000) }
}
