//! What a bare HTTP server does on loopback, driven by the same generator: small requests alone and together, large
//! bodies in, large answers out.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::client::{Client, Request};
use crate::contender::{BareHttp, Contender};
use crate::load::{self, CONNECTIONS, Latency, Outcome, Session, Shape, Until, Workload};
use crate::process::Running;

/// The body of a PutRecords of 500 × 1 KiB as `boto3` writes it, in bytes.
pub const BODY_BYTES: usize = 719_037;
/// The body of a PutRecord of 1 KiB, and of its answer.
const SMALL_BYTES: (usize, usize) = (1_480, 120);
/// An answer of GetRecords with a thousand records of 1 KiB, in bytes, and its payload.
const ANSWER_BYTES: (usize, u64) = (1_560_000, 1_024_000);

/// The limits.
#[derive(Clone, Copy, Debug)]
pub struct Http {
    /// Requests as small as PutRecord on one connection.
    pub one: Latency,
    /// The same on eight.
    pub many: Latency,
    /// The server's CPU time for one of these, in microseconds.
    pub cpu_us: f64,
    /// Bodies of a PutRecords received: megabytes of payload per second.
    pub receive_mb_per_s: f64,
    /// And CPU seconds per 10^9 bytes of payload.
    pub receive_cpu_s_per_gb: f64,
    /// Answers of a GetRecords sent: CPU seconds per 10^9 bytes of payload.
    pub send_cpu_s_per_gb: f64,
}

impl Http {
    /// The better of two.
    pub fn or(self, other: Self) -> Self {
        let less_late = |a: Latency, b: Latency| if a.p99 < b.p99 { a } else { b };
        let more = |a: Latency, b: Latency| if a.per_s > b.per_s { a } else { b };
        Self {
            one: less_late(self.one, other.one),
            many: more(self.many, other.many),
            cpu_us: self.cpu_us.min(other.cpu_us),
            receive_mb_per_s: self.receive_mb_per_s.max(other.receive_mb_per_s),
            receive_cpu_s_per_gb: self.receive_cpu_s_per_gb.min(other.receive_cpu_s_per_gb),
            send_cpu_s_per_gb: self.send_cpu_s_per_gb.min(other.send_cpu_s_per_gb),
        }
    }
}

/// Measures each for so long.
pub fn measure((home, work): (&Path, &Path), length: Duration) -> Result<Http> {
    BareHttp.install(home)?;
    let server = Running::start(&BareHttp, home, work)?;
    let until = Until {
        bytes: u64::MAX,
        length,
    };
    let run = |work: &Bare, connections| -> Result<(Outcome, f64)> {
        let before = server.cpu_seconds();
        let outcome = load::closed(work, connections, until)?;
        Ok((outcome, server.cpu_seconds() - before))
    };
    let small = Bare::new(server.port, SMALL_BYTES, 1024);
    let (one, _) = run(&small, 1)?;
    let (many, small_cpu) = run(&small, CONNECTIONS)?;
    let (receive, receive_cpu) = run(
        &Bare::new(server.port, (BODY_BYTES, 0), Shape::BATCH.payload()),
        CONNECTIONS,
    )?;
    let answers = Bare::new(server.port, (100, ANSWER_BYTES.0), ANSWER_BYTES.1);
    let (send, send_cpu) = run(&answers, CONNECTIONS)?;
    Ok(Http {
        one: one.latency,
        many: many.latency,
        cpu_us: small_cpu * 1e6 / many.calls as f64,
        receive_mb_per_s: receive.bytes as f64 / 1e6 / receive.took.as_secs_f64(),
        receive_cpu_s_per_gb: receive_cpu / (receive.bytes as f64 / 1e9),
        send_cpu_s_per_gb: send_cpu / (send.bytes as f64 / 1e9),
    })
}

struct Bare {
    port: u16,
    request: Request,
    payload: u64,
}

impl Bare {
    fn new(port: u16, (body, answer): (usize, usize), payload: u64) -> Self {
        let headers = [
            ("host".to_owned(), format!("127.0.0.1:{port}")),
            ("x-answer".to_owned(), answer.to_string()),
        ];
        Self {
            port,
            request: Request::new(load::Http::One, &headers, &vec![b'x'; body]),
            payload,
        }
    }
}

impl Workload for Bare {
    fn open(&self, _: usize) -> Result<Box<dyn Session + '_>> {
        let client = Client::open(self.port, load::Http::One)?;
        Ok(Box::new(Asking { client, bare: self }))
    }
}

struct Asking<'a> {
    client: Client,
    bare: &'a Bare,
}

impl Session for Asking<'_> {
    fn call(&mut self, _: u64) -> Result<u64> {
        let (status, _) = self.client.call(&self.bare.request)?;
        ensure!(status == 200, "the bare server answers {status}");
        Ok(self.bare.payload)
    }
}
