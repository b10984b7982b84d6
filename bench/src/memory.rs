//! `cargo xtask bench memory`: resident memory, looked at every second, while ten gibibytes come in.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::contender::Contender;
use crate::load::{self, CONNECTIONS, Shape, Until};
use crate::options::Plan;
use crate::process::Running;
use crate::report;

/// The goal.
const GOAL_MIB: f64 = 300.0;
/// What is written for a byte of payload, at most, before the write-ahead log is given back; and what is left free.
const WRITTEN_TIMES: u64 = 2;
const LEFT_FREE_BYTES: u64 = 4 << 30;
/// How long it may take at most.
const PATIENCE: Duration = Duration::from_secs(1800);
/// How long after the load memory is looked at again: what was put off is done, buffers are given back.
const REST: Duration = Duration::from_secs(10);
const GIB: f64 = (1u64 << 30) as f64;

/// Measures and yields the page's part.
pub fn run(contender: &dyn Contender, places: (&Path, &Path), plan: &Plan) -> Result<String> {
    let bytes = plan.memory_bytes.min(room(places.1)?);
    if bytes < plan.memory_bytes.min(1 << 30) {
        bail!("less than a gibibyte fits on the disk");
    }
    let server = Running::start(contender, places.0, places.1)?;
    contender.prepare(&server)?;
    let idle = server.rss_mib();
    let puts = contender.puts(&server, &Shape::BATCH)?;
    let until = Until {
        bytes,
        length: PATIENCE,
    };
    let done = AtomicBool::new(false);
    let (outcome, seen) = std::thread::scope(|scope| {
        let sampler = scope.spawn(|| sample(&server, &done));
        let outcome = load::closed(puts.as_ref(), CONNECTIONS, until);
        done.store(true, Ordering::Relaxed);
        (outcome, sampler.join())
    });
    let outcome = outcome?;
    let seen = seen.ok().context("the sampler panicked")?;
    let (end, peak) = (server.rss_mib(), server.peak_mib());
    std::thread::sleep(REST.min(plan.offered));
    let after = server.rss_mib();
    println!(
        "   {:.1} GiB, peak {peak:.1} MiB, {after:.1} MiB later",
        outcome.bytes as f64 / GIB
    );
    let mut out = String::from("<!-- written by `cargo xtask bench memory` -->\n\n");
    writeln!(out, "{}\n", report::machine(plan))?;
    writeln!(
        out,
        "{:.1} GiB of PutRecords in {:.0} s ({:.0} MB/s), signed and durable{}. Goal: below {GOAL_MIB:.0} MiB at any \
         time: {}.\n",
        outcome.bytes as f64 / GIB,
        outcome.took.as_secs_f64(),
        outcome.bytes as f64 / 1e6 / outcome.took.as_secs_f64(),
        if bytes < plan.memory_bytes {
            "; the disk had no room for more"
        } else {
            ""
        },
        if peak < GOAL_MIB {
            "reached".to_owned()
        } else {
            format!("**missed by {:.0} %**", (peak / GOAL_MIB - 1.0) * 100.0)
        }
    )?;
    writeln!(
        out,
        "| resident, MiB | before | median | most at a second's look | peak | at the end | {} s later |\n\
         |---|--:|--:|--:|--:|--:|--:|",
        REST.min(plan.offered).as_secs()
    )?;
    let mut sorted = seen.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(end);
    let most = sorted.last().copied().unwrap_or(end);
    writeln!(
        out,
        "| | {idle:.1} | {median:.1} | {most:.1} | {peak:.1} | {end:.1} | {after:.1} |\n"
    )?;
    let looks: Vec<String> = seen.iter().map(|mib| format!("{mib:.0}")).collect();
    writeln!(out, "Every second: {}.", looks.join(" "))?;
    Ok(out)
}

/// Payload that fits on the disk, in bytes.
fn room(work: &Path) -> Result<u64> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(work.as_os_str().as_bytes())?;
    // SAFETY: the path ends with a nought, and the structure is written before it is read.
    let space = unsafe {
        let mut space: libc::statvfs = std::mem::zeroed();
        if libc::statvfs(path.as_ptr(), &raw mut space) != 0 {
            return Err(std::io::Error::last_os_error().into());
        }
        space
    };
    let free = space.f_bavail * space.f_frsize;
    Ok(free.saturating_sub(LEFT_FREE_BYTES) / WRITTEN_TIMES)
}

fn sample(server: &Running, done: &AtomicBool) -> Vec<f64> {
    let (begun, mut seen) = (Instant::now(), Vec::new());
    while !done.load(Ordering::Relaxed) {
        // A long load needs no more than a thousand looks on a page.
        let next = Duration::from_secs(seen.len() as u64 + 1);
        std::thread::sleep(
            next.saturating_sub(begun.elapsed())
                .min(Duration::from_millis(100)),
        );
        if begun.elapsed() >= next {
            seen.push(server.rss_mib());
        }
    }
    seen
}
