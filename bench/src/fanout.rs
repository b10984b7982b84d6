//! `cargo xtask bench fanout`: many subscriptions at once, each of a consumer of its own.
//!
//! First a closed loop finds how many records a second the server takes while all subscriptions are open; then records
//! are put at half that rate, each at its time whether or not the last was answered in time, and the time from when a
//! record should have been put until it is pushed is measured: what the generator could not send counts as waiting.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::client::http1::Connection;
use crate::contender::Contender;
use crate::kinesis::{Requests, active, text_after};
use crate::load::{Latency, Recorder};
use crate::process::Running;

const STREAMS: usize = 25;
const CONSUMERS: usize = 20;
const FIND: Duration = Duration::from_secs(4);
const LENGTH: Duration = Duration::from_secs(10);
/// Subscribers that read nothing, in the last part.
const SLOW: usize = 50;
/// How soon after a subscription ended its consumer may open another on the shard.
const BETWEEN_SUBSCRIPTIONS: Duration = Duration::from_secs(6);

/// One subscription and what was read of it that is no whole record yet.
struct Subscriber {
    stream: TcpStream,
    rest: Vec<u8>,
}

/// Measures and yields the page's part.
pub fn run(contender: &dyn Contender, places: (&Path, &Path)) -> Result<String> {
    let server = Running::start(contender, places.0, places.1)?;
    std::thread::sleep(Duration::from_secs(1));
    let requests = Requests::new(server.port);
    let consumers = prepare(&server, &requests)?;
    let idle = server.rss_mib();
    let mut subscribers = subscribe(&server, &requests, &consumers)?;
    println!(
        "{} subscriptions are open, {:.1} MiB",
        subscribers.len(),
        server.rss_mib()
    );
    let most = closed(&server, &requests, &mut subscribers)?;
    println!("   at most {most:.0} records/s put");
    let cpu = server.cpu_seconds();
    let (fast, pushed) = open(&server, &requests, &mut subscribers, most / 2.0)?;
    let cpu = (server.cpu_seconds() - cpu) / pushed as f64 * 1e6;
    println!(
        "   at half of it: put to push p50 {:.2} p99 {:.2} ms",
        fast.p50, fast.p99
    );
    let memory = server.rss_mib();
    // Some stop reading: the others must not notice, and memory must not grow with what they do not read.
    subscribers.truncate(subscribers.len() - SLOW);
    std::thread::sleep(BETWEEN_SUBSCRIPTIONS);
    let stalled: Vec<Connection> = consumers[consumers.len() - SLOW..]
        .iter()
        .map(|consumer| open_one(&server, &requests, consumer))
        .collect::<Result<_>>()?;
    let (slow, _) = open(&server, &requests, &mut subscribers, most / 2.0)?;
    let after = server.rss_mib();
    drop(stalled);
    println!(
        "   with {SLOW} that do not read: p50 {:.2} p99 {:.2} ms",
        slow.p50, slow.p99
    );
    let mut out = String::from("<!-- written by `cargo xtask bench fanout` -->\n\n");
    writeln!(
        out,
        "{} subscriptions, each of a consumer of its own: {STREAMS} streams with {CONSUMERS} consumers each, one shard. \
         The server took at most {most:.0} records a second with all of them open, that is {:.0} pushes; the figures are \
         at half of that, over {} s.\n",
        STREAMS * CONSUMERS,
        most * CONSUMERS as f64,
        LENGTH.as_secs()
    )?;
    writeln!(
        out,
        "| figure | all read | {SLOW} of them read nothing |\n|---|--:|--:|"
    )?;
    writeln!(out, "| put to push, p50 ms | {:.2} | {:.2} |", fast.p50, slow.p50)?;
    writeln!(out, "| put to push, p99 ms | {:.2} | {:.2} |", fast.p99, slow.p99)?;
    writeln!(
        out,
        "| pushes per second | {:.0} | {:.0} |",
        fast.per_s, slow.per_s
    )?;
    writeln!(out, "| CPU-µs of the server per push | {cpu:.1} | – |")?;
    writeln!(
        out,
        "| memory, MiB ({idle:.1} without subscriptions) | {memory:.1} | {after:.1} |"
    )?;
    Ok(out)
}

