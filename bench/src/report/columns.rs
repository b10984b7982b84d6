//! The tables of all contenders: what each does, at which latency, and what it uses.

use std::fmt::Write as _;

use anyhow::Result;

use super::{Row, yes};
use crate::load::Latency;
use crate::measure::{Figures, OFFERED_MB_PER_S};
use crate::options::Plan;

/// A column: its heading, its name outside the table, the figure, its digits, and whether smaller is better.
pub struct Column {
    heading: &'static str,
    /// Name in the table of ratios; empty where it is not compared.
    pub name: &'static str,
    /// Where it comes from.
    pub figure: fn(&Figures) -> Option<f64>,
    digits: usize,
    /// Whether smaller is better.
    pub smaller: bool,
}

const fn up(
    heading: &'static str,
    name: &'static str,
    digits: usize,
    figure: fn(&Figures) -> Option<f64>,
) -> Column {
    Column {
        heading,
        name,
        figure,
        digits,
        smaller: false,
    }
}

const fn down(
    heading: &'static str,
    name: &'static str,
    digits: usize,
    figure: fn(&Figures) -> Option<f64>,
) -> Column {
    Column {
        smaller: true,
        ..up(heading, name, digits, figure)
    }
}

/// What each does.
pub const WORK: &[Column] = &[
    up("PutRecords MB/s", "PutRecords, throughput", 1, |f| {
        Some(f.put_records.mb_per_s)
    }),
    down("CPU-s/GB", "PutRecords, CPU", 2, |f| {
        Some(f.put_records.cpu_s_per_gb)
    }),
    up("GetRecords MB/s", "GetRecords, throughput", 1, |f| {
        Some(f.get_records.mb_per_s)
    }),
    down("CPU-s/GB", "GetRecords, CPU", 2, |f| {
        Some(f.get_records.cpu_s_per_gb)
    }),
    up("PutRecord ×8 per s", "PutRecord × 8, per second", 0, |f| {
        Some(f.put_many.latency.per_s)
    }),
    down("CPU-µs", "PutRecord × 8, CPU", 1, |f| Some(f.put_many.cpu_us)),
];

/// How long calls take.
pub const TIMES: &[Column] = &[
    down("PutRecord ×1 p50 ms", "PutRecord alone, p50", 2, |f| {
        Some(f.put_one.p50)
    }),
    down("p99", "PutRecord alone, p99", 2, |f| Some(f.put_one.p99)),
    down("×8 p50", "", 2, |f| Some(f.put_many.latency.p50)),
    down("p99", "PutRecord × 8, p99", 2, |f| Some(f.put_many.latency.p99)),
    down("put → push p50", "put → push, p50", 2, |f| {
        f.fan_out.map(|l| l.push.p50)
    }),
    down("p99", "put → push, p99", 2, |f| f.fan_out.map(|l| l.push.p99)),
];

/// What each uses.
pub const USE: &[Column] = &[
    down("start ms", "start", 0, |f| Some(f.start_ms)),
    down("idle MiB", "memory idle", 1, |f| Some(f.idle_mib)),
    down("after ingest MiB", "memory after ingest", 1, |f| {
        Some(f.after_mib)
    }),
    down("peak MiB", "", 1, |f| Some(f.peak_mib)),
    down(
        "system calls per PutRecord",
        "system calls per PutRecord",
        1,
        |f| f.counts.syscalls_one,
    ),
    down("PutRecords", "system calls per PutRecords", 0, |f| {
        f.counts.syscalls_batch
    }),
    down("allocations per PutRecord", "allocations per PutRecord", 0, |f| {
        f.counts.allocations_one
    }),
    down("PutRecords", "allocations per PutRecords", 0, |f| {
        f.counts.allocations_batch
    }),
];

/// Where the latency of a load comes from.
type Load = fn(&Figures) -> Option<Latency>;

/// Loads at a fixed rate.
const LOADS: &[(&str, Load)] = &[
    ("PutRecords at 50 MB/s", |f| f.at_fixed),
    ("PutRecords at half of its most", |f| f.at_half),
    ("PutRecord at half of its most", |f| f.one_at_half),
];

