//! What comes out: a line for each case, with its goal.

use std::fmt;

use crate::rounds::Series;

/// What a number should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// No less than.
    AtLeast(f64),
    /// The aim, and the least.
    Aim(f64, f64),
    /// No more than.
    AtMost(f64),
    /// It is there to compare with.
    None,
}

impl Goal {
    fn met_by(self, value: f64) -> Option<&'static str> {
        match self {
            Self::AtLeast(least) if value >= least => Some("yes"),
            Self::Aim(aim, _) if value >= aim => Some("yes"),
            Self::Aim(_, least) if value >= least => Some("the least"),
            Self::AtMost(most) if value <= most => Some("yes"),
            Self::None => None,
            _ => Some("NO"),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, ">= {least}"),
            Self::Aim(aim, least) => write!(f, ">= {aim}, {least} at least"),
            Self::AtMost(most) => write!(f, "<= {most}"),
            Self::None => Ok(()),
        }
    }
}

struct Line {
    what: String,
    /// Answers in a second, p50, p99, processor time.
    measured: Option<String>,
    /// The number, and of what it is one.
    value: Option<(f64, String)>,
    goal: Goal,
}

/// All lines.
#[derive(Default)]
pub(crate) struct Table(Vec<Line>);

impl Table {
    /// What others are compared with.
    pub(crate) fn base(&mut self, what: &str, series: &Series) {
        self.push(what, Some(measured(series)), None, Goal::None);
    }

    /// A case, and its ratio to another one: the number, and what it is a ratio to.
    pub(crate) fn case(&mut self, what: &str, series: &Series, of: (f64, &str), goal: Goal) {
        self.push(what, Some(measured(series)), Some(of), goal);
    }

    /// A number with its unit.
    pub(crate) fn number(&mut self, what: &str, value: (f64, &str), goal: Goal) {
        self.push(what, None, Some(value), goal);
    }

    fn push(
        &mut self,
        what: &str,
        measured: Option<String>,
        value: Option<(f64, &str)>,
        goal: Goal,
    ) {
        let value = value.map(|(value, unit)| (value, unit.to_owned()));
        self.0.push(Line { what: what.to_owned(), measured, value, goal });
    }

    /// How many goals there are.
    pub(crate) fn goals(&self) -> usize {
        self.outcomes().count()
    }

    /// How many of them are met.
    pub(crate) fn met(&self) -> usize {
        self.outcomes().filter(|outcome| *outcome != "NO").count()
    }

    fn outcomes(&self) -> impl Iterator<Item = &'static str> {
        let outcome = |line: &Line| line.goal.met_by(line.value.as_ref()?.0);
        self.0.iter().filter_map(outcome)
    }
}

fn measured(series: &Series) -> String {
    let rate = series.median(|one| one.rate);
    let [p50, p99, cpu] = [
        series.median(|one| one.p50.as_secs_f64() * 1e3),
        series.median(|one| one.p99.as_secs_f64() * 1e3),
        series.median(|one| one.cpu.as_secs_f64() * 1e6),
    ];
    let cpu = if cpu > 0.0 { format!("{cpu:.1}") } else { String::new() };
    format!("{rate:>8.0} | {p50:>8.2} | {p99:>8.2} | {cpu:>6}")
}

/// As Markdown, which is also a table to the eye.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nothing = format!("{:8} | {:8} | {:8} | {:6}", "", "", "", "");
        writeln!(
            f,
            "| {:50} | {:>8} | {:>8} | {:>8} | {:>6} | {:>28} | {:22} | {:9} |",
            "what", "a second", "p50 ms", "p99 ms", "CPU µs", "compared", "goal", "met"
        )?;
        writeln!(f, "|---|--:|--:|--:|--:|--:|---|---|")?;
        for line in &self.0 {
            let measured = line.measured.as_ref().unwrap_or(&nothing);
            let value = line.value.as_ref();
            let compared = value.map_or_else(String::new, |(value, of)| format!("{value:.2} {of}"));
            let met = value.and_then(|(value, _)| line.goal.met_by(*value)).unwrap_or_default();
            let goal = line.goal.to_string();
            writeln!(
                f,
                "| {:50} | {measured} | {compared:>28} | {goal:22} | {met:9} |",
                line.what
            )?;
        }
        Ok(())
    }
}
