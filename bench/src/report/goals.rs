//! What was to be reached, and what was.

use std::fmt::Write as _;

use anyhow::Result;

use super::{Row, best, ours};
use crate::contender::Kind;
use crate::floor::Floor;
use crate::measure::Figures;

/// PutRecords with signatures, CPU seconds per gigabyte: the goal, and what multi-buffer hashing aims at.
const PUT_SIGNED: (f64, f64) = (5.0, 2.5);
/// PutRecords without signatures.
const PUT_UNSIGNED: f64 = 0.8;
/// How many times less CPU than the best rival that speaks the API, with and without signatures.
const TIMES: (f64, f64) = (2.5, 15.0);
/// GetRecords.
const GET: f64 = 0.6;
/// How much later than the put's own answer a push may come, in milliseconds.
const PUSH_AFTER_MS: f64 = 2.0;

/// A goal: its words, its bound, and what was reached.
struct Goal {
    words: String,
    unit: &'static str,
    bound: f64,
    reached: f64,
    at_least: bool,
}

/// Writes the table.
pub fn write(text: &mut String, rows: &[Row], floor: &Floor) -> Result<()> {
    let mut goals = Vec::new();
    if let Some(signed) = ours(rows, true) {
        of_signed(&mut goals, signed, floor);
        of_rivals(
            &mut goals,
            rows,
            ("signed", TIMES.0),
            signed.put_records.cpu_s_per_gb,
        );
        of_logs(&mut goals, rows, signed);
    }
    if let Some(open) = ours(rows, false) {
        let cpu = open.put_records.cpu_s_per_gb;
        at_most(&mut goals, "PutRecords, unsigned", "CPU-s/GB", PUT_UNSIGNED, cpu);
        of_rivals(&mut goals, rows, ("unsigned", TIMES.1), cpu);
    }
    writeln!(
        text,
        "### Goals\n\n| goal | bound | reached | |\n|---|--:|--:|---|"
    )?;
    for goal in &goals {
        let (sign, away) = match goal.at_least {
            true => ("≥", goal.bound / goal.reached),
            false => ("≤", goal.reached / goal.bound),
        };
        let verdict = match away {
            away if away <= 1.0 => "reached".to_owned(),
            away if away < 2.0 => format!("**missed by {:.0} %**", (away - 1.0) * 100.0),
            away => format!("**missed: {away:.1} times**"),
        };
        writeln!(
            text,
            "| {} | {sign} {:.2} {} | {:.2} | {verdict} |",
            goal.words, goal.bound, goal.unit, goal.reached
        )?;
    }
    writeln!(
        text,
        "\nFlat cost over shards and bounded memory have sections of their own.\n"
    )?;
    Ok(())
}

fn at_most(goals: &mut Vec<Goal>, words: &str, unit: &'static str, bound: f64, reached: f64) {
    goals.push(Goal {
        words: words.to_owned(),
        unit,
        bound,
        reached,
        at_least: false,
    });
}

fn of_signed(goals: &mut Vec<Goal>, signed: &Figures, floor: &Floor) {
    let cpu = signed.put_records.cpu_s_per_gb;
    at_most(goals, "PutRecords, signed", "CPU-s/GB", PUT_SIGNED.0, cpu);
    at_most(
        goals,
        "PutRecords, signed, aimed at",
        "CPU-s/GB",
        PUT_SIGNED.1,
        cpu,
    );
    let words = "PutRecord alone, p99 within 2 × that of fdatasync";
    at_most(goals, words, "ms", 2.0 * floor.disk.sync.p99, signed.put_one.p99);
    at_most(
        goals,
        "GetRecords",
        "CPU-s/GB",
        GET,
        signed.get_records.cpu_s_per_gb,
    );
    if let Some(fan_out) = signed.fan_out {
        let bound = fan_out.put.p99 + PUSH_AFTER_MS;
        at_most(
            goals,
            "put → push, p99 within 2 ms of the put's",
            "ms",
            bound,
            fan_out.push.p99,
        );
    }
}

/// Against the best that speaks the API.
fn of_rivals(goals: &mut Vec<Goal>, rows: &[Row], (what, times): (&str, f64), mine: f64) {
    let best = best(rows, Kind::Api, true, |f| Some(f.put_records.cpu_s_per_gb));
    if let Some((name, theirs)) = best {
        goals.push(Goal {
            words: format!("PutRecords, {what}: less CPU than {name}, the best that speaks the API"),
            unit: "times",
            bound: times,
            reached: theirs / mine,
            at_least: true,
        });
    }
}

/// Against every durable log.
fn of_logs(goals: &mut Vec<Goal>, rows: &[Row], signed: &Figures) {
    for row in rows
        .iter()
        .filter(|r| r.about.kind == Kind::Log && r.about.durable)
    {
        if let Some(theirs) = row.figures() {
            let words = format!("PutRecords, signed: CPU below that of {}", row.about.name);
            let (theirs, mine) = (theirs.put_records.cpu_s_per_gb, signed.put_records.cpu_s_per_gb);
            at_most(goals, &words, "CPU-s/GB", theirs, mine);
        }
    }
}
