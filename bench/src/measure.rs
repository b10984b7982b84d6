//! All scenarios on one contender.

use std::path::Path;

use anyhow::Result;

use crate::contender::{Contender, Kind};
use crate::count::{self, Counts};
use crate::kinesis::{FanOut, SHARDS};
use crate::load::{self, CONNECTIONS, Codec, Http, Keys, Latency, Outcome, Shape, Until, Workload};
use crate::options::Plan;
use crate::process::Running;

/// Megabytes (10^6) per second that everybody is offered.
pub const OFFERED_MB_PER_S: f64 = 50.0;

/// What was measured of one contender.
#[derive(Clone, Debug)]
pub struct Figures {
    /// From spawn to the first answer, in milliseconds.
    pub start_ms: f64,
    /// Memory before anything was asked, in MiB.
    pub idle_mib: f64,
    /// PutRecord on one connection.
    pub put_one: Latency,
    /// PutRecord on eight.
    pub put_many: Cost,
    /// Enhanced fan-out, where there is any.
    pub fan_out: Option<FanOut>,
    /// PutRecords.
    pub put_records: Cost,
    /// Memory after it, in MiB.
    pub after_mib: f64,
    /// The most until then, in MiB.
    pub peak_mib: f64,
    /// GetRecords.
    pub get_records: Cost,
    /// PutRecords at 50 MB/s; `None` where that is too much.
    pub at_fixed: Option<Latency>,
    /// PutRecords at half of what it takes.
    pub at_half: Option<Latency>,
    /// PutRecord at half of what it takes on eight connections.
    pub one_at_half: Option<Latency>,
    /// System calls and allocations.
    pub counts: Counts,
    /// Other shapes of puts, by name; of this server only.
    pub shapes: Vec<(&'static str, Cost)>,
}

/// What a closed loop did and what it cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Payload megabytes (10^6) per second.
    pub mb_per_s: f64,
    /// CPU seconds of the server per payload gigabyte (10^9), with what it did when the load was over.
    pub cpu_s_per_gb: f64,
    /// CPU microseconds of the server per call.
    pub cpu_us: f64,
    /// How long calls took.
    pub latency: Latency,
}

impl Cost {
    /// Runs a closed loop.
    pub fn of(server: &Running, workload: &dyn Workload, connections: usize, until: Until) -> Result<Self> {
        let before = server.cpu_seconds();
        let outcome = load::closed(workload, connections, until)?;
        server.settle();
        let cpu = server.cpu_seconds() - before;
        Ok(Self::from(&outcome, cpu))
    }

    /// Of what a loop did in so many CPU seconds.
    pub fn from(outcome: &Outcome, cpu_s: f64) -> Self {
        Self {
            mb_per_s: outcome.bytes as f64 / 1e6 / outcome.took.as_secs_f64(),
            cpu_s_per_gb: cpu_s / (outcome.bytes as f64 / 1e9),
            cpu_us: cpu_s * 1e6 / outcome.calls as f64,
            latency: outcome.latency,
        }
    }
}

