//! The scenarios: what is sent, how many at once, and what is measured.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::contender::Running;
use crate::http::Connection;
use crate::requests::Requests;

/// Bytes of data per record.
pub const RECORD_BYTES: usize = 1024;
/// Records per PutRecords.
pub const RECORDS_PER_PUT: usize = 500;
/// Connections of the closed loops.
pub const CONNECTIONS: usize = 8;
/// Shards of the stream under load.
pub const SHARDS: usize = 4;

/// Throughput of one scenario.
#[derive(Clone, Copy, Debug, Default)]
pub struct Throughput {
    /// Payload megabytes (10^6) per second.
    pub mb_per_s: f64,
    /// CPU seconds of the server per payload gigabyte (10^9).
    pub cpu_s_per_gb: f64,
}

/// Latency of one scenario, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Latency {
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Requests per second.
    pub per_s: f64,
}

impl Latency {
    /// Of measured calls that took so long together.
    pub fn of(mut millis: Vec<f64>, took: Duration) -> Self {
        millis.sort_by(f64::total_cmp);
        let at = |q: f64| {
            millis
                .get(((millis.len() as f64 - 1.0) * q) as usize)
                .copied()
                .unwrap_or(f64::NAN)
        };
        Self {
            p50: at(0.5),
            p99: at(0.99),
            per_s: millis.len() as f64 / took.as_secs_f64(),
        }
    }
}

