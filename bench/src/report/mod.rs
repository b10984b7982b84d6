//! The page: goals, rivals, latencies, the floor; every ratio of figures of this one run.

mod columns;
mod floor;
mod goals;
mod ratios;

use std::fmt::Write as _;
use std::process::Command;

use anyhow::Result;

use crate::contender::{About, Kind};
use crate::floor::Floor;
use crate::kinesis::SHARDS;
use crate::load::{CONNECTIONS, Shape};
use crate::measure::Figures;
use crate::options::Plan;

/// A contender and what was measured of it, or why nothing was.
pub struct Row {
    /// Who.
    pub about: About,
    /// What.
    pub outcome: Result<Figures, String>,
}

impl Row {
    fn figures(&self) -> Option<&Figures> {
        self.outcome.as_ref().ok()
    }
}

/// Renders the generated part of the page.
pub fn page(rows: &[Row], floor: &Floor, plan: &Plan) -> Result<String> {
    let mut text = String::from("<!-- written by `cargo xtask bench streams` -->\n\n");
    header(&mut text, plan)?;
    goals::write(&mut text, rows, floor)?;
    columns::write(&mut text, rows, plan)?;
    ratios::write(&mut text, rows)?;
    floor::write(&mut text, rows, floor)?;
    columns::shapes(&mut text, rows)?;
    for row in rows {
        if let Err(why) = &row.outcome {
            writeln!(text, "Not run: {}: {why}.\n", row.about.name)?;
        }
    }
    Ok(text)
}

/// The commit and the machine in one line, and a warning where figures are not to be trusted.
pub fn machine(plan: &Plan) -> String {
    let commit = line_of("git", &["rev-parse", "--short", "HEAD"]);
    let kernel = line_of("uname", &["-sr"]);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = info.lines().find_map(|l| l.strip_prefix("model name"));
    let cpu = cpu.unwrap_or_default().trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let sha = if info.contains("sha_ni") {
        "with"
    } else {
        "without"
    };
    let quick = if plan.quick {
        "**A quick run: figures only show that it works.** "
    } else {
        ""
    };
    format!("{quick}Commit {commit}; {cores} cores of {cpu}, {sha} SHA extensions; {kernel}.")
}

fn header(text: &mut String, plan: &Plan) -> Result<()> {
    let batch = Shape::BATCH;
    writeln!(text, "{}\n", machine(plan))?;
    writeln!(
        text,
        "The load generator shares the cores. PutRecords and GetRecords carry {} × {} B over {SHARDS} shards (partitions, \
         subjects), {CONNECTIONS} connections, JSON over HTTP/1.1; everybody who speaks the API gets the same signed bytes. \
         CPU-s/GB is the server's own CPU time per 10^9 bytes of payload, with whatever it still does when the last \
         request is answered. Durable: an acknowledged record survives a power cut.\n",
        batch.records, batch.bytes
    )?;
    Ok(())
}

fn line_of(program: &str, arguments: &[&str]) -> String {
    let done = Command::new(program).args(arguments).output();
    done.map(|d| String::from_utf8_lossy(&d.stdout).trim().to_owned())
        .unwrap_or_default()
}

/// This server, with or without signatures.
fn ours(rows: &[Row], signatures: bool) -> Option<&Figures> {
    let row = rows
        .iter()
        .find(|row| row.about.kind == Kind::Ours && row.about.signatures == signatures);
    row?.figures()
}

/// The best of those that speak the API, or of durable logs: name and figure.
fn best(
    rows: &[Row],
    kind: Kind,
    smaller: bool,
    figure: impl Fn(&Figures) -> Option<f64>,
) -> Option<(&'static str, f64)> {
    let all = rows
        .iter()
        .filter(|row| row.about.kind == kind && (kind != Kind::Log || row.about.durable))
        .filter_map(|row| Some((row.about.name, figure(row.figures()?)?)));
    if smaller {
        all.min_by(|a, b| a.1.total_cmp(&b.1))
    } else {
        all.max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}
