//! Who is measured: one file each says how it is installed and started, and – where it does not speak the Kinesis
//! API – how it is driven.

mod bare_http;
mod fakecloud;
mod ferrokinesis;
mod install;
mod jetstream;
mod kafka;
mod kinesalite;
mod kinesis_local;
mod millrace;

pub use bare_http::BareHttp;
pub use millrace::Millrace;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::kinesis::{self, FanOut, Gets, Puts, SHARDS, STREAM};
use crate::load::{Shape, Workload};
use crate::process::Running;

/// What is known of a contender before it starts.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Name in the tables.
    pub name: &'static str,
    /// Whether an acknowledged record survives a power cut.
    pub durable: bool,
    /// Whether it verifies signatures.
    pub signatures: bool,
    /// What it is.
    pub kind: Kind,
}

/// What a contender is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// This server.
    Ours,
    /// It speaks the same API.
    Api,
    /// It is a log with an API of its own.
    Log,
    /// It only shows what the machine can do.
    Floor,
}

/// Where a contender runs.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where rivals are installed, kept from run to run.
    pub home: PathBuf,
    /// Its data directory, an absolute path.
    pub data: PathBuf,
    /// Its port on the loopback address.
    pub port: u16,
}

/// A server under load. What is said here is said for those that speak the Kinesis API.
pub trait Contender {
    /// Name and properties.
    fn about(&self) -> About;

    /// Gets it under `home`, unless it is there; the error says why it cannot be had on this machine.
    fn install(&self, home: &Path) -> Result<()>;

    /// How it is started; makes the files that it needs before.
    fn command(&self, place: &Place) -> Result<Command>;

    /// Whether it takes requests.
    fn answers(&self, port: u16) -> bool {
        speaks_http(port, "/")
    }

    /// Whether it takes its memory by `malloc`, so that allocations can be counted.
    fn mallocs(&self) -> bool {
        false
    }

    /// Makes the stream under load.
    fn prepare(&self, server: &Running) -> Result<()> {
        kinesis::create(server.port, STREAM, SHARDS)
    }

    /// Puts of a shape.
    fn puts(&self, server: &Running, shape: &Shape) -> Result<Box<dyn Workload>> {
        Ok(Box::new(Puts::new(server.port, STREAM, shape)))
    }

    /// Reads of everything from the start, one worker for each of the stream's shards.
    fn gets(&self, server: &Running) -> Result<Box<dyn Workload>> {
        Ok(Box::new(Gets::new(server.port, Shape::BATCH.bytes as u64)))
    }

    /// From a put until the record is pushed; `None` where that is not supported or not driven here.
    fn fan_out(&self, server: &Running, puts: usize) -> Result<Option<FanOut>> {
        kinesis::fan_out(server.port, puts)
    }
}

/// Everybody, this server first.
pub fn all(server: &Path) -> Vec<Box<dyn Contender>> {
    vec![
        Box::new(Millrace::new(server, true)),
        Box::new(Millrace::new(server, false)),
        Box::new(ferrokinesis::Ferrokinesis),
        Box::new(fakecloud::Fakecloud),
        Box::new(kinesis_local::KinesisLocal),
        Box::new(kinesalite::Kinesalite),
        Box::new(kafka::Kafka { durable: true }),
        Box::new(kafka::Kafka { durable: false }),
        Box::new(jetstream::JetStream { durable: true }),
        Box::new(jetstream::JetStream { durable: false }),
    ]
}

/// Whether it answers by something else than that it is still starting.
fn speaks_http(port: u16, path: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let head = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    let mut first = [0; 12];
    let said = stream.write_all(head.as_bytes()).is_ok() && stream.read_exact(&mut first).is_ok();
    said && first.starts_with(b"HTTP/1.1 ") && !first.ends_with(b"503")
}
