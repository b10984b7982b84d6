//! This server's figures beside the best rival's, column by column.

use std::fmt::Write as _;

use anyhow::Result;

use super::columns::{TIMES, USE, WORK};
use super::{Row, best, ours};
use crate::contender::Kind;

/// Writes the table.
pub fn write(text: &mut String, rows: &[Row]) -> Result<()> {
    let Some(mine) = ours(rows, true) else {
        return Ok(());
    };
    writeln!(text, "### Times better than the best rival\n")?;
    writeln!(
        text,
        "Above 1 Millrace, signed, is better. No rival that speaks the API is durable; of the logs only durable rows \
         count.\n\n| figure | best that speaks the API | times | best durable log | times |\n|---|---|--:|---|--:|"
    )?;
    for column in [WORK, TIMES, USE].into_iter().flatten() {
        let Some(mine) = (column.figure)(mine).filter(|_| !column.name.is_empty()) else {
            continue;
        };
        let cell = |kind| match best(rows, kind, column.smaller, column.figure) {
            Some((name, theirs)) if column.smaller => format!("{name} | {:.2}", theirs / mine),
            Some((name, theirs)) => format!("{name} | {:.2}", mine / theirs),
            None => "– | –".to_owned(),
        };
        let (api, log) = (cell(Kind::Api), cell(Kind::Log));
        if api != log {
            writeln!(text, "| {} | {api} | {log} |", column.name)?;
        }
    }
    writeln!(text)?;
    Ok(())
}