/// Streams and consumers; the consumers' ARNs, those of one stream together.
fn prepare(server: &Running, requests: &Requests) -> Result<Vec<String>> {
    let mut connection = Connection::open(server.port)?;
    let mut consumers = Vec::new();
    for stream in 0..STREAMS {
        let name = name(stream);
        let body = format!(r#"{{"StreamName":"{name}","ShardCount":1}}"#);
        connection.call(&requests.json("CreateStream", &body))?;
        active(&mut connection, requests, &name)?;
        let arn = format!("arn:aws:kinesis:us-east-1:000000000000:stream/{name}");
        for consumer in 0..CONSUMERS {
            let body = format!(r#"{{"StreamARN":"{arn}","ConsumerName":"c{consumer}"}}"#);
            let (status, answer) = connection.call(&requests.json("RegisterStreamConsumer", &body))?;
            let text = String::from_utf8_lossy(answer).into_owned();
            let found = text_after(answer, b"\"ConsumerARN\":\"").filter(|_| status == 200);
            consumers.push(found.with_context(|| format!("RegisterStreamConsumer: {status} {text}"))?);
        }
    }
    for consumer in &consumers {
        let body = format!(r#"{{"ConsumerARN":"{consumer}"}}"#);
        let describe = requests.json("DescribeStreamConsumer", &body);
        while !String::from_utf8_lossy(connection.call(&describe)?.1).contains("ACTIVE") {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    Ok(consumers)
}

fn name(stream: usize) -> String {
    format!("fan-{stream:02}")
}

fn open_one(server: &Running, requests: &Requests, consumer: &str) -> Result<Connection> {
    let body = format!(
        r#"{{"ConsumerARN":"{consumer}","ShardId":"shardId-000000000000","StartingPosition":{{"Type":"LATEST"}}}}"#
    );
    let mut connection = Connection::open(server.port)?;
    if !connection.subscribe(&requests.json("SubscribeToShard", &body))? {
        bail!("SubscribeToShard was refused");
    }
    Ok(connection)
}

fn subscribe(server: &Running, requests: &Requests, consumers: &[String]) -> Result<Vec<Subscriber>> {
    let one = |consumer: &String| {
        let stream = open_one(server, requests, consumer)?.into_stream();
        stream.set_nonblocking(true)?;
        Ok(Subscriber {
            stream,
            rest: Vec::new(),
        })
    };
    consumers.iter().map(one).collect()
}

fn put(requests: &Requests, stream: usize, micros: u128) -> Vec<u8> {
    let data = base64_simd::STANDARD.encode_to_string(format!("T{micros:017}"));
    let body = format!(
        r#"{{"StreamName":"{}","Data":"{data}","PartitionKey":"p"}}"#,
        name(stream)
    );
    requests.json("PutRecord", &body)
}

/// How many records a second are taken at most.
fn closed(server: &Running, requests: &Requests, subscribers: &mut [Subscriber]) -> Result<f64> {
    let begun = Instant::now();
    let worker = |worker: usize| -> Result<usize> {
        let mut connection = Connection::open(server.port)?;
        let mut done = 0;
        while begun.elapsed() < FIND {
            let (status, answer) = connection.call(&put(requests, (done + worker * 7) % STREAMS, 0))?;
            if status != 200 {
                bail!("PutRecord: {status} {}", String::from_utf8_lossy(answer));
            }
            done += 1;
        }
        Ok(done)
    };
    let (puts, _) = together(subscribers, begun, 4, worker)?;
    Ok(puts as f64 / FIND.as_secs_f64())
}

/// Puts at a rate on two connections; latencies from when each record was due, and how many were pushed.
fn open(
    server: &Running,
    requests: &Requests,
    subscribers: &mut [Subscriber],
    per_s: f64,
) -> Result<(Latency, u64)> {
    const WORKERS: usize = 2;
    let begun = Instant::now();
    let worker = |worker: usize| -> Result<usize> {
        let mut connection = Connection::open(server.port)?;
        let mut at = worker;
        loop {
            let due = Duration::from_secs_f64(0.2 + at as f64 / per_s);
            if due > LENGTH {
                return Ok(at);
            }
            let prepared = put(requests, at % STREAMS, due.as_micros());
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
            let (status, answer) = connection.call(&prepared)?;
            if status != 200 {
                bail!("PutRecord: {status} {}", String::from_utf8_lossy(answer));
            }
            at += WORKERS;
        }
    };
    let (_, seen) = together(subscribers, begun, WORKERS, worker)?;
    Ok((Latency::of(&seen, LENGTH), seen.count()))
}

/// Runs workers while all subscriptions are read: the sum of what the workers yield, and the latencies.
fn together(
    subscribers: &mut [Subscriber],
    begun: Instant,
    workers: usize,
    work: impl Fn(usize) -> Result<usize> + Sync,
) -> Result<(usize, Recorder)> {
    let (stop, work) = (AtomicBool::new(false), &work);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(subscribers, begun, &stop));
        let running: Vec<_> = (0..workers)
            .map(|worker| scope.spawn(move || work(worker)))
            .collect();
        let mut sum = 0;
        let mut failed = None;
        for worker in running {
            match worker.join() {
                Ok(Ok(done)) => sum += done,
                Ok(Err(error)) => failed = Some(error),
                Err(_) => failed = Some(anyhow::anyhow!("a worker panicked")),
            }
        }
        // What was put last is still on its way.
        std::thread::sleep(Duration::from_millis(500));
        stop.store(true, Ordering::Relaxed);
        let seen = reader
            .join()
            .map_err(|_| anyhow::anyhow!("the reader panicked"))??;
        failed.map_or(Ok((sum, seen)), Err)
    })
}

/// Reads all subscriptions until it is told to stop; latencies of the records that carry a time.
fn read(subscribers: &mut [Subscriber], begun: Instant, stop: &AtomicBool) -> Result<Recorder> {
    let mut seen = Recorder::default();
    let mut polled: Vec<libc::pollfd> = subscribers
        .iter()
        .map(|subscriber| libc::pollfd {
            fd: subscriber.stream.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        })
        .collect();
    let count = libc::nfds_t::try_from(polled.len())?;
    let mut buffer = vec![0; 256 << 10];
    while !stop.load(Ordering::Relaxed) {
        // SAFETY: the array is as long as it says, and lives.
        unsafe { libc::poll(polled.as_mut_ptr(), count, 50) };
        for (subscriber, polled) in subscribers.iter_mut().zip(&polled) {
            if polled.revents == 0 {
                continue;
            }
            match subscriber.stream.read(&mut buffer) {
                Ok(0) => bail!("a subscription ended"),
                Ok(length) => {
                    let now = begun.elapsed();
                    subscriber.rest.extend_from_slice(&buffer[..length]);
                    let used = stamps(&subscriber.rest, |due| {
                        if due > Duration::ZERO {
                            seen.record(now.saturating_sub(due));
                        }
                    });
                    subscriber.rest.drain(..used);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(seen)
}

/// Tells the time of every whole record, and how many bytes need not be looked at again.
fn stamps(bytes: &[u8], mut each: impl FnMut(Duration)) -> usize {
    const KEY: &[u8] = b"\"Data\":\"";
    /// Base64 of `T` and 17 digits.
    const LENGTH: usize = 24;
    let mut used = 0;
    for at in memchr::memmem::find_iter(bytes, KEY) {
        let start = at + KEY.len();
        let Some(text) = bytes.get(start..start + LENGTH) else {
            return at;
        };
        let data = base64_simd::STANDARD.decode_to_vec(text).unwrap_or_default();
        let text = String::from_utf8_lossy(&data);
        if let Some(micros) = text.strip_prefix('T').and_then(|digits| digits.parse().ok()) {
            each(Duration::from_micros(micros));
        }
        used = start + LENGTH;
    }
    used.max(bytes.len().saturating_sub(KEY.len()))
}
