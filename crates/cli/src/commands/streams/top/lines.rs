//! Looks as text, where there is no terminal to fill.

use std::time::Duration;

use anyhow::Result;

use super::view::{Row, View, lasting, short};
use super::{Context, Looker};
use crate::output::table;
use crate::seams::interrupted;

/// Prints a table, or a line of JSON, for every look.
pub(super) async fn run(
    context: &Context,
    mut looker: Looker,
    interval: Duration,
    count: Option<u64>,
) -> Result<()> {
    let mut left = count.unwrap_or(u64::MAX);
    while left > 0 {
        tokio::select! {
            () = context.client.clock().sleep(interval) => {}
            () = interrupted() => return Ok(()),
        }
        let view = looker.look().await?;
        if context.out.json {
            context.out.json_line(&view.document())?;
        } else {
            for line in text(&view) {
                context.out.line(line)?;
            }
        }
        left -= 1;
    }
    Ok(())
}

fn text(view: &View) -> Vec<String> {
    let mut lines = vec![format!(
        "{}  {}  {}  {} open shards  in {}/s {}B/s  out {}/s {}B/s  throttled {}/s",
        view.stream,
        view.status,
        view.mode,
        view.open_shards,
        short(view.total.records_in),
        short(view.total.bytes_in),
        short(view.total.records_out),
        short(view.total.bytes_out),
        short(view.total.throttled),
    )];
    let rows: Vec<_> = view.shards.iter().map(cells).collect();
    lines.extend(table(
        &[
            "SHARD",
            "USED",
            "IN/S",
            "B IN/S",
            "OUT/S",
            "B OUT/S",
            "THROTTLED/S",
            "LAG",
            "HOTTEST KEY",
        ],
        &rows,
    ));
    lines.push(String::new());
    lines
}

/// What a row tells.
pub(super) fn cells(row: &Row) -> Vec<String> {
    let lag = row.last_reader().map(|reader| match reader.records_behind {
        0 => "0".to_owned(),
        records => format!("{} ({records})", lasting(reader.millis_behind)),
    });
    // A key that is one of thousands is none to name.
    let hot = row.hot.first().filter(|(_, share)| *share >= 0.01);
    let hot = hot.map(|(key, share)| format!("{:.0} % {key}", 100.0 * share));
    vec![
        row.shard.clone(),
        if row.closed {
            "closed".to_owned()
        } else {
            format!("{:.0} %", 100.0 * row.usage)
        },
        short(row.rates.records_in),
        short(row.rates.bytes_in),
        short(row.rates.records_out),
        short(row.rates.bytes_out),
        short(row.rates.throttled),
        lag.unwrap_or_else(|| "-".to_owned()),
        hot.unwrap_or_else(|| "-".to_owned()),
    ]
}
