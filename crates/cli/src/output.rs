//! The only place that writes to standard output and standard error.
//!
//! Results go to standard output, one thing a line or one JSON document; everything else – progress, hints,
//! warnings – goes to standard error, so that a pipe carries only results. A reader that goes away (`| head`) is
//! an [`std::io::ErrorKind::BrokenPipe`] error, which `main` turns into a quiet end.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// How results are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// Results are JSON.
    pub json: bool,
    /// Standard output is a terminal: results may move and have colour.
    pub terminal: bool,
}

impl Output {
    /// Output for a command that may have `--json`.
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            terminal: io::stdout().is_terminal() && !json,
        }
    }

    /// One line of a result.
    pub(crate) fn line(self, text: impl fmt::Display) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")?;
        out.flush()
    }

    /// Bytes of a result, as they are, and a line's end.
    pub(crate) fn raw_line(self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.write_all(b"\n")?;
        out.flush()
    }

    /// Bytes that steer a terminal; nothing is written elsewhere.
    pub(crate) fn control(self, sequence: &str) -> io::Result<()> {
        if !self.terminal {
            return Ok(());
        }
        io::stdout().lock().write_all(sequence.as_bytes())
    }

    /// One JSON document on a line of its own.
    pub(crate) fn json_line(self, value: &impl Serialize) -> io::Result<()> {
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, value)?;
        out.write_all(b"\n")?;
        out.flush()
    }

    /// A result that is one thing: an indented JSON document, or lines.
    pub(crate) fn document(
        self,
        value: &impl Serialize,
        lines: impl FnOnce() -> Vec<String>,
    ) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, value)?;
            out.write_all(b"\n")?;
        } else {
            for line in lines() {
                writeln!(out, "{line}")?;
            }
        }
        out.flush()
    }

    /// `text` in bold on a terminal.
    pub(crate) fn bold(self, text: impl fmt::Display) -> String {
        self.styled("1", text)
    }

    /// `text` dimmed on a terminal.
    pub(crate) fn dim(self, text: impl fmt::Display) -> String {
        self.styled("2", text)
    }

    /// `text` in an ANSI style on a terminal that has not asked for plain text (`NO_COLOR`, no-color.org).
    pub(crate) fn styled(self, code: &str, text: impl fmt::Display) -> String {
        let plain = !self.terminal || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if plain {
            text.to_string()
        } else {
            format!("\x1b[{code}m{text}\x1b[0m")
        }
    }
}

/// Says something beside the result. Standard error that is gone is nobody's loss.
pub(crate) fn note(text: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether what is said beside the result reaches a terminal.
pub(crate) fn notes_reach_a_terminal() -> bool {
    io::stderr().is_terminal()
}

/// A bar of bytes on a terminal, nothing elsewhere.
pub(crate) fn progress_bar(total: Option<u64>) -> ProgressBar {
    if !notes_reach_a_terminal() {
        return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
    let bar = match total {
        Some(total) => ProgressBar::new(total),
        None => ProgressBar::no_length(),
    };
    let template = match total {
        Some(_) => "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} eta {eta} {msg}",
        None => "{spinner} {bytes} {bytes_per_sec} {msg}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Moves a bar whose length is found out on the way.
pub(crate) fn follow(bar: &ProgressBar) -> Box<dyn FnMut(u64, u64) + Send> {
    let bar = bar.clone();
    Box::new(move |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })
}

/// Columns under their headings, as wide as needed; the last one is not padded.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize, heading: &str| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        cells.chain([heading.chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = headings
        .iter()
        .enumerate()
        .map(|(column, heading)| width(column, heading))
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut headings.iter().copied())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines
}

/// A table, or what there is to say where it has no rows.
pub(crate) fn table_or(none: &str, headings: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    if rows.is_empty() {
        return vec![none.to_owned()];
    }
    table(headings, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = vec![
            vec!["a".to_owned(), "first".to_owned()],
            vec!["long name".to_owned(), "x".to_owned()],
        ];
        assert_eq!(
            table(&["NAME", "STATE"], &rows),
            ["NAME       STATE", "a          first", "long name  x"]
        );
        assert_eq!(table(&["NAME", "STATE"], &[]), ["NAME  STATE"]);
    }
}
