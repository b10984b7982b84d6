//! PutRecord and PutRecords.

use std::time::Duration;

use anyhow::{Result, bail};

use super::Requests;
use crate::client::{Client, Request};
use crate::load::{Http, Session, Shape, Workload};

/// Where errors stand in an answer: scanning all of a large one would cost the generator more than the server.
const LOOKED_AT_BYTES: usize = 4096;
/// How often a put that is refused for want of throughput is sent again, and after what time: clients do so, too.
const AGAIN: (u32, Duration) = (100, Duration::from_millis(100));

/// Puts of a shape into a stream.
pub struct Puts {
    port: u16,
    http: Http,
    payload: u64,
    requests: Vec<Request>,
}

impl Puts {
    /// Lays them out.
    pub fn new(port: u16, stream: &str, shape: &Shape) -> Self {
        Self {
            port,
            http: shape.http,
            payload: shape.payload(),
            requests: Requests::new(port).puts(stream, shape),
        }
    }
}

impl Workload for Puts {
    fn open(&self, _: usize) -> Result<Box<dyn Session + '_>> {
        let client = Client::open(self.port, self.http)?;
        Ok(Box::new(Putting { client, puts: self }))
    }
}

struct Putting<'a> {
    client: Client,
    puts: &'a Puts,
}

impl Session for Putting<'_> {
    fn call(&mut self, at: u64) -> Result<u64> {
        let requests = &self.puts.requests;
        let request = &requests[at as usize % requests.len()];
        let mut refusals = 0;
        loop {
            let (status, answer) = self.client.call(request)?;
            if status == 200 && !refused(answer) {
                return Ok(self.puts.payload);
            }
            let shown = String::from_utf8_lossy(&answer[..answer.len().min(300)]);
            let throttled = shown.contains("ProvisionedThroughputExceededException");
            if !throttled || refusals == AGAIN.0 {
                bail!("a put was refused: {status} {shown}");
            }
            if refusals == 0 {
                println!("   a put was refused for want of throughput, and is sent again until it is taken");
            }
            refusals += 1;
            std::thread::sleep(AGAIN.1);
        }
    }
}

/// Whether an entry of PutRecords has an error: its code is a text, in JSON or in CBOR.
fn refused(answer: &[u8]) -> bool {
    const CODE: &[u8] = b"ErrorCode";
    let head = &answer[..answer.len().min(LOOKED_AT_BYTES)];
    memchr::memmem::find_iter(head, CODE).any(|at| {
        let value = &head[at + CODE.len()..];
        value.starts_with(b"\":\"") || value.first().is_some_and(|head| head >> 5 == 3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_seen_in_both_codecs() {
        assert!(refused(br#"{"Records":[{"ErrorCode":"InternalFailure"}]}"#));
        assert!(!refused(br#"{"Records":[{"ErrorCode":null}]}"#));
        assert!(refused(b"\xa1\x69ErrorCode\x6fInternalFailure"));
        assert!(!refused(b"\xa1\x69ErrorCode\xf6"));
    }
}
