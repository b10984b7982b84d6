//! Many seeds: one process each, as many at a time as there are processors, and what they come to.
//!
//! A process each, because tokio and the standard library keep counters for the whole process that lead to their
//! random choices: in a process of its own a seed is the same whatever ran before it.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::plant::PLANTS;
use crate::run::Report;

/// Before the line of JSON a child prints.
pub const MARK: &str = "REPORT ";
/// How long a seed may take.
const SEED_MAX: Duration = Duration::from_secs(30);

/// What is to be run.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub seeds: u64,
    pub from: u64,
    pub seconds: Option<u64>,
    pub plant: String,
}

fn child(seed: u64, plant: &str) -> Report {
    let failed = |why: String| Report {
        seed,
        broken: vec![why],
        ..Report::default()
    };
    let output = match spawn(seed, plant) {
        Ok(output) => output,
        Err(error) => return failed(format!("{error}")),
    };
    let report = output
        .0
        .lines()
        .find_map(|line| serde_json::from_str(line.strip_prefix(MARK)?).ok());
    report.unwrap_or_else(|| {
        let end: Vec<&str> = output.1.lines().take(12).collect();
        failed(format!("the process ends without a report: {}", end.join(" | ")))
    })
}

fn spawn(seed: u64, plant: &str) -> Result<(String, String)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--seed").arg(seed.to_string()).arg("--child");
    if !plant.is_empty() {
        command.arg("--plant").arg(plant);
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let begun = Instant::now();
    // A child prints one line and, at worst, a panic: both fit their pipes.
    while child.try_wait()?.is_none() {
        if begun.elapsed() > SEED_MAX {
            child.kill()?;
            child.wait()?;
            bail!("the seed takes longer than {} s", SEED_MAX.as_secs());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let read = |child: &mut Child| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        if let Some(mut pipe) = child.stdout.take() {
            let _ = pipe.read_to_end(&mut out);
        }
        if let Some(mut pipe) = child.stderr.take() {
            let _ = pipe.read_to_end(&mut err);
        }
        (
            String::from_utf8_lossy(&out).into_owned(),
            String::from_utf8_lossy(&err).into_owned(),
        )
    };
    Ok(read(&mut child))
}

/// Runs seeds on all processors; `take` gets each report and says whether to go on.
fn each(asked: &Asked, take: impl Fn(Report) -> bool + Sync) {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(0);
    let begun = Instant::now();
    let over = |at: u64| match asked.seconds {
        Some(seconds) => begun.elapsed().as_secs() >= seconds,
        None => at >= asked.seeds,
    };
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if over(at) || !take(child(asked.from + at, &asked.plant)) {
                        next.store(u64::MAX / 2, Ordering::Relaxed);
                        return;
                    }
                }
            });
        }
    });
}

/// Many seeds, and the sum of them.
pub fn many(asked: &Asked) -> Result<()> {
    let (sum, broken) = (Mutex::new((0u64, Report::default())), Mutex::new(Vec::new()));
    let begun = Instant::now();
    each(asked, |report| {
        if !report.broken.is_empty() {
            let line = format!("seed {}: {}", report.seed, report.broken.join("\n    "));
            println!("{line}\n  again: cargo xtask sim --seed {} --aloud", report.seed);
            broken.lock().map(|mut broken| broken.push(report.seed)).ok();
        }
        if let Ok(mut sum) = sum.lock() {
            sum.0 += 1;
            add(&mut sum.1, &report);
        }
        true
    });
    let (seeds, sum) = sum.into_inner().unwrap_or_default();
    print(seeds, &sum, begun.elapsed());
    let broken = broken.into_inner().unwrap_or_default();
    ensure!(
        broken.is_empty(),
        "{} of {seeds} seeds failed: {broken:?}",
        broken.len()
    );
    println!("no seed failed");
    Ok(())
}

