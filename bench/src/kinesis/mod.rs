//! What is asked of a server that speaks the Kinesis API: its stream, puts, gets, and pushes.

mod cbor;
mod get;
mod push;
mod put;
mod requests;

pub use get::Gets;
pub use push::{FanOut, fan_out};
pub use put::Puts;
pub use requests::Requests;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::client::http1::Connection;

/// The stream under load.
pub const STREAM: &str = "bench";
/// Its shards, and what other logs have in their place.
pub const SHARDS: usize = 4;
/// How long a stream may take until it is ACTIVE.
const CREATION: Duration = Duration::from_secs(120);

/// Makes a stream and waits until it takes records.
pub fn create(port: u16, stream: &str, shards: usize) -> Result<()> {
    let (mut connection, requests) = (Connection::open(port)?, Requests::new(port));
    let body = format!(r#"{{"StreamName":"{stream}","ShardCount":{shards}}}"#);
    let (status, answer) = connection.call(&requests.json("CreateStream", &body))?;
    if status != 200 {
        bail!("CreateStream: {status} {}", String::from_utf8_lossy(answer));
    }
    active(&mut connection, &requests, stream)
}

/// Waits until a stream takes records.
pub fn active(connection: &mut Connection, requests: &Requests, stream: &str) -> Result<()> {
    let begun = Instant::now();
    let body = format!(r#"{{"StreamName":"{stream}"}}"#);
    let mut last = String::new();
    while begun.elapsed() < CREATION {
        let (status, answer) = connection.call(&requests.json("DescribeStreamSummary", &body))?;
        last = String::from_utf8_lossy(answer).into_owned();
        if status != 200 {
            break;
        }
        if last.contains("\"ACTIVE\"") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    bail!("stream {stream} never became ACTIVE: {last}")
}

/// The text between the last `key` and the next quote.
pub fn text_after(text: &[u8], key: &[u8]) -> Option<String> {
    let start = memchr::memmem::rfind(text, key)? + key.len();
    let end = start + memchr::memchr(b'"', &text[start..])?;
    Some(String::from_utf8_lossy(&text[start..end]).into_owned())
}
