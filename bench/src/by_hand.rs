//! `millrace-bench load`: one load of any shape against a server that runs already.
//!
//! `--port N [--stream NAME] [--shards N]` `[--records N] [--bytes N] [--cbor] [--h2] [--zipf]` `[--connections N]
//! [--seconds N] [--rate CALLS_PER_SECOND]` `[--pid N]`. Without a rate the loop is closed. With `--get` it reads the
//! stream `bench` from its start, one connection for each of its four shards, as far as it goes.

use std::time::Duration;

use anyhow::Result;

use crate::kinesis::{self, Gets, Puts, SHARDS, STREAM};
use crate::load::{self, CONNECTIONS, Codec, Http, Keys, Shape, Until, Workload};
use crate::options::Options;
use crate::process::cpu_seconds;

/// Runs it and prints what came of it.
pub fn run(options: &Options) -> Result<()> {
    let port: u16 = options.get("port", 4567)?;
    let stream: String = options.get("stream", STREAM.to_owned())?;
    let shape = Shape {
        records: options.get("records", Shape::BATCH.records)?,
        bytes: options.get("bytes", Shape::BATCH.bytes)?,
        keys: if options.is("zipf") {
            Keys::Zipf
        } else {
            Keys::Uniform
        },
        codec: if options.is("cbor") {
            Codec::Cbor
        } else {
            Codec::Json
        },
        http: if options.is("h2") { Http::Two } else { Http::One },
    };
    let gets = options.is("get");
    let connections = if gets {
        SHARDS
    } else {
        options.get("connections", CONNECTIONS)?
    };
    let length = Duration::from_secs_f64(options.get("seconds", 10.0)?);
    let (rate, pid): (f64, u32) = (options.get("rate", 0.0)?, options.get("pid", 0)?);
    let work: Box<dyn Workload> = if gets {
        Box::new(Gets::new(port, shape.bytes as u64))
    } else {
        if let Err(error) = kinesis::create(port, &stream, options.get("shards", SHARDS)?) {
            println!("going on with what is there: {error:#}");
        }
        Box::new(Puts::new(port, &stream, &shape))
    };
    let before = cpu_seconds(pid);
    let outcome = if rate > 0.0 {
        load::offered(work.as_ref(), connections, rate, length)?
    } else {
        let until = Until {
            bytes: u64::MAX,
            length,
        };
        load::closed(work.as_ref(), connections, until)?
    };
    let (l, seconds) = (outcome.latency, outcome.took.as_secs_f64());
    let mb = outcome.bytes as f64 / 1e6;
    println!(
        "{} calls, {:.0} per s, {:.1} MB/s",
        outcome.calls,
        l.per_s,
        mb / seconds
    );
    println!(
        "p50 {:.3} p90 {:.3} p99 {:.3} p99.9 {:.3} max {:.3} ms",
        l.p50, l.p90, l.p99, l.p999, l.max
    );
    if !outcome.kept_up {
        println!("the server did not keep up with that rate");
    }
    if let (Some(before), Some(after)) = (before, cpu_seconds(pid)) {
        println!("{:.2} CPU-s/GB", (after - before) / (mb / 1e3));
    }
    Ok(())
}
