//! The floor of the machine, and how far above it everybody is.

use std::fmt::Write as _;

use anyhow::Result;

use super::{Row, best, ours};
use crate::contender::Kind;
use crate::floor::Floor;
use crate::measure::Figures;

/// A figure that has a floor: its name, the floor, ours, the same of a rival, and whether smaller is better.
struct Distance {
    name: &'static str,
    floor: f64,
    mine: Option<f64>,
    figure: fn(&Figures) -> f64,
    smaller: bool,
}

/// Writes both tables.
pub fn write(text: &mut String, rows: &[Row], floor: &Floor) -> Result<()> {
    writeln!(text, "### The floor\n")?;
    writeln!(
        text,
        "What the machine does at all, measured before and after this run, the better of the two: each step alone on one core, \
         with common libraries: a server that hashes several at a time can be below it.\n\n| step of a PutRecords | measured | CPU-s per GB put |\n|---|--:|--:|"
    )?;
    for (name, measured, cpu) in floor.put_steps() {
        writeln!(text, "| {name} | {measured} | {cpu:.2} |")?;
    }
    let (signed, open) = (floor.put_cpu_s_per_gb(true), floor.put_cpu_s_per_gb(false));
    writeln!(
        text,
        "| sum, signed | | {signed:.2} |\n| sum, unsigned | | {open:.2} |\n"
    )?;
    let (sync, direct, http) = (floor.disk.sync, floor.disk.direct.small, floor.http);
    writeln!(
        text,
        "A 4 KiB write with fdatasync takes {:.2} ms at the median, {:.2} ms at p99; past the page cache (O_DIRECT, \
         O_DSYNC) {:.2} and {:.2} ms. Durable sequential writes of 1 MiB run at {:.0} MB/s. A bare HTTP server answers \
         {:.0} requests of 1.4 KB a second on eight connections, and takes {:.3} ms for one alone at the median, {:.3} ms \
         at p99.\n",
        sync.p50,
        sync.p99,
        direct.p50,
        direct.p99,
        floor.disk.direct.mb_per_s,
        http.many.per_s,
        http.one.p50,
        http.one.p99
    )?;
    if let Some(ring) = floor.disk.ring {
        writeln!(
            text,
            "Through io_uring the same writes take {:.2} and {:.2} ms and {:.0} CPU-µs of 4 KiB (plain: {:.0}), and run at {:.0} MB/s.\n",
            ring.small.p50, ring.small.p99, ring.small_cpu_us, floor.disk.direct.small_cpu_us, ring.mb_per_s
        )?;
    }
    writeln!(
        text,
        "| figure | floor | Millrace | times the floor | above it | best that speaks the API | best durable log |\n\
         |---|--:|--:|--:|--:|--:|--:|"
    )?;
    for distance in distances(rows, floor) {
        write_one(text, rows, &distance)?;
    }
    writeln!(
        text,
        "\nRivals' columns are times the floor, too; those that speak the API have nothing on disk when they answer.\n"
    )?;
    Ok(())
}

fn distances(rows: &[Row], floor: &Floor) -> [Distance; 9] {
    let (signed, open) = (ours(rows, true), ours(rows, false));
    let of = |name, floor, mine: Option<&Figures>, smaller, figure: fn(&Figures) -> f64| Distance {
        name,
        floor,
        mine: mine.map(figure),
        figure,
        smaller,
    };
    let (durable, http, disk) = (floor.disk.durable(), floor.http, floor.disk);
    let put_cpu: fn(&Figures) -> f64 = |f| f.put_records.cpu_s_per_gb;
    let put_rate: fn(&Figures) -> f64 = |f| f.put_records.mb_per_s;
    [
        of(
            "PutRecords, signed, CPU-s/GB",
            floor.put_cpu_s_per_gb(true),
            signed,
            true,
            put_cpu,
        ),
        of(
            "PutRecords, unsigned, CPU-s/GB",
            floor.put_cpu_s_per_gb(false),
            open,
            true,
            put_cpu,
        ),
        of(
            "GetRecords, CPU-s/GB",
            floor.get_cpu_s_per_gb(),
            signed,
            true,
            |f| f.get_records.cpu_s_per_gb,
        ),
        of(
            "PutRecord alone, p50 ms (durable write)",
            durable.p50,
            signed,
            true,
            |f| f.put_one.p50,
        ),
        of(
            "PutRecord alone, p99 ms (durable write)",
            durable.p99,
            signed,
            true,
            |f| f.put_one.p99,
        ),
        of(
            "PutRecord × 8, CPU-µs (bare HTTP)",
            http.cpu_us,
            signed,
            true,
            |f| f.put_many.cpu_us,
        ),
        of(
            "PutRecord × 8, per s (bare HTTP)",
            http.many.per_s,
            signed,
            false,
            |f| f.put_many.latency.per_s,
        ),
        of(
            "PutRecords, signed, MB/s (disk)",
            disk.direct.mb_per_s,
            signed,
            false,
            put_rate,
        ),
        of(
            "PutRecords, unsigned, MB/s (disk)",
            disk.direct.mb_per_s,
            open,
            false,
            put_rate,
        ),
    ]
}

fn write_one(text: &mut String, rows: &[Row], distance: &Distance) -> Result<()> {
    let Distance {
        name, floor, smaller, ..
    } = *distance;
    let Some(mine) = distance.mine else { return Ok(()) };
    let times = |figure: f64| if smaller { figure / floor } else { floor / figure };
    let rival = |kind| match best(rows, kind, smaller, |f| Some((distance.figure)(f))) {
        Some((_, figure)) => format!("{:.2}", times(figure)),
        None => "–".to_owned(),
    };
    let digits = if floor < 10.0 { 2 } else { 0 };
    let above = (mine - floor) * if smaller { 1.0 } else { -1.0 };
    writeln!(
        text,
        "| {name} | {floor:.digits$} | {mine:.digits$} | {:.2} | {above:.digits$} | {} | {} |",
        times(mine),
        rival(Kind::Api),
        rival(Kind::Log)
    )?;
    Ok(())
}
