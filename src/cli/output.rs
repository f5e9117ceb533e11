//! Answers on stdout, everything else on stderr.

use std::io::{self, Read as _, Write as _};

use secrecy::SecretString;
use serde::Serialize;

use super::Failure;

/// One line of an answer.
///
/// # Errors
/// [`Failure::NobodyReads`] when the reader has gone.
pub fn line(text: &str) -> Result<(), Failure> {
    Ok(writeln!(io::stdout(), "{text}")?)
}

/// An answer that is not made of lines.
///
/// # Errors
/// [`Failure::NobodyReads`] when the reader has gone.
pub fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    Ok(io::stdout().write_all(bytes)?)
}

/// An answer for a program.
///
/// # Errors
/// [`Failure::NobodyReads`] when the reader has gone.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    line(&serde_json::to_string_pretty(value).map_err(io::Error::from)?)
}

/// Something for the person that is no answer.
pub fn hint(text: &str) {
    let _nobody_reads = writeln!(io::stderr(), "{text}");
}

/// Columns, as wide as they have to be.
///
/// # Errors
/// [`Failure::NobodyReads`] when the reader has gone.
pub fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> Result<(), Failure> {
    let head = head.map(str::to_owned);
    let width = |column: usize| {
        let cells = std::iter::once(&head).chain(rows).map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    for row in std::iter::once(&head).chain(rows) {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{:width$}", printable(cell)))
            .collect();
        line(cells.join("  ").trim_end())?;
    }
    Ok(())
}

/// A secret from stdin, without one trailing newline.
///
/// # Errors
/// When stdin cannot be read, or is empty.
pub fn secret_from_stdin() -> Result<SecretString, Failure> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |rest| rest.trim_end_matches('\r'));
    if text.is_empty() {
        return Err(Failure::Failed("there is nothing on stdin".to_owned()));
    }
    Ok(text.into())
}

/// What clients wrote cannot move the cursor of a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