/// Makes the stream and waits until it takes records.
pub fn create(server: &Running, requests: &Requests) -> Result<()> {
    let mut connection = Connection::open(server.port)?;
    let body = format!(r#"{{"StreamName":"bench","ShardCount":{SHARDS}}}"#);
    let (status, answer) = connection.call(&requests.json("CreateStream", &body))?;
    if status != 200 {
        bail!("CreateStream: {status} {}", String::from_utf8_lossy(answer));
    }
    for _ in 0..500 {
        let (_, answer) =
            connection.call(&requests.json("DescribeStreamSummary", r#"{"StreamName":"bench"}"#))?;
        if String::from_utf8_lossy(answer).contains("ACTIVE") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    bail!("the stream never became ACTIVE")
}

/// PutRecords of 500 × 1 KiB in a closed loop until `bytes` of payload are stored or `patience` is over.
pub fn put_records(
    server: &Running,
    requests: &Requests,
    bytes: usize,
    patience: Duration,
) -> Result<Throughput> {
    let prepared = requests.put_records();
    let calls = bytes.div_ceil(RECORD_BYTES * RECORDS_PER_PUT);
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let before = server.cpu_seconds();
    let begun = Instant::now();
    std::thread::scope(|scope| -> Result<()> {
        let workers: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    let mut connection = Connection::open(server.port)?;
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        if at >= calls || begun.elapsed() > patience {
                            return Ok(());
                        }
                        let (status, answer) = connection.call(&prepared[at % prepared.len()])?;
                        if status != 200 || contains(answer, b"\"ErrorCode\":\"") {
                            let shown =
                                String::from_utf8_lossy(&answer[..answer.len().min(300)]).into_owned();
                            bail!("PutRecords: {status} {shown}");
                        }
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        workers
            .into_iter()
            .try_for_each(|w| w.join().map_err(|_| anyhow::anyhow!("a worker panicked"))?)
    })?;
    let took = begun.elapsed().as_secs_f64();
    let payload = (done.into_inner() * RECORDS_PER_PUT * RECORD_BYTES) as f64;
    server.settle();
    let cpu = server.cpu_seconds() - before;
    Ok(Throughput {
        mb_per_s: payload / 1e6 / took,
        cpu_s_per_gb: cpu / (payload / 1e9),
    })
}

/// PutRecord of 1 KiB in a closed loop on `connections` connections.
pub fn put_record(
    server: &Running,
    requests: &Requests,
    connections: usize,
    length: Duration,
) -> Result<Latency> {
    let prepared = requests.put_record();
    let next = AtomicUsize::new(0);
    let begun = Instant::now();
    let mut millis = Vec::new();
    std::thread::scope(|scope| -> Result<()> {
        let workers: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(|| -> Result<Vec<f64>> {
                    let mut connection = Connection::open(server.port)?;
                    let mut seen = Vec::new();
                    while begun.elapsed() < length {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let sent = Instant::now();
                        let (status, answer) = connection.call(&prepared[at % prepared.len()])?;
                        if status != 200 {
                            bail!("PutRecord: {status} {}", String::from_utf8_lossy(answer));
                        }
                        seen.push(sent.elapsed().as_secs_f64() * 1e3);
                    }
                    Ok(seen)
                })
            })
            .collect();
        for worker in workers {
            millis.extend(
                worker
                    .join()
                    .map_err(|_| anyhow::anyhow!("a worker panicked"))??,
            );
        }
        Ok(())
    })?;
    Ok(Latency::of(millis, begun.elapsed()))
}

/// Reads every shard from its start, one connection per shard, until `bytes` were read, the end, or `patience`.
pub fn get_records(
    server: &Running,
    requests: &Requests,
    bytes: usize,
    patience: Duration,
) -> Result<Throughput> {
    let before = server.cpu_seconds();
    let begun = Instant::now();
    let mut records = 0usize;
    std::thread::scope(|scope| -> Result<()> {
        let workers: Vec<_> = (0..SHARDS)
            .map(|shard| {
                scope.spawn(move || {
                    read_shard(
                        server,
                        requests,
                        shard,
                        bytes / SHARDS / RECORD_BYTES,
                        begun + patience,
                    )
                })
            })
            .collect();
        for worker in workers {
            records += worker
                .join()
                .map_err(|_| anyhow::anyhow!("a worker panicked"))??;
        }
        Ok(())
    })?;
    let took = begun.elapsed().as_secs_f64();
    let payload = (records * RECORD_BYTES) as f64;
    let cpu = server.cpu_seconds() - before;
    Ok(Throughput {
        mb_per_s: payload / 1e6 / took,
        cpu_s_per_gb: cpu / (payload / 1e9),
    })
}

fn read_shard(
    server: &Running,
    requests: &Requests,
    shard: usize,
    wanted: usize,
    until: Instant,
) -> Result<usize> {
    let mut connection = Connection::open(server.port)?;
    let body = format!(
        r#"{{"StreamName":"bench","ShardId":"shardId-{shard:012}","ShardIteratorType":"TRIM_HORIZON"}}"#
    );
    let (_, answer) = connection.call(&requests.json("GetShardIterator", &body))?;
    let mut iterator = text_after(answer, b"\"ShardIterator\":\"").context("no iterator")?;
    let mut records = 0;
    while records < wanted && Instant::now() < until {
        let (status, answer) =
            connection.call(&requests.json("GetRecords", &format!(r#"{{"ShardIterator":"{iterator}"}}"#)))?;
        if status != 200 {
            bail!("GetRecords: {status} {}", String::from_utf8_lossy(answer));
        }
        let got = count(answer, b"\"SequenceNumber\"");
        records += got;
        match text_after(answer, b"\"NextShardIterator\":\"") {
            Some(next) if got > 0 => iterator = next,
            _ => break,
        }
    }
    Ok(records)
}

/// Puts one record every 5 ms and measures until it is pushed to a subscriber. `None` where that is not supported.
pub fn fan_out(server: &Running, requests: &Requests, puts: usize) -> Result<Option<Latency>> {
    let mut control = Connection::open(server.port)?;
    let (_, answer) = control.call(&requests.json("DescribeStreamSummary", r#"{"StreamName":"bench"}"#))?;
    let Some(arn) = text_after(answer, b"\"StreamARN\":\"") else {
        return Ok(None);
    };
    let body = format!(r#"{{"StreamARN":"{arn}","ConsumerName":"bench"}}"#);
    let (status, answer) = control.call(&requests.json("RegisterStreamConsumer", &body))?;
    let Some(consumer) = text_after(answer, b"\"ConsumerARN\":\"").filter(|_| status == 200) else {
        return Ok(None);
    };
    let describe = requests.json(
        "DescribeStreamConsumer",
        &format!(r#"{{"ConsumerARN":"{consumer}"}}"#),
    );
    for _ in 0..500 {
        if contains(control.call(&describe)?.1, b"ACTIVE") {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let body = format!(
        r#"{{"ConsumerARN":"{consumer}","ShardId":"shardId-000000000000","StartingPosition":{{"Type":"LATEST"}}}}"#
    );
    let mut pushed = Connection::open(server.port)?;
    if !pushed.subscribe(&requests.json("SubscribeToShard", &body))? {
        return Ok(None);
    }
    let stop = AtomicBool::new(false);
    let begun = Instant::now();
    let mut millis = Vec::new();
    std::thread::scope(|scope| -> Result<()> {
        let putter = scope.spawn(|| -> Result<()> {
            std::thread::sleep(Duration::from_millis(300));
            for _ in 0..puts {
                let micros = begun.elapsed().as_micros();
                let (status, answer) = control.call(&requests.put_one(&format!("T{micros:015}"), "0"))?;
                if status != 200 {
                    bail!("PutRecord: {status} {}", String::from_utf8_lossy(answer));
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(500));
            stop.store(true, Ordering::Relaxed);
            Ok(())
        });
        while millis.len() < puts && !stop.load(Ordering::Relaxed) {
            let Some(chunk) = pushed.next_chunk()? else { break };
            let now = begun.elapsed().as_micros() as f64;
            for sent in stamps(chunk) {
                millis.push((now - sent) / 1e3);
            }
        }
        putter
            .join()
            .map_err(|_| anyhow::anyhow!("the putter panicked"))?
    })?;
    if millis.is_empty() {
        return Ok(None);
    }
    Ok(Some(Latency::of(millis, begun.elapsed())))
}

/// The send times, in microseconds, of the records in a pushed chunk.
fn stamps(chunk: &[u8]) -> Vec<f64> {
    let key = b"\"Data\":\"";
    let mut found = Vec::new();
    let mut rest = chunk;
    while let Some(at) = find(rest, key) {
        rest = &rest[at + key.len()..];
        let end = find(rest, b"\"").unwrap_or(rest.len());
        let data = base64_simd::STANDARD
            .decode_to_vec(&rest[..end])
            .unwrap_or_default();
        let text = String::from_utf8_lossy(&data).into_owned();
        if let Some(micros) = text.strip_prefix('T').and_then(|t| t.parse().ok()) {
            found.push(micros);
        }
    }
    found
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, part)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    // Errors stand early in an answer; scanning all of a large one would cost the generator more than the server.
    find(&text[..text.len().min(4096)], part).is_some()
}

fn count(text: &[u8], part: &[u8]) -> usize {
    memchr::memmem::find_iter(text, part).count()
}

/// The text between the last `key` and the next quote.
pub fn text_after(text: &[u8], key: &[u8]) -> Option<String> {
    let start = memchr::memmem::rfind(text, key)? + key.len();
    let end = start + memchr::memchr(b'"', &text[start..])?;
    Some(String::from_utf8_lossy(&text[start..end]).into_owned())
}
