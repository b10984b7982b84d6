//! What a call costs that a clock does not show: system calls and allocations, each counted in a run of its own,
//! because counting slows the server down.

mod allocations;
mod syscalls;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::contender::Contender;
use crate::load::{self, CONNECTIONS, Shape, Until};
use crate::process::Running;

/// Counts per call; `None` is not measured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// System calls of a PutRecord, eight at once.
    pub syscalls_one: Option<f64>,
    /// Of a PutRecords.
    pub syscalls_batch: Option<f64>,
    /// Allocations of a PutRecord.
    pub allocations_one: Option<f64>,
    /// Of a PutRecords.
    pub allocations_batch: Option<f64>,
}

/// Runs the contender twice more.
pub fn measure(contender: &dyn Contender, (home, work): (&Path, &Path), length: Duration) -> Counts {
    let mut counts = Counts::default();
    let told = |what: &str, error: anyhow::Error| println!("   {what} not counted: {error:#}");
    match system_calls(contender, (home, work), length) {
        Ok((one, batch)) => (counts.syscalls_one, counts.syscalls_batch) = (Some(one), Some(batch)),
        Err(error) => told("system calls", error),
    }
    if contender.mallocs() {
        match allocations(contender, (home, work), length) {
            Ok((one, batch)) => (counts.allocations_one, counts.allocations_batch) = (Some(one), Some(batch)),
            Err(error) => told("allocations", error),
        }
    }
    counts
}

fn system_calls(contender: &dyn Contender, places: (&Path, &Path), length: Duration) -> Result<(f64, f64)> {
    let server = Running::start(contender, places.0, places.1)?;
    contender.prepare(&server)?;
    let one = syscalls::during(&server, places.1, || {
        calls(contender, &server, &Shape::ONE, length)
    })?;
    let batch = syscalls::during(&server, places.1, || {
        calls(contender, &server, &Shape::BATCH, length)
    })?;
    Ok((one, batch))
}

fn allocations(contender: &dyn Contender, places: (&Path, &Path), length: Duration) -> Result<(f64, f64)> {
    let counter = allocations::Counter::new(places.1)?;
    let environment = counter.environment();
    let environment: Vec<(&str, &str)> = environment.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let server = Running::start_with(contender, places, &environment)?;
    contender.prepare(&server)?;
    let one = counter.during(|| calls(contender, &server, &Shape::ONE, length))?;
    let batch = counter.during(|| calls(contender, &server, &Shape::BATCH, length))?;
    Ok((one, batch))
}

/// A closed loop; how many calls it made.
fn calls(contender: &dyn Contender, server: &Running, shape: &Shape, length: Duration) -> Result<u64> {
    let until = Until {
        bytes: u64::MAX,
        length,
    };
    let puts = contender.puts(server, shape)?;
    let outcome = load::closed(puts.as_ref(), CONNECTIONS, until)?;
    server.settle();
    Ok(outcome.calls)
}