/// Writes the tables.
pub fn write(text: &mut String, rows: &[Row], plan: &Plan) -> Result<()> {
    writeln!(text, "### Beside the rivals\n")?;
    table(text, rows, WORK)?;
    table(text, rows, TIMES)?;
    table(text, rows, USE)?;
    writeln!(
        text,
        "PutRecord ×1 and ×8 are closed loops of 1 KiB records on one and eight connections; they run first and warm up \
         what compiles while it runs. Memory is resident, after \
         the closed loop of PutRecords. System calls and allocations were counted in runs of their own; allocations only \
         where memory comes from `malloc`. A dash: not supported or not measured.\n"
    )?;
    writeln!(text, "### At a fixed offered load\n")?;
    writeln!(
        text,
        "Requests are due at a fixed rate for {} s, whether or not earlier ones were answered; a latency counts from when \
         its request was due. Half is half of what the same server took in the closed loop of this run. A dash: it did \
         not keep up, or its most is below {OFFERED_MB_PER_S:.0} MB/s.\n",
        plan.offered.as_secs()
    )?;
    for (name, figure) in LOADS {
        offered(text, rows, name, *figure)?;
    }
    Ok(())
}

fn table(text: &mut String, rows: &[Row], columns: &[Column]) -> Result<()> {
    let headings: Vec<&str> = columns.iter().map(|c| c.heading).collect();
    writeln!(
        text,
        "| server | durable | signatures | {} |",
        headings.join(" | ")
    )?;
    writeln!(text, "|---|---|---|{}", "--:|".repeat(columns.len()))?;
    for row in rows {
        let Some(figures) = row.figures() else { continue };
        let about = &row.about;
        write!(
            text,
            "| {} | {} | {} |",
            about.name,
            yes(about.durable),
            yes(about.signatures)
        )?;
        for column in columns {
            match (column.figure)(figures) {
                Some(figure) => write!(text, " {figure:.*} |", column.digits)?,
                None => write!(text, " – |")?,
            }
        }
        writeln!(text)?;
    }
    writeln!(text)?;
    Ok(())
}

fn offered(text: &mut String, rows: &[Row], name: &str, figure: Load) -> Result<()> {
    writeln!(
        text,
        "| {name} | durable | per s | p50 ms | p90 | p99 | p99.9 | max |"
    )?;
    writeln!(text, "|---|---|--:|--:|--:|--:|--:|--:|")?;
    for row in rows {
        let Some(figures) = row.figures() else { continue };
        write!(text, "| {} | {} |", row.about.name, yes(row.about.durable))?;
        match figure(figures) {
            Some(l) => writeln!(
                text,
                " {:.0} | {:.2} | {:.2} | {:.2} | {:.2} | {:.1} |",
                l.per_s, l.p50, l.p90, l.p99, l.p999, l.max
            )?,
            None => writeln!(text, " – | – | – | – | – | – |")?,
        }
    }
    writeln!(text)?;
    Ok(())
}

/// This server under loads of other shapes.
pub fn shapes(text: &mut String, rows: &[Row]) -> Result<()> {
    let shapes = rows
        .iter()
        .filter_map(Row::figures)
        .find(|f| !f.shapes.is_empty());
    let Some(figures) = shapes else { return Ok(()) };
    writeln!(text, "### Other shapes of load\n")?;
    writeln!(
        text,
        "This server, signed, closed loops.\n\n| load | MB/s | CPU-s/GB | CPU-µs per call | p50 ms | p99 ms |\n\
         |---|--:|--:|--:|--:|--:|"
    )?;
    for (name, cost) in &figures.shapes {
        writeln!(
            text,
            "| {name} | {:.1} | {:.2} | {:.0} | {:.2} | {:.2} |",
            cost.mb_per_s, cost.cpu_s_per_gb, cost.cpu_us, cost.latency.p50, cost.latency.p99
        )?;
    }
    writeln!(text)?;
    Ok(())
}
