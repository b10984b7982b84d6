//! The Kafka protocol as far as a producer and a fetcher of one broker need it, in versions before compact encodings
//! that Kafka 4 still takes: Produce 7, Fetch 4, CreateTopics 4, ApiVersions 0.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

pub use super::kafka_batch::{batch, count};

/// What is asked, and its version.
const PRODUCE: (i16, i16) = (0, 7);
const FETCH: (i16, i16) = (1, 4);
const API_VERSIONS: (i16, i16) = (18, 0);
const CREATE_TOPICS: (i16, i16) = (19, 4);
/// Answered by every replica there is.
const ACKS_ALL: i16 = -1;
/// How long the broker may take, in milliseconds.
const TIMEOUT_MS: i32 = 30_000;
/// Most of an answer, in bytes.
const FETCH_BYTES_MAX: i32 = 10 << 20;
/// How long a fetch waits for data, in milliseconds.
const FETCH_WAIT_MS: i32 = 100;

/// One connection.
pub struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    /// Connects to a port of the loopback address.
    pub fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self {
            stream,
            answer: Vec::new(),
        })
    }

    /// Whether a broker answers.
    pub fn hello(&mut self) -> Result<()> {
        let request = request(API_VERSIONS, |_| {});
        self.call(&request)?;
        Ok(())
    }

    /// Makes a topic; one that is there already is fine.
    pub fn create(&mut self, topic: &str, partitions: i32) -> Result<()> {
        const EXISTS: i16 = 36;
        let request = request(CREATE_TOPICS, |out| {
            out.extend(1i32.to_be_bytes());
            text(out, topic);
            out.extend(partitions.to_be_bytes());
            out.extend(1i16.to_be_bytes()); // one replica
            out.extend([0; 4]); // no assignments
            out.extend([0; 4]); // no configuration
            out.extend(TIMEOUT_MS.to_be_bytes());
            out.push(0); // not only to validate
        });
        let mut answer = Reader(self.call(&request)?);
        answer.skip(4 + 4)?; // throttled, one topic
        answer.text()?;
        match answer.i16()? {
            0 | EXISTS => Ok(()),
            error => bail!("CreateTopics: error {error}"),
        }
    }

    /// Sends a laid-out Produce and waits until all partitions are acknowledged.
    pub fn produce(&mut self, request: &[u8]) -> Result<()> {
        let mut answer = Reader(self.call(request)?);
        for _ in 0..answer.i32()? {
            answer.text()?;
            for _ in 0..answer.i32()? {
                let partition = answer.i32()?;
                match answer.i16()? {
                    0 => answer.skip(8 + 8 + 8)?, // offset, time, first offset
                    error => bail!("Produce to partition {partition}: error {error}"),
                }
            }
        }
        Ok(())
    }

    /// Reads what a partition has from an offset on: how many records, and where to go on.
    pub fn fetch(&mut self, topic: &str, partition: i32, offset: i64) -> Result<(u64, i64)> {
        let request = request(FETCH, |out| {
            out.extend((-1i32).to_be_bytes()); // a consumer, no replica
            out.extend(FETCH_WAIT_MS.to_be_bytes());
            out.extend(1i32.to_be_bytes()); // anything at all
            out.extend(FETCH_BYTES_MAX.to_be_bytes());
            out.push(0); // of transactions that were not ended, too
            out.extend(1i32.to_be_bytes());
            text(out, topic);
            out.extend(1i32.to_be_bytes());
            out.extend(partition.to_be_bytes());
            out.extend(offset.to_be_bytes());
            out.extend(FETCH_BYTES_MAX.to_be_bytes());
        });
        let mut answer = Reader(self.call(&request)?);
        answer.skip(4 + 4)?; // throttled, one topic
        answer.text()?;
        answer.skip(4 + 4)?; // one partition, its number
        let error = answer.i16()?;
        if error != 0 {
            bail!("Fetch of partition {partition}: error {error}");
        }
        answer.skip(8 + 8)?; // high watermark, last stable offset
        let aborted = usize::try_from(answer.i32()?).unwrap_or(0);
        answer.skip(aborted * 16 + 4)?; // and how long the records are
        Ok(count(answer.0, offset))
    }

    fn call(&mut self, request: &[u8]) -> Result<&[u8]> {
        self.stream.write_all(request)?;
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = usize::try_from(i32::from_be_bytes(length))?;
        self.answer.resize(length, 0);
        self.stream.read_exact(&mut self.answer)?;
        self.answer.get(4..).context("an answer without a correlation id")
    }
}

/// A Produce of one batch for each of these partitions, laid out.
pub fn produce(topic: &str, batches: &[(i32, Vec<u8>)]) -> Vec<u8> {
    request(PRODUCE, |out| {
        out.extend((-1i16).to_be_bytes()); // no transaction
        out.extend(ACKS_ALL.to_be_bytes());
        out.extend(TIMEOUT_MS.to_be_bytes());
        out.extend(1i32.to_be_bytes());
        text(out, topic);
        out.extend((batches.len() as i32).to_be_bytes());
        for (partition, batch) in batches {
            out.extend(partition.to_be_bytes());
            out.extend((batch.len() as i32).to_be_bytes());
            out.extend_from_slice(batch);
        }
    })
}

fn request((api, version): (i16, i16), body: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = vec![0; 4];
    out.extend(api.to_be_bytes());
    out.extend(version.to_be_bytes());
    out.extend(1i32.to_be_bytes()); // correlation id: one request at a time
    text(&mut out, "bench");
    body(&mut out);
    let length = (out.len() - 4) as i32;
    out[..4].copy_from_slice(&length.to_be_bytes());
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as i16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Reads an answer from its front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn skip(&mut self, length: usize) -> Result<()> {
        self.0 = self.0.get(length..).context("an answer that ends early")?;
        Ok(())
    }

    fn i16(&mut self) -> Result<i16> {
        let number = self.0.first_chunk().context("an answer that ends early")?;
        let number = i16::from_be_bytes(*number);
        self.skip(2)?;
        Ok(number)
    }

    fn i32(&mut self) -> Result<i32> {
        let number = self.0.first_chunk().context("an answer that ends early")?;
        let number = i32::from_be_bytes(*number);
        self.skip(4)?;
        Ok(number)
    }

    fn text(&mut self) -> Result<()> {
        let length = usize::try_from(self.i16()?).unwrap_or(0);
        self.skip(length)
    }
}