/// Runs them.
pub fn measure(contender: &dyn Contender, places: (&Path, &Path), plan: &Plan) -> Result<Figures> {
    let server = Running::start(contender, places.0, places.1)?;
    std::thread::sleep(std::time::Duration::from_secs(1));
    let (start_ms, idle_mib) = (server.start.as_secs_f64() * 1e3, server.rss_mib());
    contender.prepare(&server)?;
    let seconds = |length| Until {
        bytes: u64::MAX,
        length,
    };
    let bytes = |bytes| Until {
        bytes,
        length: plan.patience,
    };
    let (one, batch) = (
        contender.puts(&server, &Shape::ONE)?,
        contender.puts(&server, &Shape::BATCH)?,
    );
    let put_one = load::closed(one.as_ref(), 1, seconds(plan.put_record))?.latency;
    let put_many = Cost::of(&server, one.as_ref(), CONNECTIONS, seconds(plan.put_record))?;
    println!("   PutRecord ×1 p50 {:.2} p99 {:.2} ms", put_one.p50, put_one.p99);
    let fan_out = contender.fan_out(&server, plan.pushes)?;
    let put_records = Cost::of(&server, batch.as_ref(), CONNECTIONS, bytes(plan.ingest_bytes))?;
    told("PutRecords", &put_records);
    let (after_mib, peak_mib) = (server.rss_mib(), server.peak_mib());
    let gets = contender.gets(&server)?;
    let get_records = Cost::of(&server, gets.as_ref(), SHARDS, bytes(plan.ingest_bytes / 2))?;
    told("GetRecords", &get_records);
    let at = |work: &dyn Workload, shape: &Shape, mb_per_s: f64| {
        offered(&server, work, mb_per_s * 1e6 / shape.payload() as f64, plan)
    };
    let fixed = (put_records.mb_per_s > OFFERED_MB_PER_S).then_some(OFFERED_MB_PER_S);
    let at_fixed = fixed
        .map(|rate| at(batch.as_ref(), &Shape::BATCH, rate))
        .transpose()?;
    let at_half = at(batch.as_ref(), &Shape::BATCH, put_records.mb_per_s / 2.0)?;
    let one_at_half = at(one.as_ref(), &Shape::ONE, put_many.mb_per_s / 2.0)?;
    let shapes = match contender.about() {
        about if about.kind == Kind::Ours && about.signatures => shapes(contender, &server, plan)?,
        _ => Vec::new(),
    };
    drop(server);
    Ok(Figures {
        start_ms,
        idle_mib,
        put_one,
        put_many,
        fan_out,
        put_records,
        after_mib,
        peak_mib,
        get_records,
        at_fixed: at_fixed.flatten(),
        at_half,
        one_at_half,
        counts: count::measure(contender, places, plan.counted),
        shapes,
    })
}

/// Latencies at a fixed rate; `None` where the server did not keep up with it.
fn offered(server: &Running, work: &dyn Workload, per_s: f64, plan: &Plan) -> Result<Option<Latency>> {
    server.settle();
    // A rate at which next to nothing is due says nothing.
    if per_s * plan.offered.as_secs_f64() < 5.0 {
        return Ok(None);
    }
    let outcome = load::offered(work, CONNECTIONS, per_s, plan.offered)?;
    let l = outcome.latency;
    println!(
        "   {per_s:.0} calls/s offered: p50 {:.2} p99 {:.2} p99.9 {:.2} max {:.1} ms{}",
        l.p50,
        l.p99,
        l.p999,
        l.max,
        if outcome.kept_up { "" } else { ", did not keep up" }
    );
    Ok(outcome.kept_up.then_some(l))
}

/// The same server under other loads.
fn shapes(contender: &dyn Contender, server: &Running, plan: &Plan) -> Result<Vec<(&'static str, Cost)>> {
    let batch = Shape::BATCH;
    let (codec, http, keys) = (Codec::Cbor, Http::Two, Keys::Zipf);
    let all = [
        ("PutRecords 500 × 1 KiB", batch, 8),
        ("… CBOR", Shape { codec, ..batch }, 8),
        ("… HTTP/2", Shape { http, ..batch }, 8),
        ("… CBOR, HTTP/2", Shape { codec, http, ..batch }, 8),
        ("… skewed keys (Zipf)", Shape { keys, ..batch }, 8),
        ("… 128 connections", batch, 128),
        ("… 500 × 100 B", Shape { bytes: 100, ..batch }, 8),
        (
            "… 50 × 10 KiB",
            Shape {
                records: 50,
                bytes: 10 << 10,
                ..batch
            },
            8,
        ),
        ("PutRecord 1 KiB", Shape::ONE, 8),
        (
            "… CBOR, HTTP/2",
            Shape {
                codec,
                http,
                ..Shape::ONE
            },
            8,
        ),
        ("… 128 connections", Shape::ONE, 128),
    ];
    let mut costs = Vec::new();
    for (name, shape, connections) in all {
        let until = Until {
            bytes: u64::MAX,
            length: plan.shape,
        };
        let puts = contender.puts(server, &shape)?;
        let cost = Cost::of(server, puts.as_ref(), connections, until)?;
        told(name, &cost);
        costs.push((name, cost));
    }
    Ok(costs)
}

fn told(name: &str, cost: &Cost) {
    println!(
        "   {name} {:.1} MB/s {:.2} CPU-s/GB p99 {:.2} ms",
        cost.mb_per_s, cost.cpu_s_per_gb, cost.latency.p99
    );
}
