//! `cargo xtask bench scale`: what many shards and many streams cost, small and large in one run.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::client::http1::Connection;
use crate::contender::Contender;
use crate::kinesis::{Puts, Requests, STREAM, active, create as create_one, text_after};
use crate::load::{CONNECTIONS, Latency, Recorder, Shape, Until};
use crate::measure::Cost;
use crate::process::Running;

/// How long each call is repeated.
const LENGTH: Duration = Duration::from_secs(2);
/// Payload of the PutRecords part.
const INGEST_BYTES: u64 = 256 << 20;
/// Records in the shard that is read: they fit one answer.
const READ_RECORDS: usize = 1000;
const PATIENCE: Duration = Duration::from_secs(30);
/// A stream of one shard beside the one under load.
const SINGLE: &str = "single";

/// A server with so many shards in the stream under load, and so many streams.
struct Size {
    shards: usize,
    streams: usize,
}

const SMALL: Size = Size {
    shards: 10,
    streams: 10,
};
const LARGE: Size = Size {
    shards: 10_000,
    streams: 1000,
};

/// A call on one connection.
#[derive(Clone, Copy)]
struct Call {
    latency: Latency,
    /// The server's.
    cpu_us: f64,
}

/// What was measured of one size.
#[derive(Default)]
struct Figures {
    created_s: f64,
    idle_mib: f64,
    /// By name.
    calls: Vec<(&'static str, Call)>,
    put_many: Latency,
    put_records: Cost,
    /// To the stream of one shard.
    put_single: Cost,
    after_mib: f64,
    restart_ms: f64,
}

/// Measures both sizes and yields the page's part.
pub fn run(contender: &dyn Contender, places: (&Path, &Path)) -> Result<String> {
    let small = measure(contender, places, &SMALL)?;
    let large = measure(contender, places, &LARGE)?;
    page(&small, &large)
}

fn measure(contender: &dyn Contender, places: (&Path, &Path), size: &Size) -> Result<Figures> {
    println!("{} shards, {} streams", size.shards, size.streams);
    let mut server = Running::start(contender, places.0, places.1)?;
    std::thread::sleep(Duration::from_secs(1));
    let requests = Requests::new(server.port);
    let mut figures = Figures::default();
    let begun = Instant::now();
    create(&server, &requests, size)?;
    figures.created_s = begun.elapsed().as_secs_f64();
    server.settle();
    figures.idle_mib = server.rss_mib();
    println!(
        "   created in {:.2} s, {:.1} MiB",
        figures.created_s, figures.idle_mib
    );
    for (name, operation, body) in CALLS {
        let prepared = requests.json(operation, body);
        figures.calls.push((name, repeat(&server, name, &prepared)?));
    }
    let read = read(&server, &requests)?;
    figures.calls.push(("GetRecords, 1000 records of a shard", read));
    let seconds = Until {
        bytes: u64::MAX,
        length: LENGTH,
    };
    let bytes = Until {
        bytes: INGEST_BYTES,
        length: PATIENCE,
    };
    let one = Puts::new(server.port, STREAM, &Shape::ONE);
    let cost = Cost::of(&server, &one, 1, seconds)?;
    let (latency, cpu_us) = (cost.latency, cost.cpu_us);
    figures.calls.push(("PutRecord", Call { latency, cpu_us }));
    figures.put_many = Cost::of(&server, &one, CONNECTIONS, seconds)?.latency;
    let batch = Puts::new(server.port, STREAM, &Shape::BATCH);
    // The first segments are made while they fill, later ones are used again: both sizes are measured behind that.
    Cost::of(&server, &batch, CONNECTIONS, bytes)?;
    figures.put_records = Cost::of(&server, &batch, CONNECTIONS, bytes)?;
    figures.after_mib = server.rss_mib();
    println!(
        "   PutRecords {:.1} MB/s {:.2} CPU-s/GB, {:.1} MiB",
        figures.put_records.mb_per_s, figures.put_records.cpu_s_per_gb, figures.after_mib
    );
    create_one(server.port, SINGLE, 1)?;
    let single = Puts::new(server.port, SINGLE, &Shape::BATCH);
    figures.put_single = Cost::of(&server, &single, CONNECTIONS, bytes)?;
    figures.restart_ms = server.restart(contender)?.as_secs_f64() * 1e3;
    println!("   restart {:.0} ms", figures.restart_ms);
    Ok(figures)
}

/// Name in the table, operation, body.
const CALLS: [(&str, &str, &str); 4] = [
    (
        "ListShards, a page of 10",
        "ListShards",
        r#"{"StreamName":"bench","MaxResults":10}"#,
    ),
    ("ListStreams, a page of 10", "ListStreams", r#"{"Limit":10}"#),
    (
        "DescribeStreamSummary",
        "DescribeStreamSummary",
        r#"{"StreamName":"bench"}"#,
    ),
    (
        "DescribeStream, 10 shards",
        "DescribeStream",
        r#"{"StreamName":"bench","Limit":10}"#,
    ),
];

fn create(server: &Running, requests: &Requests, size: &Size) -> Result<()> {
    let mut connection = Connection::open(server.port)?;
    let mut make = |name: &str, shards: usize| -> Result<()> {
        let body = format!(r#"{{"StreamName":"{name}","ShardCount":{shards}}}"#);
        let (status, answer) = connection.call(&requests.json("CreateStream", &body))?;
        if status != 200 {
            bail!(
                "CreateStream {name}: {status} {}",
                String::from_utf8_lossy(answer)
            );
        }
        Ok(())
    };
    make("bench", size.shards)?;
    for other in 1..size.streams {
        make(&format!("other-{other:04}"), 1)?;
    }
    for other in 1..size.streams {
        active(&mut connection, requests, &format!("other-{other:04}"))?;
    }
    active(&mut connection, requests, "bench")
}

/// One call again and again on one connection.
fn repeat(server: &Running, name: &str, prepared: &[u8]) -> Result<Call> {
    let cpu = server.cpu_seconds();
    let mut connection = Connection::open(server.port)?;
    let (begun, mut seen) = (Instant::now(), Recorder::default());
    while begun.elapsed() < LENGTH {
        let sent = Instant::now();
        let (status, answer) = connection.call(prepared)?;
        if status != 200 {
            bail!("{name}: {status} {}", String::from_utf8_lossy(answer));
        }
        seen.record(sent.elapsed());
    }
    let cpu_us = (server.cpu_seconds() - cpu) * 1e6 / seen.count() as f64;
    let latency = Latency::of(&seen, begun.elapsed());
    println!(
        "   {name} p50 {:.3} p99 {:.3} ms, {cpu_us:.0} CPU-µs",
        latency.p50, latency.p99
    );
    Ok(Call { latency, cpu_us })
}

/// Fills the first shard and reads it again and again.
fn read(server: &Running, requests: &Requests) -> Result<Call> {
    let mut connection = Connection::open(server.port)?;
    for _ in 0..READ_RECORDS / 500 {
        let record =
            r#"{"Data":"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5","PartitionKey":"p","ExplicitHashKey":"0"}"#;
        let records = vec![record; 500].join(",");
        let body = format!(r#"{{"StreamName":"bench","Records":[{records}]}}"#);
        let (status, answer) = connection.call(&requests.json("PutRecords", &body))?;
        if status != 200 {
            bail!("PutRecords: {status} {}", String::from_utf8_lossy(answer));
        }
    }
    let body =
        r#"{"StreamName":"bench","ShardId":"shardId-000000000000","ShardIteratorType":"TRIM_HORIZON"}"#;
    let (_, answer) = connection.call(&requests.json("GetShardIterator", body))?;
    let iterator = text_after(answer, b"\"ShardIterator\":\"").context("no iterator")?;
    let body = format!(r#"{{"ShardIterator":"{iterator}","Limit":{READ_RECORDS}}}"#);
    repeat(server, "GetRecords", &requests.json("GetRecords", &body))
}

fn page(small: &Figures, large: &Figures) -> Result<String> {
    let mut out = String::from("<!-- written by `cargo xtask bench scale` -->\n\n");
    writeln!(
        out,
        "Small: {} shards in the stream under load, {} streams. Large: {} and {}. One connection unless said otherwise; \
         every request is signed, every put durable. CPU-µs are the server's per call; a lone connection's latency is \
         mostly that of waking the other side, and has two modes.\n",
        SMALL.shards, SMALL.streams, LARGE.shards, LARGE.streams
    )?;
    writeln!(
        out,
        "| call | small CPU-µs | large CPU-µs | times | small p50 ms | large p50 ms |\n|---|--:|--:|--:|--:|--:|"
    )?;
    for ((name, small), (_, large)) in small.calls.iter().zip(&large.calls) {
        writeln!(
            out,
            "| {name} | {:.0} | {:.0} | {:.2} | {:.3} | {:.3} |",
            small.cpu_us,
            large.cpu_us,
            large.cpu_us / small.cpu_us,
            small.latency.p50,
            large.latency.p50
        )?;
    }
    writeln!(out, "\n| figure | small | large | times |\n|---|--:|--:|--:|")?;
    let (s, l) = (small, large);
    for (name, small, large) in [
        (
            "PutRecord, 8 connections, ms per call",
            1e3 / s.put_many.per_s,
            1e3 / l.put_many.per_s,
        ),
        (
            "PutRecords, CPU-s/GB",
            s.put_records.cpu_s_per_gb,
            l.put_records.cpu_s_per_gb,
        ),
        (
            "PutRecords to a stream of one shard, CPU-s/GB",
            s.put_single.cpu_s_per_gb,
            l.put_single.cpu_s_per_gb,
        ),
        (
            "PutRecords, s per GB",
            1e3 / s.put_records.mb_per_s,
            1e3 / l.put_records.mb_per_s,
        ),
        ("memory with nothing in it, MiB", s.idle_mib, l.idle_mib),
        ("memory after 256 MiB of records, MiB", s.after_mib, l.after_mib),
        ("to create all streams, s", s.created_s, l.created_s),
        ("start on what is stored, ms", s.restart_ms, l.restart_ms),
    ] {
        writeln!(out, "| {name} | {small:.2} | {large:.2} | {:.2} |", large / small)?;
    }
    let (one, most) = (s.put_single.cpu_s_per_gb, l.put_records.cpu_s_per_gb);
    writeln!(
        out,
        "\nFrom 1 to {} shards a gigabyte of PutRecords costs {one:.2} and {most:.2} CPU-s: {:.2} times. Goal: flat.",
        LARGE.shards,
        most / one
    )?;
    Ok(out)
}
