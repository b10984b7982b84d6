//! The page: figures, ratios against the best rival, the machine and the commit.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::Result;

use crate::Figures;
use crate::contender::Contender;
use crate::floor::Floor;
use crate::load::{CONNECTIONS, RECORD_BYTES, RECORDS_PER_PUT, SHARDS};

type Row = (Contender, Result<Figures, String>);

/// A column: its heading, its name outside the table, the figure, its digits, and whether smaller is better.
struct Column {
    heading: &'static str,
    name: &'static str,
    figure: fn(&Figures) -> Option<f64>,
    digits: usize,
    smaller: bool,
}

const COLUMNS: &[Column] = &[
    Column {
        heading: "PutRecords MB/s",
        name: "PutRecords, throughput",
        figure: |f| Some(f.put_records.mb_per_s),
        digits: 1,
        smaller: false,
    },
    Column {
        heading: "CPU-s/GB",
        name: "PutRecords, CPU",
        figure: |f| Some(f.put_records.cpu_s_per_gb),
        digits: 2,
        smaller: true,
    },
    Column {
        heading: "GetRecords MB/s",
        name: "GetRecords, throughput",
        figure: |f| Some(f.get_records.mb_per_s),
        digits: 1,
        smaller: false,
    },
    Column {
        heading: "CPU-s/GB",
        name: "GetRecords, CPU",
        figure: |f| Some(f.get_records.cpu_s_per_gb),
        digits: 2,
        smaller: true,
    },
    Column {
        heading: "PutRecord ×1 p50 ms",
        name: "PutRecord alone, p50",
        figure: |f| Some(f.put_one.p50),
        digits: 2,
        smaller: true,
    },
    Column {
        heading: "p99",
        name: "PutRecord alone, p99",
        figure: |f| Some(f.put_one.p99),
        digits: 2,
        smaller: true,
    },
    Column {
        heading: "PutRecord ×8 per s",
        name: "PutRecord × 8, per second",
        figure: |f| Some(f.put_many.per_s),
        digits: 0,
        smaller: false,
    },
    Column {
        heading: "p99 ms",
        name: "PutRecord × 8, p99",
        figure: |f| Some(f.put_many.p99),
        digits: 2,
        smaller: true,
    },
    Column {
        heading: "put → push p50 ms",
        name: "put → push, p50",
        figure: |f| f.fan_out.map(|l| l.p50),
        digits: 2,
        smaller: true,
    },
    Column {
        heading: "p99",
        name: "put → push, p99",
        figure: |f| f.fan_out.map(|l| l.p99),
        digits: 2,
        smaller: true,
    },
    Column {
        heading: "start ms",
        name: "start",
        figure: |f| Some(f.start_ms),
        digits: 0,
        smaller: true,
    },
    Column {
        heading: "idle MiB",
        name: "memory idle",
        figure: |f| Some(f.idle_mib),
        digits: 1,
        smaller: true,
    },
    Column {
        heading: "after ingest MiB",
        name: "memory after ingest",
        figure: |f| Some(f.after_mib),
        digits: 1,
        smaller: true,
    },
];

/// Renders the generated part of the page.
pub fn page(rows: &[Row], floor: &Floor) -> Result<String> {
    let mut text = String::new();
    header(&mut text, floor)?;
    for columns in [&COLUMNS[..4], &COLUMNS[4..10], &COLUMNS[10..]] {
        table(&mut text, rows, columns)?;
    }
    ratios(&mut text, rows)?;
    for (contender, outcome) in rows {
        if let Err(why) = outcome {
            writeln!(text, "Not measured: {}: {why}\n", contender.name)?;
        }
    }
    Ok(text)
}

fn header(text: &mut String, floor: &Floor) -> Result<()> {
    let commit = line_of("git", &["rev-parse", "--short", "HEAD"]);
    let kernel = line_of("uname", &["-sr"]);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = info
        .lines()
        .find_map(|l| l.strip_prefix("model name"))
        .unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let sha = if info.contains("sha_ni") {
        "with SHA extensions"
    } else {
        "without SHA extensions"
    };
    writeln!(text, "<!-- written by `cargo xtask bench streams` -->\n")?;
    writeln!(
        text,
        "Commit {commit}; {cores} cores of {}, {sha}; {kernel}.\n",
        cpu.trim_start_matches([' ', '\t', ':'])
    )?;
    writeln!(
        text,
        "The load generator shares the cores. PutRecords and GetRecords carry {RECORDS_PER_PUT} × {RECORD_BYTES} B \
         over {SHARDS} shards, {CONNECTIONS} connections, HTTP/1.1, JSON; all requests are signed, the same for \
         everyone. CPU-s/GB is the server's own CPU time per 10^9 bytes of payload, with \
         whatever it still does when the last request is answered.\n"
    )?;
    writeln!(
        text,
        "The machine alone: SHA-256 {:.0} MB/s on one core; a durable 4 KiB write {:.2} ms at the median, {:.2} ms at \
         p99; durable sequential writes {:.0} MB/s.\n",
        floor.sha256_mb_per_s, floor.sync_ms_p50, floor.sync_ms_p99, floor.write_mb_per_s
    )?;
    Ok(())
}

fn line_of(program: &str, arguments: &[&str]) -> String {
    let done = Command::new(program).args(arguments).output();
    done.map(|d| String::from_utf8_lossy(&d.stdout).trim().to_owned())
        .unwrap_or_default()
}

fn table(text: &mut String, rows: &[Row], columns: &[Column]) -> Result<()> {
    let headings: Vec<&str> = columns.iter().map(|c| c.heading).collect();
    writeln!(
        text,
        "| server | durable | signatures | {} |",
        headings.join(" | ")
    )?;
    writeln!(text, "|---|---|---|{}", "--:|".repeat(columns.len()))?;
    for (contender, outcome) in rows {
        let Ok(figures) = outcome else { continue };
        let yes = |b: bool| if b { "yes" } else { "no" };
        write!(
            text,
            "| {} | {} | {} |",
            contender.name,
            yes(contender.durable),
            yes(contender.signatures)
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

/// This server's figure beside the best rival's, column by column.
fn ratios(text: &mut String, rows: &[Row]) -> Result<()> {
    let ours = rows.iter().find(|(c, f)| c.name == "millrace" && f.is_ok());
    let Some((_, Ok(ours))) = ours else { return Ok(()) };
    writeln!(
        text,
        "Against the best rival in each column (above 1: Millrace is better):\n"
    )?;
    writeln!(text, "| figure | best rival | times better |\n|---|---|--:|")?;
    for column in COLUMNS {
        let rivals = rows.iter().filter(|(c, _)| !c.name.starts_with("millrace"));
        let figures = rivals.filter_map(|(c, f)| Some((c.name.as_str(), (column.figure)(f.as_ref().ok()?)?)));
        let better = |a: f64, b: f64| if column.smaller { b / a } else { a / b };
        let best = figures.max_by(|a, b| better(a.1, 1.0).total_cmp(&better(b.1, 1.0)));
        if let (Some(mine), Some((name, theirs))) = ((column.figure)(ours), best) {
            writeln!(text, "| {} | {name} | {:.2} |", column.name, better(mine, theirs))?;
        }
    }
    writeln!(text)?;
    Ok(())
}