fn add(sum: &mut Report, one: &Report) {
    macro_rules! sum {
        ($($member:ident),*) => { $(sum.$member += one.$member;)* };
    }
    sum!(
        events,
        simulated_ms,
        calls,
        acknowledged,
        reads,
        recoveries,
        kills,
        power_failures,
        clean_stops,
        crashed_starts,
        spoiled_starts,
        fatal,
        internal,
        clock_jumps,
        full_disks,
        slow_syncs,
        seals,
        merges,
        undecided,
        rot_named,
        rot_local,
        rot_harmless
    );
    for (name, count) in &one.faults {
        match sum.faults.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += count,
            None => sum.faults.push((name.clone(), *count)),
        }
    }
}

fn print(seeds: u64, sum: &Report, took: Duration) {
    println!("{seeds} seeds in {:.1} s", took.as_secs_f64());
    println!(
        "  simulated time    {:.1} hours",
        sum.simulated_ms as f64 / 3_600_000.0
    );
    println!("  scheduled events  {}", sum.events);
    println!(
        "  calls {}, records acknowledged {}, read {}",
        sum.calls, sum.acknowledged, sum.reads
    );
    println!(
        "  recoveries {}: after {} kills, {} power failures, {} clean stops; {} crashed and {} spoiled starts",
        sum.recoveries,
        sum.kills,
        sum.power_failures,
        sum.clean_stops,
        sum.crashed_starts,
        sum.spoiled_starts
    );
    println!("  seals {}, merges of files {}", sum.seals, sum.merges);
    println!(
        "  storage failed for good {} times, calls in doubt by a fault {}",
        sum.fatal, sum.internal
    );
    println!(
        "  clock jumps {}, slow syncs {}, small disks {}",
        sum.clock_jumps, sum.slow_syncs, sum.full_disks
    );
    let faults: Vec<String> = sum
        .faults
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    println!("  faults: {}", faults.join(", "));
    println!(
        "  rot: named {}, local {}, harmless {}",
        sum.rot_named, sum.rot_local, sum.rot_harmless
    );
    if sum.undecided > 0 {
        println!("  histories too large to decide: {}", sum.undecided);
    }
}

/// Runs each seed twice and compares.
pub fn twice(seeds: u64, asked: &Asked) -> Result<()> {
    let asked = Asked {
        seeds,
        ..asked.clone()
    };
    let differ = Mutex::new(Vec::new());
    each(&asked, |one| {
        let other = child(one.seed, &asked.plant);
        let same = (one.trace, one.disk, one.events) == (other.trace, other.disk, other.events);
        if !same || one.events == 0 {
            println!(
                "seed {}: trace {:x} and {:x}, disk {:x} and {:x}, events {} and {}",
                one.seed, one.trace, other.trace, one.disk, other.disk, one.events, other.events
            );
            differ.lock().map(|mut differ| differ.push(one.seed)).ok();
        }
        true
    });
    let differ = differ.into_inner().unwrap_or_default();
    ensure!(
        differ.is_empty(),
        "{} of {seeds} seeds are not the same twice: {differ:?}",
        differ.len()
    );
    println!("{seeds} seeds twice: the same events, the same bytes on the disk");
    Ok(())
}

/// Runs every plant until a seed finds it.
pub fn score(asked: &Asked) -> Result<()> {
    let mut missed = Vec::new();
    let wanted: Vec<&str> = PLANTS.iter().map(|(name, _)| *name).collect();
    for name in wanted
        .into_iter()
        .filter(|name| asked.plant.is_empty() || asked.plant == *name)
    {
        let asked = Asked {
            plant: name.to_owned(),
            ..asked.clone()
        };
        let found: Mutex<Option<(u64, String)>> = Mutex::default();
        each(&asked, |report| {
            let Some(why) = report.broken.first() else {
                return true;
            };
            if let Ok(mut found) = found.lock()
                && found.as_ref().is_none_or(|(seed, _)| *seed > report.seed)
            {
                *found = Some((report.seed, why.clone()));
            }
            false
        });
        match found.into_inner().unwrap_or_default() {
            Some((seed, why)) => {
                let why: String = why.chars().take(110).collect();
                println!("{name:22} found after {:4} seeds: {why}", seed - asked.from + 1);
            }
            None => {
                println!("{name:22} NOT FOUND in {} seeds", asked.seeds);
                missed.push(name);
            }
        }
    }
    ensure!(missed.is_empty(), "not found: {}", missed.join(", "));
    println!("every planted bug was found");
    Ok(())
}
