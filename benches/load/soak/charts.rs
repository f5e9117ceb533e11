//! The plot: line charts under one another over the minutes, restarts as thin vertical lines.

use std::fmt::Write as _;

use super::samples::{Figure, Sample};
use crate::plot::{WIDTH, picture};

/// Lines of one scale.
struct Chart {
    title: &'static str,
    /// By powers of ten: a restart is longer than an answer takes.
    logarithmic: bool,
    /// A name, and the class of the line.
    lines: &'static [(&'static str, &'static str, Figure)],
}

const CHARTS: [Chart; 4] = [
    Chart {
        title: "on the disk, MiB",
        logarithmic: false,
        lines: &[
            ("database", "one", |sample| sample.file),
            ("write-ahead log", "two", |sample| sample.log),
        ],
    },
    Chart {
        title: "own memory, MiB",
        logarithmic: false,
        lines: &[("service", "one", |sample| sample.memory)],
    },
    Chart {
        title: "open at once",
        logarithmic: false,
        lines: &[
            ("descriptors", "one", |sample| sample.descriptors),
            ("threads", "two", |sample| sample.threads),
        ],
    },
    Chart {
        title: "latency, ms",
        logarithmic: true,
        lines: &[
            ("introspection p50", "one", |sample| sample.introspection[0]),
            ("p99", "one rare", |sample| sample.introspection[1]),
            ("refresh p50", "two", |sample| sample.refresh[0]),
            ("p99", "two rare", |sample| sample.refresh[1]),
        ],
    },
];

/// Where the lines are drawn.
const LEFT: f64 = 60.0;
const RIGHT: f64 = WIDTH - 20.0;
const HEIGHT: f64 = 110.0;
/// From one chart to the next.
const STEP: f64 = HEIGHT + 50.0;
const STYLE: &str = ".number { font-size: 11px }
path { fill: none; stroke-width: 1.5; stroke-linejoin: round }
.one { stroke: #2f81f7 }
.two { stroke: #c9711a }
.rare { stroke-width: 1; stroke-dasharray: 3 2 }
.grid { stroke: #8c959f; stroke-width: 1; opacity: .3 }
.restart { stroke: #8c959f; stroke-width: 1; stroke-dasharray: 2 3 }";

/// The whole picture.
pub(super) fn draw(samples: &[Sample]) -> String {
    let mut body = String::new();
    let longest = samples.last().map_or(1.0, |sample| sample.minute);
    let across = Scale { from: 0.0, to: longest, start: LEFT, end: RIGHT };
    let mut top = 30.0;
    for chart in &CHARTS {
        chart.draw(&mut body, samples, &across, top);
        top += STEP;
    }
    let (x, y) = (RIGHT, top - 15.0);
    let dotted = "minutes; dotted: the service is stopped or killed, and starts again";
    writeln!(body, r#"<text class="number" x="{x}" y="{y}" text-anchor="end">{dotted}</text>"#)
        .unwrap();
    picture("The service over time", top, STYLE, &body)
}

impl Chart {
    fn draw(&self, body: &mut String, samples: &[Sample], across: &Scale, top: f64) {
        let bottom = top + HEIGHT;
        self.head(body, top - 10.0);
        for sample in samples.iter().filter(|sample| sample.restart.is_some()) {
            let x = across.place(sample.minute);
            line(body, "restart", [(x, top), (x, bottom)]);
        }
        for minute in ticks(across.to) {
            let (x, y) = (across.place(minute), bottom + 14.0);
            number(body, (x, y), "middle", minute);
        }
        let (upwards, marks) = self.upwards(samples, (bottom, top));
        for mark in marks {
            let y = upwards.place(self.scaled(mark));
            line(body, "grid", [(LEFT, y), (RIGHT, y)]);
            number(body, (LEFT - 6.0, y + 4.0), "end", mark);
        }
        for (_, class, figure) in self.lines {
            let point = |sample: &Sample| {
                (across.place(sample.minute), upwards.place(self.scaled(figure(sample))))
            };
            line(body, class, samples.iter().map(point));
        }
    }

    /// The title, and what each line is.
    fn head(&self, body: &mut String, y: f64) {
        writeln!(body, r#"<text class="group" x="8" y="{y}">{}</text>"#, self.title).unwrap();
        let mut x = 190.0;
        for (name, class, _) in self.lines {
            line(body, class, [(x, y - 4.0), (x + 20.0, y - 4.0)]);
            writeln!(body, r#"<text x="{}" y="{y}">{name}</text>"#, x + 26.0).unwrap();
            x += 56.0 + 7.0 * name.len() as f64;
        }
    }

    /// The scale from the bottom to the top, and what is marked on it.
    fn upwards(&self, samples: &[Sample], (start, end): (f64, f64)) -> (Scale, Vec<f64>) {
        let all = || {
            let of_line = |(_, _, figure): &'static (_, _, Figure)| samples.iter().map(figure);
            self.lines.iter().flat_map(of_line)
        };
        let most = all().fold(0.001, f64::max);
        if self.logarithmic {
            let least = all().fold(most, f64::min).max(0.001);
            let (from, to) = (least.log10().floor() as i32, most.log10().ceil() as i32);
            let marks = (from..=to).map(|power| 10_f64.powi(power)).collect();
            return (Scale { from: from.into(), to: to.into(), start, end }, marks);
        }
        let marks = ticks(most * 1.05);
        (Scale { from: 0.0, to: most * 1.05, start, end }, marks)
    }

    fn scaled(&self, value: f64) -> f64 {
        if self.logarithmic { value.max(0.001).log10() } else { value }
    }
}

/// From numbers to places.
struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Scale {
    fn place(&self, value: f64) -> f64 {
        let part = (value - self.from) / (self.to - self.from);
        self.start + part * (self.end - self.start)
    }
}

/// Round numbers from nothing up to this, a few of them.
fn ticks(to: f64) -> Vec<f64> {
    let unit = 10_f64.powf((to / 2.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * unit);
    let step = step.into_iter().find(|step| to / step < 7.0).unwrap_or(to);
    (0..=(to / step) as u32).map(|n| f64::from(n) * step).collect()
}

fn number(body: &mut String, (x, y): (f64, f64), anchor: &str, value: f64) {
    // No more digits than there are: 0.1 and 1000.
    let value = (value * 1000.0).round() / 1000.0;
    writeln!(
        body,
        r#"<text class="number" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{value}</text>"#
    )
    .unwrap();
}

fn line(body: &mut String, class: &str, points: impl IntoIterator<Item = (f64, f64)>) {
    let points: Vec<String> = points.into_iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    writeln!(body, r#"<path class="{class}" d="M{}"/>"#, points.join("L")).unwrap();
}
