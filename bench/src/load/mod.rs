//! The load generator: a workload says what one call is, a loop says when calls are made.
//!
//! - [`closed`]: every connection sends its next call when the last was answered. It finds how much a server takes.
//! - [`offered`]: calls are due at a fixed rate whether or not earlier ones were answered, and a call's latency counts
//!   from when it was due, so a stalled server cannot hide the calls that it kept from being sent (coordinated omission).

mod latency;
mod shape;

pub use latency::{Latency, Recorder};
pub use shape::{Codec, Http, Keys, Shape};

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

/// Connections of the loops where nothing else is said.
pub const CONNECTIONS: usize = 8;
/// How long after the last call was due a load at a fixed rate may still be behind before it is given up.
const BEHIND_MAX: Duration = Duration::from_secs(2);

/// What is asked of a server.
pub trait Workload: Sync {
    /// A connection for the worker of that number.
    fn open(&self, worker: usize) -> Result<Box<dyn Session + '_>>;
}

/// One connection.
pub trait Session {
    /// Makes the call of that number and waits until all of it is answered: bytes of payload, 0 where there is no more.
    fn call(&mut self, at: u64) -> Result<u64>;
}

/// When a closed loop ends: what comes first.
#[derive(Clone, Copy, Debug)]
pub struct Until {
    /// So many bytes of payload were asked for and answered.
    pub bytes: u64,
    /// So long.
    pub length: Duration,
}

/// What a loop did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Calls that were answered.
    pub calls: u64,
    /// Their payload, in bytes.
    pub bytes: u64,
    /// From the first call's start to the last's end.
    pub took: Duration,
    /// Whether all calls that were due were made in time; always so of a closed loop.
    pub kept_up: bool,
    /// How long calls took.
    pub latency: Latency,
}

/// Runs a closed loop on so many connections.
pub fn closed(workload: &dyn Workload, connections: usize, until: Until) -> Result<Outcome> {
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    run(connections, |worker, gate| {
        let mut session = gate.pass(workload.open(worker))?;
        let (begun, mut seen) = (Instant::now(), Seen::default());
        while done.load(Ordering::Relaxed) < until.bytes && begun.elapsed() < until.length {
            let sent = Instant::now();
            let bytes = session.call(next.fetch_add(1, Ordering::Relaxed))?;
            if bytes == 0 {
                break;
            }
            seen.add(sent.elapsed(), bytes);
            done.fetch_add(bytes, Ordering::Relaxed);
        }
        Ok(seen)
    })
}

/// Offers so many calls a second on so many connections for so long.
pub fn offered(workload: &dyn Workload, connections: usize, per_s: f64, length: Duration) -> Result<Outcome> {
    let next = AtomicU64::new(0);
    let mut outcome = run(connections, |worker, gate| {
        precise_sleep();
        let mut session = gate.pass(workload.open(worker))?;
        let (begun, mut seen) = (Instant::now(), Seen::default());
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let due = due(at, per_s);
            if due > length {
                return Ok(seen);
            }
            if begun.elapsed() > length + BEHIND_MAX {
                seen.dropped += 1;
                return Ok(seen);
            }
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
            let bytes = session.call(at)?;
            seen.add(begun.elapsed().saturating_sub(due), bytes);
        }
    })?;
    outcome.kept_up &= outcome.took < length + length / 20;
    Ok(outcome)
}

/// When the call of that number is due.
fn due(at: u64, per_s: f64) -> Duration {
    Duration::from_secs_f64(at as f64 / per_s)
}

/// Without it the kernel may wake a sleeper 50 µs late, to save wake-ups.
fn precise_sleep() {
    // SAFETY: sets a number of this thread.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) };
}

/// What one worker saw.
#[derive(Default)]
struct Seen {
    recorder: Recorder,
    bytes: u64,
    dropped: u64,
}

impl Seen {
    fn add(&mut self, took: Duration, bytes: u64) {
        self.recorder.record(took);
        self.bytes += bytes;
    }
}

/// Where workers wait until all are connected, so that connecting is not measured.
struct Gate(Barrier);

impl Gate {
    /// Waits, whether or not this worker could connect: the others must not wait for ever.
    fn pass<T>(&self, opened: Result<T>) -> Result<T> {
        self.0.wait();
        opened
    }
}

fn run(connections: usize, work: impl Fn(usize, &Gate) -> Result<Seen> + Sync) -> Result<Outcome> {
    let gate = Gate(Barrier::new(connections + 1));
    let mut all = Seen::default();
    let took = std::thread::scope(|scope| -> Result<Duration> {
        let workers: Vec<_> = (0..connections)
            .map(|worker| {
                let (work, gate) = (&work, &gate);
                scope.spawn(move || work(worker, gate))
            })
            .collect();
        gate.0.wait();
        let begun = Instant::now();
        for worker in workers {
            let seen = worker.join().map_err(|_| anyhow!("a worker panicked"))??;
            all.recorder.merge(&seen.recorder)?;
            all.bytes += seen.bytes;
            all.dropped += seen.dropped;
        }
        Ok(begun.elapsed())
    })?;
    Ok(Outcome {
        calls: all.recorder.count(),
        bytes: all.bytes,
        took,
        kept_up: all.dropped == 0,
        latency: Latency::of(&all.recorder, took),
    })
}

#[cfg(test)]
mod tests;
